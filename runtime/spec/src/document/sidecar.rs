//! A container that runs beside a Task's steps.

use std::sync::Arc;

use crate::document::container::{Container, Place};
use crate::document::probe::{PortDecl, ProbeDecl};
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
    pub(crate) ports: Vec<PortDecl>,
    pub(crate) startup: Option<ProbeDecl>,
    pub(crate) readiness: Option<ProbeDecl>,
    pub(crate) liveness: Option<ProbeDecl>,
    /// `lifecycle`, where it stands.
    pub(crate) lifecycle: Option<Span>,
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
            ports: fields.each("ports", PortDecl::read),
            startup: fields.one("startupProbe", ProbeDecl::read),
            readiness: fields.one("readinessProbe", ProbeDecl::read),
            liveness: fields.one("livenessProbe", ProbeDecl::read),
            lifecycle: node.entry("lifecycle").map(|node| node.span),
        };
        fields.finish();
        Some(sidecar)
    }

    /// Every text in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Text, Place)> {
        let probes = [&self.startup, &self.readiness, &self.liveness];
        let probes = probes.into_iter().flatten().flat_map(ProbeDecl::texts);
        let own = self.script.iter().chain(&self.name).chain(probes);
        self.container
            .texts()
            .chain(own.map(|text| (text, Place::Text)))
    }
}
