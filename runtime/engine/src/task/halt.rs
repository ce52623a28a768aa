//! Asking a TaskRun to stop, from any thread, with why: Tekton's message depends on who asks.

use std::sync::{Arc, OnceLock};

use stepwell_contract::{Cancel, CancelReason};

/// Why a TaskRun is stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HaltCause {
    /// Somebody cancelled the TaskRun itself.
    Asked,
    /// The PipelineRun that it belongs to is cancelled.
    PipelineCancelled,
    /// The time of the PipelineRun that it belongs to, or of its part of it, is up.
    PipelineTimedOut,
}

/// A request to one TaskRun to stop. It is made once and never taken back; the first cause stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Halt {
    cause: Arc<OnceLock<HaltCause>>,
    cancel: Cancel,
}

impl Halt {
    /// Makes the request. A second one changes nothing.
    pub(crate) fn ask(&self, cause: HaltCause) {
        self.cause.get_or_init(|| cause);
        self.cancel.cancel(CancelReason::Asked);
    }

    /// Why to stop, if somebody asked.
    pub(crate) fn cause(&self) -> Option<HaltCause> {
        self.cause.get().copied()
    }

    /// The request itself, for whoever only obeys.
    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }
}
