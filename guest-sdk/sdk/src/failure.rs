//! Saying why a run failed.

use crate::{EmitError, Failure, FailureClass};

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
