//! Tekton's words for how a pipeline ended: the `reason` and `message` of a PipelineRun's condition `Succeeded`.

use stepwell_contract::RunName;
use stepwell_contract::event::Verdict;
use stepwell_spec::Timeouts;

use super::{failed, go_duration};
use crate::graph::{Ending, Tally};

/// Tekton's reason for a PipelineRun that was cancelled, in whichever way.
pub(crate) const PIPELINE_CANCELLED: &str = "Cancelled";

/// The pipeline of `run`, which had `timeouts`, ended as `ending`.
pub(crate) fn pipeline(run: &RunName, timeouts: Timeouts, ending: Ending) -> Verdict {
    match ending {
        Ending::Pending => failed(
            "PipelineRunPending",
            format!(r#"PipelineRun "{run}" is pending"#),
        ),
        Ending::Cancelled => cancelled(run),
        Ending::TimedOut => {
            let timeout = go_duration(timeouts.pipeline.unwrap_or_default());
            failed(
                "PipelineRunTimeout",
                format!(r#"PipelineRun "{run}" failed to finish within "{timeout}""#),
            )
        }
        Ending::TasksTimedOut => {
            let timeout = go_duration(timeouts.tasks.unwrap_or_default());
            failed(
                "PipelineRunTimeout",
                format!(
                    r#"PipelineRun "{run}" failed due to tasks failed to finish within "{timeout}""#
                ),
            )
        }
        Ending::Broken(verdict) => verdict,
        Ending::Counted {
            tally,
            cancelled: asked,
        } => counted(run, tally, asked),
    }
}

fn cancelled(run: &RunName) -> Verdict {
    failed("Cancelled", format!(r#"PipelineRun "{run}" was cancelled"#))
}

fn counted(run: &RunName, tally: Tally, asked: bool) -> Verdict {
    let message = message(tally);
    // Whatever else happened: who asked for the end is told that it came.
    if asked {
        return cancelled(run);
    }
    if tally.failed > 0 || tally.late > 0 {
        return failed("Failed", message);
    }
    if tally.cancelled > 0 {
        return failed(PIPELINE_CANCELLED, message);
    }
    let reason = if tally.skipped > 0 {
        "Completed"
    } else {
        "Succeeded"
    };
    Verdict {
        succeeded: true,
        reason: reason.to_owned(),
        message,
    }
}

/// The missing colon is Tekton's.
fn message(tally: Tally) -> String {
    let Tally {
        succeeded,
        failed,
        ignored,
        cancelled,
        skipped,
        late: _,
    } = tally;
    let completed = succeeded + failed + ignored + cancelled;
    let failed = failed + ignored;
    let light = match ignored {
        0 => String::new(),
        ignored => format!(" (Ignored: {ignored})"),
    };
    format!(
        "Tasks Completed: {completed} (Failed: {failed}{light}, Cancelled {cancelled}), Skipped: {skipped}"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn told(ending: Ending) -> (bool, String, String) {
        let timeouts = Timeouts {
            pipeline: Some(Duration::from_secs(3600)),
            tasks: Some(Duration::from_secs(90)),
            finally: None,
        };
        let verdict = pipeline(&RunName::new("run"), timeouts, ending);
        (verdict.succeeded, verdict.reason, verdict.message)
    }

    fn counted(tally: Tally, cancelled: bool) -> (bool, String, String) {
        told(Ending::Counted { tally, cancelled })
    }

    fn expect(succeeded: bool, reason: &str, message: &str) -> (bool, String, String) {
        (succeeded, reason.to_owned(), message.to_owned())
    }

    #[test]
    fn all_that_succeeded_is_a_success() {
        let tally = Tally {
            succeeded: 3,
            ..Tally::default()
        };
        assert_eq!(
            counted(tally, false),
            expect(
                true,
                "Succeeded",
                "Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0"
            )
        );
    }

    #[test]
    fn a_skipped_task_makes_it_completed_and_an_ignored_failure_is_counted_apart() {
        let tally = Tally {
            succeeded: 2,
            ignored: 1,
            skipped: 1,
            ..Tally::default()
        };
        assert_eq!(
            counted(tally, false),
            expect(
                true,
                "Completed",
                "Tasks Completed: 3 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 1"
            )
        );
    }

    #[test]
    fn a_graceful_end_goes_over_a_failure_and_that_over_a_cancelled_task() {
        let mut tally = Tally {
            succeeded: 1,
            failed: 1,
            ignored: 1,
            cancelled: 1,
            skipped: 4,
            late: 0,
        };
        assert_eq!(
            counted(tally, true),
            expect(false, "Cancelled", r#"PipelineRun "run" was cancelled"#)
        );
        assert_eq!(
            counted(tally, false),
            expect(
                false,
                "Failed",
                "Tasks Completed: 4 (Failed: 2 (Ignored: 1), Cancelled 1), Skipped: 4"
            )
        );
        tally.failed = 0;
        tally.ignored = 0;
        assert_eq!(
            counted(tally, false),
            expect(
                false,
                "Cancelled",
                "Tasks Completed: 2 (Failed: 0, Cancelled 1), Skipped: 4"
            )
        );
    }

    #[test]
    fn a_task_that_a_time_out_kept_from_running_is_a_failure() {
        let tally = Tally {
            succeeded: 1,
            skipped: 1,
            late: 1,
            ..Tally::default()
        };
        assert_eq!(
            counted(tally, false),
            expect(
                false,
                "Failed",
                "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1"
            )
        );
    }

    #[test]
    fn endings_of_the_whole_are_told_in_tektons_words() {
        for (ending, reason, message) in [
            (
                Ending::Cancelled,
                "Cancelled",
                r#"PipelineRun "run" was cancelled"#,
            ),
            (
                Ending::TimedOut,
                "PipelineRunTimeout",
                r#"PipelineRun "run" failed to finish within "1h0m0s""#,
            ),
            (
                Ending::TasksTimedOut,
                "PipelineRunTimeout",
                r#"PipelineRun "run" failed due to tasks failed to finish within "1m30s""#,
            ),
            (
                Ending::Pending,
                "PipelineRunPending",
                r#"PipelineRun "run" is pending"#,
            ),
        ] {
            assert_eq!(told(ending), expect(false, reason, message));
        }
    }
}
