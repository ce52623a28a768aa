//! What a controller says of a run that it takes and fails at once, in Tekton's words.

use stepwell_contract::event::Verdict;

use crate::problem::Problems;

/// A verdict that is no success.
pub(crate) fn failed(reason: &str, message: String) -> Verdict {
    Verdict {
        succeeded: false,
        reason: reason.to_owned(),
        message,
    }
}

/// A TaskRun that does not fit its Task.
pub(crate) fn task_run(message: String) -> Verdict {
    failed("TaskRunValidationFailed", message)
}

/// What all problems together come to: what was said of them, else the first of them in its own words.
pub(crate) fn of(problems: &Problems, reason: &str) -> Verdict {
    problems
        .refused()
        .unwrap_or_else(|| failed(reason, problems.first_message()))
}

/// Names as Go prints a list of them.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    format!("[{}]", names.join(" "))
}
