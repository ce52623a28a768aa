//! What only a running task can fill in: results of its earlier steps, and how often it was tried.

use std::sync::Arc;

use stepwell_contract::ParamValue;

use crate::run::{Step, StepFacts, StepOutcome, TaskRun};

/// Whether the step's `when` lets it run.
pub(crate) fn allowed(_: &Step, _: &StepFacts<'_>) -> Result<bool, String> {
    Ok(true)
}

/// The step with its late references filled in.
pub(crate) fn fill(step: &Step, _: &StepFacts<'_>) -> Result<Step, String> {
    Ok(step.clone())
}

/// The task's results that come from its steps.
pub(crate) fn results(_: &TaskRun, _: &[StepOutcome]) -> Vec<(Arc<str>, ParamValue)> {
    Vec::new()
}
