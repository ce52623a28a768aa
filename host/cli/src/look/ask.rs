//! What is asked of a run's process and what it answers, in the frames that are JSON.

use std::error::Error;

use serde::{Deserialize, Serialize};
use stepwell_contract::{Ending, SandboxError, SandboxErrorKind};

use crate::exit::{Coded, ExitCode};

/// Of this conversation; another one is refused, in words.
pub(super) const VERSION: u32 = 1;

/// The first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) version: u32,
    /// Which step: `TASK/STEP`, or what of it is needed.
    pub(super) part: Option<String>,
    pub(super) what: What,
}

/// What is wanted of the step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// A shell beside it.
    Shell {
        /// What to run; empty for the shell that is there.
        command: Vec<String>,
        /// Lines and columns, where there is a terminal.
        terminal: Option<(u16, u16)>,
    },
    /// The file or the folder at this path.
    Copy {
        /// As the step sees it.
        path: String,
    },
    /// All that it sees, as a tar archive.
    Archive,
    /// That it goes on, which waits at a breakpoint.
    Continue {
        /// As one that failed.
        fail: bool,
    },
}

/// That it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// With which step: `TASK/STEP`.
    pub(super) step: String,
    /// Whether files of a folder follow, and not one file.
    pub(super) folder: bool,
}

/// How a shell ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// What to end with.
    pub(super) code: i32,
    /// What to say of it, where it did not end by itself.
    pub(super) words: Option<String>,
}

impl Ended {
    pub(super) const WELL: Self = Self {
        code: 0,
        words: None,
    };

    pub(super) fn of(ending: &Ending) -> Self {
        let words = match ending {
            Ending::Exited { .. } => None,
            Ending::Cancelled => Some("the task has ended, and the shell with it".to_owned()),
            other => Some(format!("the shell was stopped: {other:?}")),
        };
        Self {
            code: ending.exit_code(),
            words,
        }
    }
}

/// Why it is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused {
    /// Lines for a person.
    pub(super) message: String,
    pub(super) whose: Whose,
}

/// Who can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Whose {
    /// Whoever asked.
    Asker,
    /// Nobody: the backend has no such power.
    Machine,
    /// Stepwell.
    Ours,
}

impl Refused {
    pub(super) fn asker(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            whose: Whose::Asker,
        }
    }

    /// What a sandbox could not do, with its causes.
    pub(super) fn because_of(error: &SandboxError) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message += &format!(": {error}");
            cause = error.source();
        }
        let whose = match error.kind {
            SandboxErrorKind::Unsupported(_) => Whose::Machine,
            SandboxErrorKind::Malformed | SandboxErrorKind::NotFound => Whose::Asker,
            _ => Whose::Ours,
        };
        Self { message, whose }
    }

    /// For whoever asked.
    pub(super) fn into_error(self) -> anyhow::Error {
        let code = match self.whose {
            Whose::Asker => ExitCode::Usage,
            Whose::Machine => ExitCode::Environment,
            Whose::Ours => ExitCode::OurTrouble,
        };
        Coded::new(code, self.message).into()
    }
}
