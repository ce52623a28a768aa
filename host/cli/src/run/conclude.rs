//! How a run ended → an exit code, and what Stepwell itself could not do.

use std::io::{self, Write as _};

use stepwell_contract::event::Verdict;

use super::sinks::Shown;
use crate::exit::ExitCode;
use crate::trouble::{Trouble, sentence};

/// What to end with.
///
/// # Errors
///
/// What Stepwell could not do, where it was not said yet.
pub(super) fn conclude(
    verdict: anyhow::Result<Verdict>,
    shown: Shown,
) -> Result<ExitCode, Trouble> {
    let told = !shown.errors.is_empty();
    for causes in shown.errors {
        // Standard error may be closed; then nobody wants to know.
        let _ = io::stderr().write_all(sentence(causes).as_bytes());
    }
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(_) if told => return Ok(ExitCode::OurTrouble),
        Err(error) => return Err(error.into()),
    };
    if let Some(error) = shown.unwritten.into_iter().next() {
        return Err(error.into());
    }
    Ok(code(&verdict, shown.step_timed_out, told))
}

fn code(verdict: &Verdict, step_timed_out: bool, told: bool) -> ExitCode {
    match verdict.reason.as_str() {
        _ if verdict.succeeded => ExitCode::Success,
        "TaskRunCancelled" | "Cancelled" => ExitCode::Cancelled,
        "TaskRunTimeout" | "PipelineRunTimeout" => ExitCode::TimedOut,
        // Of a TaskRun that runs by itself: what fails a pipeline is for its own conditions to say.
        "StepFailed" | "Failed" | "TaskRunStepFailed" if step_timed_out => ExitCode::TimedOut,
        _ if told => ExitCode::OurTrouble,
        _ => ExitCode::RunFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_has_its_exit_code() {
        let code = |succeeded, reason: &str, step_timed_out, told| {
            let verdict = Verdict {
                succeeded,
                reason: reason.to_owned(),
                message: String::new(),
            };
            super::code(&verdict, step_timed_out, told)
        };
        assert_eq!(code(true, "Completed", true, false), ExitCode::Success);
        for (reason, expected) in [
            ("Cancelled", ExitCode::Cancelled),
            ("TaskRunCancelled", ExitCode::Cancelled),
            ("PipelineRunTimeout", ExitCode::TimedOut),
            ("TaskRunTimeout", ExitCode::TimedOut),
            ("Failed", ExitCode::RunFailed),
            ("CouldntGetTask", ExitCode::RunFailed),
        ] {
            assert_eq!(code(false, reason, false, false), expected, "{reason}");
        }
        assert_eq!(code(false, "Failed", true, false), ExitCode::TimedOut);
        assert_eq!(code(false, "Failed", false, true), ExitCode::OurTrouble);
    }
}
