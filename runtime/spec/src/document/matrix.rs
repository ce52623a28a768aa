//! `matrix`: one pipeline task as many, one for each combination of values.

use std::sync::Arc;

use crate::document::param::{self, GivenParam};
use crate::document::when::WhenDecl;
use crate::fields::{Fields, Text};
use crate::problem::Problems;
use crate::source::Span;
use crate::yaml::Node;

/// A matrix.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) span: Span,
    /// Arrays, of which every combination is a row; the first one's values change fastest.
    pub(crate) params: Vec<GivenParam>,
    pub(crate) include: Vec<Include>,
}

/// More params for the rows that they fit, or a row of their own.
#[derive(Debug)]
pub(crate) struct Include {
    pub(crate) name: Option<Text>,
    pub(crate) params: Vec<GivenParam>,
    /// What has to hold for it to count.
    pub(crate) when: Vec<WhenDecl>,
}

impl Matrix {
    /// Reads a matrix.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a matrix", problems)?;
        let matrix = Self {
            span: fields.span(),
            params: param::given(&fields),
            include: fields.each("include", Include::read),
        };
        fields.finish();
        Some(matrix)
    }

    /// Every param of it, in the order written.
    pub(crate) fn all_params(&self) -> impl Iterator<Item = &GivenParam> {
        let included = self.include.iter().flat_map(|include| &include.params);
        self.params.iter().chain(included)
    }
}

impl Include {
    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "an item of `include`", problems)?;
        let include = Self {
            name: fields.word("name"),
            params: param::given(&fields),
            when: fields.each("when", WhenDecl::read),
        };
        fields.finish();
        Some(include)
    }
}
