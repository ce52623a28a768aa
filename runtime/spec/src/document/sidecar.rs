//! A container that runs beside a Task's steps.

use std::sync::Arc;

use crate::document::container::{Container, Place};
use crate::document::shape::{self, CONTAINER};
use crate::document::workspace::WorkspaceUsage;
use crate::fields::{Fields, Text};
use crate::problem::Problems;
use crate::source::Span;
use crate::yaml::Node;

/// A sidecar.
#[derive(Debug, Clone)]
pub(crate) struct SidecarDecl {
    pub(crate) span: Span,
    pub(crate) name: Option<Text>,
    pub(crate) container: Container,
    pub(crate) script: Option<Text>,
    pub(crate) workspaces: Vec<WorkspaceUsage>,
}

impl SidecarDecl {
    /// Reads a sidecar.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a sidecar", problems)?;
        shape::check_rows(&fields, CONTAINER, problems);
        fields.text("restartPolicy");
        let sidecar = Self {
            span: fields.span(),
            name: fields.word("name"),
            container: Container::read(&fields, problems),
            script: fields.word("script"),
            workspaces: fields.each("workspaces", WorkspaceUsage::read),
        };
        fields.finish();
        Some(sidecar)
    }

    /// Every text in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Text, Place)> {
        let own = self.script.iter().chain(&self.name);
        self.container
            .texts()
            .chain(own.map(|text| (text, Place::Text)))
    }
}
