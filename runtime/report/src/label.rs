//! What is said before a step's lines.

use std::borrow::Cow;

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
