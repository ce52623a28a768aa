//! Why a run failed, and the class of that. `error.rs` makes one of any error.

use std::error::Error;
use std::fmt;

use crate::bindings::stepwell::task::types as wire;
use crate::{EmitError, FailureClass};

/// Why a run failed.
///
/// Its class is also the source of it as an error, so that it is found again whatever was wrapped around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What sort of failure it is.
    pub class: FailureClass,
    /// The reason in one line or a few, for a person. It is shown as it is.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.class)
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "failed",
            Self::MalformedInput => "malformed input",
            Self::Transient => "transient",
        })
    }
}

impl Error for FailureClass {}

impl From<Failure> for wire::Failure {
    fn from(failure: Failure) -> Self {
        let Failure { class, message } = failure;
        Self { class, message }
    }
}

impl Failure {
    fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }

    /// The work was done and its verdict is no.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureClass::Failed, message)
    }

    /// What the plugin was given makes no sense; another try with the same input cannot help.
    pub fn malformed_input(message: impl Into<String>) -> Self {
        Self::new(FailureClass::MalformedInput, message)
    }

    /// Something outside was not there; another try may help.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(FailureClass::Transient, message)
    }
}

/// A result that was not taken is a verdict on the plugin's work: one declared differently will not be taken next time.
impl From<EmitError> for Failure {
    fn from(error: EmitError) -> Self {
        Self::failed(error.to_string())
    }
}
