//! What of the scheduler's words is said in other words elsewhere.

use stepwell_contract::event::Verdict;
use stepwell_spec::{RemoteKind, RemoteRef};

use crate::graph::Why;
use crate::task::HaltCause;

/// Why a TaskRun is stopped, as it says so itself.
pub(super) fn cause(why: Why) -> HaltCause {
    match why {
        Why::Cancelled => HaltCause::PipelineCancelled,
        Why::TimedOut => HaltCause::PipelineTimedOut,
    }
}

/// A document of `pipeline` could not be fetched.
pub(super) fn not_fetched(pipeline: &str, reference: &RemoteRef, cause: &str) -> Verdict {
    let kind = reference.kind.as_str();
    let reason = match reference.kind {
        RemoteKind::Task | RemoteKind::StepAction => "CouldntGetTask",
        RemoteKind::Pipeline => "CouldntGetPipeline",
    };
    Verdict {
        succeeded: false,
        reason: reason.to_owned(),
        message: format!(
            "Pipeline {pipeline} can't be Run; it contains {kind}s that don't exist: {cause}"
        ),
    }
}
