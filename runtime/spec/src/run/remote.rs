//! Documents that live elsewhere: what has to be fetched before a run is known.

use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::ParamValue;

use super::{Pipeline, Run, TaskRun};
use crate::source::{SourceId, Span};

/// What comes of reading documents.
#[derive(Debug, Clone)]
pub enum Resolved {
    /// Everything is known.
    Run(Run),
    /// These have to be fetched first, and given back as [`Request::remotes`](crate::Request::remotes).
    Needs(Vec<RemoteRef>),
}

/// What sort of document is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemoteKind {
    /// A Task.
    Task,
    /// A Pipeline.
    Pipeline,
    /// A StepAction.
    StepAction,
}

impl RemoteKind {
    /// As `kind:` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Pipeline => "Pipeline",
            Self::StepAction => "StepAction",
        }
    }
}

/// The resolver that makes a Task out of a component. It takes a path, which starts where the text lies that names it.
pub const COMPONENT_RESOLVER: &str = "component";

/// A reference with a `resolver`, its params substituted. Two with the same kind, resolver and params are the same, unless
/// they may be paths and stand in different texts.
#[derive(Debug, Clone)]
pub struct RemoteRef {
    /// What is wanted.
    pub kind: RemoteKind,
    /// `git`, `http`, `bundles`, `component` and others.
    pub resolver: String,
    /// By name, in the order of the document.
    pub params: Vec<(String, ParamValue)>,
    /// Where the document says so.
    pub span: Span,
}

impl PartialEq for RemoteRef {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.resolver, &self.params, self.starts_from())
            == (
                other.kind,
                &other.resolver,
                &other.params,
                other.starts_from(),
            )
    }
}

impl RemoteRef {
    /// The text whose place decides what the params mean; `None` where they mean the same everywhere.
    pub fn starts_from(&self) -> Option<SourceId> {
        (self.resolver == COMPONENT_RESOLVER).then_some(self.span.source)
    }
}

/// A document that was fetched.
#[derive(Debug, Clone)]
pub struct Remote {
    /// For which reference.
    pub reference: RemoteRef,
    /// Its text, among the [`Sources`](crate::Sources).
    pub source: SourceId,
    /// Where exactly it came from: Tekton's `refSource`, with `uri`, `digest` and `entryPoint`.
    pub provenance: Arc<Value>,
}

impl Resolved {
    /// The TaskRun, where that is what it is.
    pub fn into_task_run(self) -> Option<TaskRun> {
        match self {
            Self::Run(Run::Task(run)) => Some(*run),
            _ => None,
        }
    }

    /// The PipelineRun, where that is what it is.
    pub fn into_pipeline(self) -> Option<Pipeline> {
        match self {
            Self::Run(Run::Pipeline(run)) => Some(*run),
            _ => None,
        }
    }
}
