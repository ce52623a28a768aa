//! What `resolve` gives: one run, with nothing left to look up in any document.
//!
//! A [`TaskRun`] is complete but for what only its own steps can say. A [`Pipeline`] makes its TaskRuns one by one, when
//! the results that they refer to are known: see [`Pipeline::instances`].

mod facts;
mod pipeline;
mod refused;
mod remote;
mod sidecar;
mod task;
mod volume;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_contract::RunName;

pub use facts::{Facts, TaskFact, TaskStatus};
pub use pipeline::{
    Broken, Instance, Instances, Pipeline, PipelineTask, RequestedStatus, Section, Timeouts, When,
};
pub use refused::Refused;
pub use remote::{COMPONENT_RESOLVER, Remote, RemoteKind, RemoteRef, Resolved};
pub use sidecar::{Check, Port, Probe, Sidecar};
pub use task::{
    Breakpoints, CacheSetting, OnError, RequestedEnd, Step, StepFacts, StepOutcome, TaskRun, Tee,
    Workspace,
};
pub use volume::{File, FileSet, MountedVolume, TaskVolume, VolumeSource};

/// How long a TaskRun and a PipelineRun may take that do not say so; Tekton's default.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// One execution of a document.
#[derive(Debug, Clone)]
pub enum Run {
    /// Of a Task.
    Task(Box<TaskRun>),
    /// Of a Pipeline.
    Pipeline(Box<Pipeline>),
}

impl Run {
    /// The name of the TaskRun or PipelineRun.
    pub fn name(&self) -> &RunName {
        match self {
            Self::Task(run) => &run.name,
            Self::Pipeline(run) => &run.name,
        }
    }

    /// The TaskRun or PipelineRun as a cluster would store it.
    pub fn object(&self) -> &Arc<Value> {
        match self {
            Self::Task(run) => &run.document,
            Self::Pipeline(run) => &run.object,
        }
    }

    /// Every value of every Secret that the documents hold, to be masked wherever it would be shown.
    pub fn secrets(&self) -> &[Arc<str>] {
        match self {
            Self::Task(run) => &run.secrets,
            Self::Pipeline(run) => &run.secrets,
        }
    }
}
