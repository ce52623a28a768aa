//! A StepAction's spec as it is written: a step that other Tasks take over by name.

use std::sync::Arc;

use crate::document::container::{Container, Place};
use crate::document::param::{self, ParamDecl, ResultDecl};
use crate::fields::{Fields, Text};
use crate::problem::Problems;
use crate::yaml::Node;

/// A StepAction's spec.
#[derive(Debug)]
pub(crate) struct StepActionSpec {
    pub(crate) node: Arc<Node>,
    pub(crate) params: Vec<ParamDecl>,
    pub(crate) results: Vec<ResultDecl>,
    pub(crate) container: Container,
    pub(crate) script: Option<Text>,
}

impl StepActionSpec {
    /// Reads a spec. `None`, and a problem, where it is no mapping.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a StepAction's spec", problems)?;
        fields.ignore(&["description"]);
        let spec = Self {
            node: Arc::clone(node),
            params: param::declared(&fields),
            results: fields.each("results", ResultDecl::read),
            container: Container::read(&fields, problems),
            script: fields.word("script"),
        };
        fields.finish();
        Some(spec)
    }

    /// Every text in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Text, Place)> {
        let script = self.script.iter().map(|text| (text, Place::Text));
        self.container.texts().chain(script)
    }
}
