//! `when`: what has to hold for a step or a pipeline task to run.

use std::sync::Arc;

use crate::fields::{Fields, Text};
use crate::problem::Problems;
use crate::source::Span;
use crate::yaml::Node;

/// One expression of `when`.
#[derive(Debug, Clone)]
pub(crate) struct WhenDecl {
    pub(crate) span: Span,
    pub(crate) input: Option<Text>,
    /// `in` or `notin`.
    pub(crate) operator: Option<Text>,
    pub(crate) values: Vec<Text>,
    pub(crate) cel: Option<Text>,
}

impl WhenDecl {
    /// Reads an expression.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a `when` expression", problems)?;
        let when = Self {
            span: fields.span(),
            input: fields.text("input"),
            operator: fields.word("operator"),
            values: fields.texts("values"),
            cel: fields.word("cel"),
        };
        fields.finish();
        Some(when)
    }

    /// The texts in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.input.iter().chain(&self.values).chain(&self.cel)
    }
}
