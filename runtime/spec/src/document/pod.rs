//! `podTemplate`: of what a pod is made, and what of it can be had without one.

use std::sync::Arc;

use crate::document::env::EnvDecl;
use crate::document::security::SecurityDecl;
use crate::document::shape::{self, POD_TEMPLATE};
use crate::document::volume::VolumeDecl;
use crate::fields::Fields;
use crate::problem::Problems;
use crate::yaml::Node;

/// A pod template.
#[derive(Debug)]
pub(crate) struct PodTemplate {
    /// As it is written.
    pub(crate) node: Arc<Node>,
    /// For every container, where it does not say otherwise.
    pub(crate) env: Vec<EnvDecl>,
    /// What containers can mount beside the Task's own volumes.
    pub(crate) volumes: Vec<VolumeDecl>,
    /// Who every container is, where it does not say otherwise.
    pub(crate) security: SecurityDecl,
}

impl PodTemplate {
    /// Reads a template.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a pod template", problems)?;
        shape::check_rows(&fields, POD_TEMPLATE, problems);
        let template = Self {
            node: Arc::clone(node),
            env: fields.each("env", EnvDecl::read),
            volumes: fields.each("volumes", VolumeDecl::read),
            security: node
                .entry("securityContext")
                .map(|node| SecurityDecl::read(node, problems))
                .unwrap_or_default(),
        };
        fields.finish();
        Some(template)
    }
}
