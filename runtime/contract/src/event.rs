//! What happens in a run, as it happens. Whatever is shown to a person or a machine comes from these events.
//!
//! The JSON form is a public interface: `docs/reference/events.md` describes it, and a test compares the two.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

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

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// In which run.
    pub run: RunName,
    /// In which task; `None` for an event of the run.
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
    /// A task begins.
    TaskStart {
        /// The steps it will run, in order.
        steps: Vec<StepName>,
        /// The TaskRun as it would be stored: `apiVersion`, `kind`, `metadata`, `spec`.
        #[serde(skip)]
        task_run: Arc<Value>,
        /// The Task's spec, resolved and substituted (Tekton's `status.taskSpec`).
        #[serde(skip)]
        task_spec: Arc<Value>,
    },
    /// A task has ended.
    TaskEnd {
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
        /// Milliseconds since its start.
        duration_ms: u64,
    },
    /// A step begins.
    StepStart {
        /// What the document calls its code.
        image: Arc<str>,
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
    },
    /// A task has a result.
    Result {
        /// Its name.
        name: Arc<str>,
        /// Its type.
        result_type: ParamType,
        /// Its value.
        value: ParamValue,
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
