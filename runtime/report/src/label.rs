//! What is said before a step's lines.

use std::borrow::Cow;

use stepwell_contract::StepName;

/// The step alone where a Task runs by itself; else the task, and its step where there is more than one.
pub(crate) fn label<'a>(
    in_pipeline: bool,
    task: &'a str,
    step: &'a str,
    many_steps: bool,
) -> Cow<'a, str> {
    match (in_pipeline, many_steps) {
        (false, _) => Cow::Borrowed(step),
        (true, false) => Cow::Borrowed(task),
        (true, true) => Cow::Owned(format!("{task}/{step}")),
    }
}

/// What stands before the lines of a sidecar of `task`; of a task that runs by itself, that is `""`.
pub(crate) fn sidecar_label(task: &str, sidecar: &StepName) -> String {
    match task {
        "" => format!("sidecar-{sidecar}"),
        task => format!("{task}/sidecar-{sidecar}"),
    }
}
