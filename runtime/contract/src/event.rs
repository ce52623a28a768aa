//! What happens in a run, as it happens. Whatever is shown to a person or a machine comes from these events.
//!
//! The JSON form is a public interface: `docs/reference/events.md` describes it, and a test compares the two.

mod cache_use;
mod texts;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

pub use cache_use::{CacheChange, CacheState, CacheUse};

use crate::{Digest, Ending, LogStream, ParamType, ParamValue, RunName, StepName, TaskName};

/// A moment, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds from `earlier` to here; 0 where the clock went backwards.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Why a step's container would be said to have terminated (Tekton's `terminationReason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TerminationReason {
    /// It succeeded.
    Completed,
    /// It failed, and stops the task.
    Error,
    /// It wanted more memory than it may have, and stops the task.
    #[serde(rename = "OOMKilled")]
    OomKilled,
    /// It failed, and its `onError: continue` lets the task go on.
    Continued,
    /// An earlier failure kept it from running.
    Skipped,
    /// It ran longer than its `timeout`.
    TimeoutExceeded,
    /// The run was cancelled, or the task's time was up.
    Cancelled,
}

impl TerminationReason {
    /// Tekton's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::Error => "Error",
            Self::OomKilled => "OOMKilled",
            Self::Continued => "Continued",
            Self::Skipped => "Skipped",
            Self::TimeoutExceeded => "TimeoutExceeded",
            Self::Cancelled => "Cancelled",
        }
    }
}

/// Whether a task or a run succeeded, with Tekton's reason and message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the condition `Succeeded` is `True`.
    pub succeeded: bool,
    /// A word of Tekton's, such as `Succeeded`, `Failed`, `TaskRunTimeout`, `TaskRunCancelled`.
    pub reason: String,
    /// A sentence of Tekton's.
    pub message: String,
}

/// Why a task of a pipeline did not run, in the order in which they are looked for (Tekton's `SkippingReason`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SkipReason {
    /// An earlier failure stopped the run.
    #[serde(rename = "PipelineRun was stopping")]
    Stopping,
    /// `CancelledRunFinally`
    #[serde(rename = "PipelineRun was gracefully cancelled")]
    GracefullyCancelled,
    /// `StoppedRunFinally`
    #[serde(rename = "PipelineRun was gracefully stopped")]
    GracefullyStopped,
    /// Its `when` is false.
    #[serde(rename = "When Expressions evaluated to false")]
    When,
    /// A task before it was skipped, and not for its own `when`.
    #[serde(rename = "Parent Tasks were skipped")]
    ParentSkipped,
    /// It refers to results that are not there.
    #[serde(rename = "Results were missing")]
    ResultsMissing,
    /// The time of the whole run is up.
    #[serde(rename = "PipelineRun timeout has been reached")]
    PipelineTimeout,
    /// The time of the tasks is up.
    #[serde(rename = "PipelineRun Tasks timeout has been reached")]
    TasksTimeout,
    /// The time of `finally` is up.
    #[serde(rename = "PipelineRun Finally timeout has been reached")]
    FinallyTimeout,
    /// An array of its matrix is empty.
    #[serde(rename = "Matrix Parameters have an empty array")]
    EmptyMatrix,
}

impl SkipReason {
    /// Tekton's words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopping => "PipelineRun was stopping",
            Self::GracefullyCancelled => "PipelineRun was gracefully cancelled",
            Self::GracefullyStopped => "PipelineRun was gracefully stopped",
            Self::When => "When Expressions evaluated to false",
            Self::ParentSkipped => "Parent Tasks were skipped",
            Self::ResultsMissing => "Results were missing",
            Self::PipelineTimeout => "PipelineRun timeout has been reached",
            Self::TasksTimeout => "PipelineRun Tasks timeout has been reached",
            Self::FinallyTimeout => "PipelineRun Finally timeout has been reached",
            Self::EmptyMatrix => "Matrix Parameters have an empty array",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// In which run.
    pub run: RunName,
    /// In which task or nested pipeline; `None` for an event of the run.
    pub task: Option<TaskName>,
    /// In which step; `None` for an event of the run or the task.
    pub step: Option<StepName>,
    /// On which try of the task, from 0.
    pub attempt: u32,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum EventKind {
    /// A run begins. Everything was parsed, resolved and admitted.
    RunStart {
        /// How many tasks it has.
        tasks: usize,
        /// How many steps they have together.
        steps: usize,
    },
    /// A run has ended and everything is cleaned up.
    RunEnd {
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
        /// Milliseconds since its start.
        duration_ms: u64,
    },
    /// A pipeline begins: the run's own (`task` is `None`), or one that is nested in it.
    PipelineStart {
        /// The PipelineRun's name.
        name: RunName,
        /// The Pipeline's name.
        pipeline: Arc<str>,
        /// For a nested one, the pipeline task that it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        pipeline_task: Option<Arc<str>>,
        /// What a person calls that pipeline task.
        #[serde(skip_serializing_if = "Option::is_none")]
        display_name: Option<Arc<str>>,
        /// That pipeline task's `when`, as it was evaluated.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        when_expressions: Vec<Value>,
        /// The PipelineRun as it would be stored: `apiVersion`, `kind`, `metadata`, `spec`.
        #[serde(skip)]
        pipeline_run: Arc<Value>,
        /// The Pipeline's spec, resolved and filled in (Tekton's `status.pipelineSpec`).
        #[serde(skip)]
        pipeline_spec: Arc<Value>,
        /// Where the Pipeline came from (Tekton's `status.provenance.refSource`).
        #[serde(skip_serializing_if = "Option::is_none")]
        provenance: Option<Arc<Value>>,
    },
    /// The tasks of a pipeline have settled, and those of `finally` begin.
    FinallyStart {},
    /// A pipeline has ended. Its results came before, as [`EventKind::Result`] with no step.
    PipelineEnd {
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
        /// Milliseconds since its start.
        duration_ms: u64,
    },
    /// A task of a pipeline will not run.
    TaskSkip {
        /// The pipeline task's name.
        pipeline_task: Arc<str>,
        /// Why.
        reason: SkipReason,
        /// Its `when`, as it was evaluated.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        when_expressions: Vec<Value>,
    },
    /// A task begins, or is tried again.
    TaskStart {
        /// The TaskRun's name.
        name: RunName,
        /// The pipeline task that it is an instance of.
        #[serde(skip_serializing_if = "Option::is_none")]
        pipeline_task: Option<Arc<str>>,
        /// What a person calls it.
        #[serde(skip_serializing_if = "Option::is_none")]
        display_name: Option<Arc<str>>,
        /// The pipeline task's `when`, as it was evaluated.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        when_expressions: Vec<Value>,
        /// The steps it will run, in order.
        steps: Vec<StepName>,
        /// Where the Task came from (Tekton's `status.provenance.refSource`).
        #[serde(skip_serializing_if = "Option::is_none")]
        provenance: Option<Arc<Value>>,
        /// The TaskRun as it would be stored: `apiVersion`, `kind`, `metadata`, `spec`.
        #[serde(skip)]
        task_run: Arc<Value>,
        /// The Task's spec, resolved and substituted (Tekton's `status.taskSpec`).
        #[serde(skip)]
        task_spec: Arc<Value>,
    },
    /// A task has ended, or one try of it.
    TaskEnd {
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
        /// Whether it is tried again.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        retried: bool,
        /// Milliseconds since its start.
        duration_ms: u64,
    },
    /// A step begins.
    StepStart {
        /// What the document calls its code.
        image: Arc<str>,
        /// What runs in its place, where the user says that something stands for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        runs: Option<Arc<str>>,
        /// The digest of its code.
        digest: Digest,
    },
    /// A step wrote a line, or a part of one.
    StepLog {
        /// To which output.
        stream: LogStream,
        /// The text, with no line end; bytes that are not UTF-8 show as U+FFFD.
        line: String,
        /// Whether the line goes on in the next event.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    /// A typed step said how far it is.
    StepProgress {
        /// Done so far, in the guest's unit.
        done: u64,
        /// Of how many.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// In the guest's words.
        message: String,
    },
    /// What the cache had to do with a step: comes before its end, where there is a cache.
    StepCache(CacheUse),
    /// A step has ended, or was skipped.
    StepEnd {
        /// Tekton's word for it.
        termination_reason: TerminationReason,
        /// Tekton's exit code for it.
        exit_code: i32,
        /// How it ended; `None` where it never began.
        ending: Option<Ending>,
        /// Milliseconds since its start.
        duration_ms: u64,
        /// Bytes of output that were dropped because of the limit `output`.
        #[serde(skip_serializing_if = "is_zero")]
        dropped_bytes: u64,
        /// Whether it came from the cache.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        cached: bool,
    },
    /// A sidecar is started.
    SidecarStart {
        /// Its name.
        sidecar: StepName,
        /// What the document calls its code.
        image: Arc<str>,
        /// What stands for it, and ran.
        #[serde(skip_serializing_if = "Option::is_none")]
        runs: Option<Arc<str>>,
        /// The digest of its code.
        digest: Digest,
    },
    /// A sidecar is ready; the first step waits until each is, or has ended.
    SidecarReady {
        /// Its name.
        sidecar: StepName,
        /// Milliseconds since its start.
        duration_ms: u64,
    },
    /// A sidecar wrote a line, or a part of one.
    SidecarLog {
        /// Its name.
        sidecar: StepName,
        /// To which output.
        stream: LogStream,
        /// The text, with no line end; bytes that are not UTF-8 show as U+FFFD.
        line: String,
        /// Whether the line goes on in the next event.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    /// A sidecar has ended.
    SidecarEnd {
        /// Its name.
        sidecar: StepName,
        /// Its exit code.
        exit_code: i32,
        /// How it ended; `None` where we could not run it.
        ending: Option<Ending>,
        /// Whether it was stopped because the steps had ended.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        stopped: bool,
        /// Milliseconds since its start.
        duration_ms: u64,
        /// Bytes of output that were dropped because of the limit `output`.
        #[serde(skip_serializing_if = "is_zero")]
        dropped_bytes: u64,
    },
    /// A pipeline, a task or a step has a result.
    Result {
        /// Its name.
        name: Arc<str>,
        /// Its type.
        result_type: ParamType,
        /// Its value.
        value: ParamValue,
    },
    /// A step left artifacts (Tekton's object with `inputs` and `outputs`), or, with no step, the whole task did.
    Artifacts {
        /// What it wrote.
        artifacts: Value,
    },
    /// Something that a user should know and that changes nothing.
    Notice {
        /// What.
        message: String,
    },
    /// Something that Stepwell itself could not do.
    Error {
        /// What, and below it why: one entry per cause.
        causes: Vec<String>,
    },
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
