//! A Task's spec as it is written: declarations and steps, typed, every part with its place.
//!
//! Nothing is substituted and nothing is looked up here; [`crate::check`] says what does not fit together.

use std::sync::Arc;

use crate::document::container::{Container, Place};
use crate::document::param::{self, ParamDecl, ResultDecl};
use crate::document::sidecar::SidecarDecl;
use crate::document::step::{self, StepDecl};
use crate::document::volume::VolumeDecl;
use crate::document::workspace::WorkspaceDecl;
use crate::fields::{Fields, Text};
use crate::problem::Problems;
use crate::yaml::Node;

/// A Task's spec.
#[derive(Debug)]
pub(crate) struct TaskSpec {
    pub(crate) node: Arc<Node>,
    pub(crate) params: Vec<ParamDecl>,
    pub(crate) results: Vec<ResultDecl>,
    pub(crate) workspaces: Vec<WorkspaceDecl>,
    pub(crate) volumes: Vec<VolumeDecl>,
    pub(crate) step_template: Option<Container>,
    /// As they are written: the template comes after what a StepAction says ([`StepDecl::merged`]).
    pub(crate) steps: Vec<StepDecl>,
    pub(crate) sidecars: Vec<SidecarDecl>,
}

impl TaskSpec {
    /// Reads a spec. `None`, and a problem, where it is no mapping.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a Task's spec", problems)?;
        let spec = Self::take(node, &fields);
        fields.finish();
        Some(spec)
    }

    /// Takes a spec out of `fields`, among which there may be others.
    pub(crate) fn take(node: &Arc<Node>, fields: &Fields<'_>) -> Self {
        fields.text("displayName");
        fields.text("description");
        Self {
            node: Arc::clone(node),
            params: param::declared(fields),
            results: fields.each("results", ResultDecl::read),
            workspaces: fields.each("workspaces", WorkspaceDecl::read),
            volumes: fields.each("volumes", VolumeDecl::read),
            step_template: fields.one("stepTemplate", step::read_template),
            steps: fields.each("steps", StepDecl::read),
            sidecars: fields.each("sidecars", SidecarDecl::read),
        }
    }

    /// Every text of its containers in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Text, Place)> {
        let steps = self.steps.iter().flat_map(StepDecl::texts);
        let sidecars = self.sidecars.iter().flat_map(SidecarDecl::texts);
        let template = self.step_template.iter().flat_map(Container::texts);
        steps.chain(sidecars).chain(template)
    }

    /// The name of each step: its own, or `unnamed-N`.
    pub(crate) fn step_names(&self) -> Vec<String> {
        let name = |(index, step): (usize, &StepDecl)| match &step.name {
            Some(name) => name.value.clone(),
            None => format!("unnamed-{index}"),
        };
        self.steps.iter().enumerate().map(name).collect()
    }

    /// The steps with the template's part in them, but without that of StepActions.
    pub(crate) fn merged_steps(&self) -> impl Iterator<Item = StepDecl> {
        let template = self.step_template.as_ref();
        self.steps.iter().map(move |step| step.merged(template))
    }
}
