//! A run that a controller would have taken and failed at once.

use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::event::Verdict;

/// A run that is well-formed and cannot start: what a cluster would show for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The TaskRun or PipelineRun as a cluster would store it.
    pub object: Arc<Value>,
    /// What it would say, in Tekton's words.
    pub verdict: Verdict,
}
