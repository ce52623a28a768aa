//! How a step ended. This is data, never an error: it is stored, reported and turned into Tekton's words.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::Limit;

/// How a typed component says that it failed (`stepwell:task/types.failure-class`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The work was done and its verdict is no.
    Failed,
    /// What it was given makes no sense: a retry cannot help.
    MalformedInput,
    /// Something outside was not there: a retry may help.
    Transient,
}

/// One line of a guest's backtrace, innermost first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The function, demangled; `<wasm function N>` where the component has no names.
    pub function: String,
    /// `file:line` where the component carries debug information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ending {
    /// It ended by itself; 0 is success.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// A typed component returned a failure.
    Failed {
        /// What sort of failure.
        class: FailureClass,
        /// In the guest's words.
        message: String,
    },
    /// It did something that WebAssembly or the host forbids.
    Trapped {
        /// What it did, in the engine's words.
        reason: String,
        /// The guest's own last words on stderr, where it had any (a panic message).
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Where it did it.
        backtrace: Vec<Frame>,
    },
    /// It hit a limit.
    LimitReached {
        /// Which one.
        limit: Limit,
        /// The value that was in force.
        value: u64,
        /// Where it was.
        backtrace: Vec<Frame>,
    },
    /// It was still running when its time was up.
    TimedOut {
        /// The time it had.
        #[serde(rename = "afterMs", serialize_with = "as_milliseconds")]
        after: Duration,
    },
    /// It was told to stop.
    Cancelled,
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl Ending {
    /// Ended by itself with exit code 0.
    pub const SUCCESS: Self = Self::Exited { code: 0 };

    /// Whether the step did what it was asked.
    pub fn is_success(&self) -> bool {
        *self == Self::SUCCESS
    }

    /// The exit code that Tekton's status shows: the guest's own, 128 + SIGABRT for a trap, 128 + SIGKILL for
    /// what the host put an end to, 1 for a failure that a typed component returned.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Exited { code } => *code,
            Self::Failed { .. } => 1,
            Self::Trapped { .. } => 134,
            Self::LimitReached { .. } | Self::TimedOut { .. } | Self::Cancelled => 137,
        }
    }

    /// One line for a person.
    pub fn summary(&self) -> String {
        match self {
            Self::Exited { code } => format!("exited with code {code}"),
            Self::Failed {
                class: FailureClass::Failed,
                message,
            } => format!("failed: {message}"),
            Self::Failed {
                class: FailureClass::MalformedInput,
                message,
            } => format!("malformed input: {message}"),
            Self::Failed {
                class: FailureClass::Transient,
                message,
            } => format!("failed, perhaps for now: {message}"),
            Self::Trapped {
                reason,
                message: None,
                ..
            } => format!("trapped: {reason}"),
            Self::Trapped {
                reason,
                message: Some(message),
                ..
            } => format!("trapped: {reason}: {message}"),
            Self::LimitReached { limit, value, .. } => {
                format!("reached its limit `{limit}` of {}", limit.show(*value))
            }
            Self::TimedOut { after } => format!("timed out after {after:?}"),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}
