//! A step, and the template that a Task gives to all of its steps.

use std::sync::Arc;
use std::time::Duration;

use crate::document::container::{Container, Place};
use crate::document::param::{self, GivenParam, ResultDecl};
use crate::document::reference::Ref;
use crate::document::shape::{self, CONTAINER, PROBES};
use crate::document::when::WhenDecl;
use crate::document::workspace::WorkspaceUsage;
use crate::fields::{At, Fields, Text};
use crate::problem::Problems;
use crate::source::Span;
use crate::yaml::Node;

/// A step.
#[derive(Debug, Clone)]
pub(crate) struct StepDecl {
    pub(crate) span: Span,
    pub(crate) name: Option<Text>,
    pub(crate) display_name: Option<Text>,
    /// The StepAction that it takes its code from.
    pub(crate) action: Option<Ref>,
    /// What it hands to the StepAction.
    pub(crate) params: Vec<GivenParam>,
    pub(crate) container: Container,
    pub(crate) script: Option<Text>,
    pub(crate) timeout: Option<At<Duration>>,
    pub(crate) on_error: Option<Text>,
    pub(crate) when: Vec<WhenDecl>,
    pub(crate) results: Vec<ResultDecl>,
    pub(crate) workspaces: Vec<WorkspaceUsage>,
    /// `stdoutConfig.path`
    pub(crate) stdout: Option<Text>,
    /// `stderrConfig.path`
    pub(crate) stderr: Option<Text>,
}

impl StepDecl {
    /// Reads a step.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a step", problems)?;
        let output = |name| fields.one(name, read_output);
        // v1beta1 has them still, and does nothing with them.
        shape::check_rows(&fields, CONTAINER, problems);
        shape::check_rows(&fields, PROBES, problems);
        let step = Self {
            span: fields.span(),
            name: fields.word("name"),
            display_name: fields.word("displayName"),
            action: fields.one("ref", Ref::read_step_action),
            params: param::given(&fields),
            container: Container::read(&fields, problems),
            script: fields.word("script"),
            timeout: fields.duration("timeout"),
            on_error: fields.word("onError"),
            when: fields.each("when", WhenDecl::read),
            results: fields.each("results", ResultDecl::read),
            workspaces: fields.each("workspaces", WorkspaceUsage::read),
            stdout: output("stdoutConfig"),
            stderr: output("stderrConfig"),
        };
        fields.finish();
        Some(step)
    }

    /// The step with what it does not say itself taken from `template`; what comes from a StepAction has to be in it by
    /// then.
    pub(crate) fn merged(&self, template: Option<&Container>) -> Self {
        let mut step = self.clone();
        if let Some(template) = template {
            step.container.merge(template, step.script.is_some());
        }
        step
    }

    /// Every text in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Text, Place)> {
        let own = [
            &self.script,
            &self.on_error,
            &self.display_name,
            &self.stdout,
            &self.stderr,
        ];
        let name = self.action.iter().filter_map(|action| action.name.as_ref());
        let own = own.into_iter().flatten().chain(name);
        self.container
            .texts()
            .chain(own.map(|text| (text, Place::Text)))
    }
}

/// Reads `stepTemplate`.
pub(crate) fn read_template(node: &Arc<Node>, problems: &Problems) -> Option<Container> {
    let fields = Fields::open(node, "a step template", problems)?;
    shape::check_rows(&fields, CONTAINER, problems);
    shape::check_rows(&fields, PROBES, problems);
    // Tekton gave it up: every step has its own.
    fields.ignore(&["name"]);
    let template = Container::read(&fields, problems);
    fields.finish();
    Some(template)
}

fn read_output(node: &Arc<Node>, problems: &Problems) -> Option<Text> {
    let fields = Fields::open(node, "a file for output", problems)?;
    let path = fields.need_text("path");
    fields.finish();
    path
}
