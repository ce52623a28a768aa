//! Tekton's words for how a task ended: the `reason` and `message` of its condition `Succeeded`.
//!
//! Words only: what happened is decided elsewhere. They are those of Tekton 1.12 and later, where the reason says what
//! failed.

mod pipeline;

use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::event::Verdict;
use stepwell_contract::{CancelReason, Ending, Limit, RunName, StepName};
use stepwell_spec::{RequestedEnd, TaskRun};

use crate::error::{EngineError, causes};
use crate::results::Rejection;
use crate::task::HaltCause;

pub(crate) use pipeline::{PIPELINE_CANCELLED, pipeline};

/// Why a task ended before its last step had done its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A step failed by itself.
    StepFailed {
        /// Which one.
        step: StepName,
        /// How.
        ending: Ending,
    },
    /// A sidecar failed by itself, and no step did.
    SidecarFailed {
        /// Which one.
        sidecar: StepName,
        /// How.
        ending: Ending,
    },
    /// A step ran longer than its own `timeout`.
    StepTimedOut {
        /// Which one.
        step: StepName,
    },
    /// The task ran longer than the run's `timeout`.
    TaskTimedOut,
    /// Somebody asked.
    Cancelled,
    /// The code of a step or a sidecar is not there.
    NoImage {
        /// Which of both it is.
        what: &'static str,
        /// What it is called.
        name: StepName,
        /// Why not, for a person.
        cause: String,
    },
    /// The task asks for what only containers or a cluster have.
    Unsupported {
        /// For what, each with why not.
        cause: String,
    },
    /// The task contradicts itself.
    Invalid {
        /// How.
        cause: String,
    },
}

/// Tekton's reason for a TaskRun that was stopped from outside.
pub(crate) const CANCELLED: &str = "TaskRunCancelled";

impl Stop {
    /// Why a task ends that is told to stop while no step runs.
    pub(crate) fn before_a_step(reason: CancelReason) -> Self {
        match reason {
            CancelReason::Asked => Self::Cancelled,
            CancelReason::TimedOut(_) => Self::TaskTimedOut,
        }
    }
}

fn failed(reason: &str, message: String) -> Verdict {
    Verdict {
        succeeded: false,
        reason: reason.to_owned(),
        message,
    }
}

/// `run` does what its own `spec.status` asks for, and does not begin.
pub(crate) fn requested(run: &RunName, status: &RequestedEnd) -> Verdict {
    match status {
        RequestedEnd::Cancelled(message) => failed(
            CANCELLED,
            format!(r#"TaskRun "{run}" was cancelled. {message}"#),
        ),
        RequestedEnd::Pending => failed("TaskRunPending", format!(r#"TaskRun "{run}" is pending"#)),
    }
}

/// Every step did what it should, or may fail.
pub(crate) fn succeeded() -> Verdict {
    Verdict {
        succeeded: true,
        reason: "Succeeded".to_owned(),
        message: "All Steps have completed executing".to_owned(),
    }
}

/// `run` was ended by `stop`; where it was cancelled, for `halted`.
pub(crate) fn stopped(run: &TaskRun, stop: &Stop, halted: Option<HaltCause>) -> Verdict {
    let name = &run.name;
    match stop {
        Stop::StepFailed {
            step,
            ending:
                Ending::LimitReached {
                    limit: Limit::Memory,
                    ..
                },
        } => failed(
            "StepOOM",
            format!(r#""step-{step}" exited because of OOMKilled"#),
        ),
        Stop::SidecarFailed {
            sidecar,
            ending:
                Ending::LimitReached {
                    limit: Limit::Memory,
                    ..
                },
        } => failed(
            "SidecarOOM",
            format!(r#""sidecar-{sidecar}" exited because of OOMKilled"#),
        ),
        Stop::SidecarFailed { sidecar, ending } => {
            let code = ending.exit_code();
            failed(
                "SidecarFailed",
                format!(r#""sidecar-{sidecar}" exited with code {code}: Error"#),
            )
        }
        Stop::StepFailed { step, ending } => {
            let code = ending.exit_code();
            failed(
                "StepFailed",
                format!(r#""step-{step}" exited with code {code}: Error"#),
            )
        }
        Stop::StepTimedOut { step } => failed(
            "StepFailed",
            format!(
                r#""step-{step}" exited because the step exceeded the specified timeout limit"#
            ),
        ),
        Stop::TaskTimedOut => {
            let timeout = go_duration(run.timeout.unwrap_or_default());
            failed(
                "TaskRunTimeout",
                format!(r#"TaskRun "{name}" failed to finish within "{timeout}""#),
            )
        }
        // What follows the space is the message of whoever cancelled it.
        Stop::Cancelled => {
            let message = match halted {
                None | Some(HaltCause::Asked) => "",
                Some(HaltCause::PipelineCancelled) => {
                    "TaskRun cancelled as the PipelineRun it belongs to has been cancelled."
                }
                Some(HaltCause::PipelineTimedOut) => {
                    "TaskRun cancelled as the PipelineRun it belongs to has timed out."
                }
            };
            failed(
                CANCELLED,
                format!(r#"TaskRun "{name}" was cancelled. {message}"#),
            )
        }
        Stop::NoImage {
            what,
            name: one,
            cause,
        } => failed(
            "TaskRunImagePullFailed",
            // The image has no name there: what Tekton names is the digest of one that was pulled.
            format!(
                r#"The {what} "{one}" in TaskRun "{name}" failed to pull the image "". The pod errored with the message: "{cause}.""#
            ),
        ),
        Stop::Unsupported { cause } => failed(
            "PodCreationFailed",
            format!(r#"failed to create task run pod "{name}": {cause}"#),
        ),
        Stop::Invalid { cause } => failed("TaskRunValidationFailed", cause.clone()),
    }
}

/// We could not go on.
pub(crate) fn broken(error: &dyn std::error::Error) -> Verdict {
    failed("Failed", error.to_string())
}

/// A sandbox could not be made as the task wants it: what a cluster says of a container that it cannot make.
pub(crate) fn not_made(error: &EngineError) -> Verdict {
    failed("CreateContainerConfigError", causes(error).join(": "))
}

/// Results were not taken; `rejected` is not empty.
pub(crate) fn results_rejected(
    run: &RunName,
    limit: u64,
    rejected: &[(Arc<str>, Rejection)],
) -> Verdict {
    if rejected
        .iter()
        .any(|(_, rejection)| *rejection == Rejection::TooLarge)
    {
        let message =
            format!(r#"TaskRun "{run}" failed: results exceeded size limit {limit} bytes"#);
        return failed("TaskRunResultLargerThanAllowedLimit", message);
    }
    let mut missing = Vec::new();
    let mut mismatched = Vec::new();
    for (name, rejection) in rejected {
        let found = match rejection {
            Rejection::MissingKeys(keys) => {
                missing.push(format!("{name}:[{}]", keys.join(" ")));
                continue;
            }
            Rejection::WrongType { declared, given } => format!(
                r#"task result is expected to be "{declared}" type but was initialized to a different type "{given}""#
            ),
            Rejection::NotAFile(what) => {
                format!("task result is expected to be a regular file but is {what}")
            }
            Rejection::NotUtf8 => "task result is not UTF-8".to_owned(),
            Rejection::Unreadable(cause) => format!("task result cannot be read: {cause}"),
            Rejection::TooLarge => "task result is too large".to_owned(),
        };
        mismatched.push(format!(r#" "{name}": {found}"#));
    }
    missing.sort();
    mismatched.sort();
    let message = if mismatched.is_empty() {
        format!(
            "missing keys for these results which are required in TaskResult's properties map[{}]",
            missing.join(" ")
        )
    } else {
        // The space that a reader misses here is Tekton's.
        format!(
            "Provided results don't match declared results; may be invalid JSON or missing result declaration: {}",
            mismatched.join(",")
        )
    };
    failed("TaskRunValidationFailed", message)
}

/// Writes a duration as Go does: `1h0m0s`, `1.5s`, `250ms`.
pub(crate) fn go_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (unit, scale) = match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => ("ns", 1),
        1_000..1_000_000 => ("µs", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => {
            let seconds = duration.as_secs();
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest =
                u128::from(seconds % 60) * 1_000_000_000 + u128::from(duration.subsec_nanos());
            let rest = decimal(rest, 1_000_000_000);
            return match (hours, minutes) {
                (0, 0) => format!("{rest}s"),
                (0, minutes) => format!("{minutes}m{rest}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
            };
        }
    };
    format!("{}{unit}", decimal(nanos, scale))
}

/// `number / scale`, exactly, with no zeros at its end; `scale` is a power of ten.
fn decimal(number: u128, scale: u128) -> String {
    let (whole, fraction) = (number / scale, number % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let fraction = format!("{fraction:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use stepwell_contract::{ParamType, TaskName};

    use super::*;

    #[test]
    fn durations_look_as_in_go() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (15_000_000_000, "15s"),
            (1_050_000_000, "1.05s"),
            (60_000_000_000, "1m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (93_784_005_000_000, "26h3m4.005s"),
        ] {
            assert_eq!(go_duration(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn a_memory_limit_is_an_oom_and_another_limit_is_not() {
        let step = StepName::new("build");
        let reached = |limit| {
            let ending = Ending::LimitReached {
                limit,
                value: 1,
                backtrace: Vec::new(),
            };
            let step = step.clone();
            let stop = Stop::StepFailed { step, ending };
            let run = TaskRun::new(RunName::new("run"), TaskName::new("task"));
            let verdict = stopped(&run, &stop, None);
            (verdict.reason, verdict.message)
        };
        assert_eq!(
            reached(Limit::Memory),
            (
                "StepOOM".into(),
                r#""step-build" exited because of OOMKilled"#.into()
            )
        );
        assert_eq!(
            reached(Limit::Files),
            (
                "StepFailed".into(),
                r#""step-build" exited with code 137: Error"#.into()
            )
        );
    }

    #[test]
    fn rejected_results_are_told_in_tektons_words() {
        let run = RunName::new("run");
        let wrong = |name: &str| {
            (
                name.into(),
                Rejection::WrongType {
                    declared: ParamType::Array,
                    given: ParamType::String,
                },
            )
        };
        let keys = (
            "o".into(),
            Rejection::MissingKeys(vec!["a".into(), "b".into()]),
        );
        assert_eq!(
            results_rejected(&run, 4096, &[wrong("b"), keys.clone(), wrong("a")]).message,
            "Provided results don't match declared results; may be invalid JSON or missing result declaration:  \
             \"a\": task result is expected to be \"array\" type but was initialized to a different type \"string\", \
             \"b\": task result is expected to be \"array\" type but was initialized to a different type \"string\""
        );
        assert_eq!(
            results_rejected(&run, 4096, &[keys]).message,
            "missing keys for these results which are required in TaskResult's properties map[o:[a b]]"
        );
        assert_eq!(
            results_rejected(&run, 4096, &[wrong("a"), ("b".into(), Rejection::TooLarge)]),
            Verdict {
                succeeded: false,
                reason: "TaskRunResultLargerThanAllowedLimit".to_owned(),
                message: r#"TaskRun "run" failed: results exceeded size limit 4096 bytes"#
                    .to_owned(),
            }
        );
    }
}
