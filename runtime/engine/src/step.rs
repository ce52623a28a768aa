//! Runs one step: prepares its sandbox and runs it on a blocking thread, watches its time, and says how it ended.
//!
//! It does not know the other steps: what an ending means for the task is decided in [`run`](crate::run).

use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use stepwell_contract::{
    Cancel, CancelReason, Ending, EventKind, StepIo, StepName, StepSink, StepSpec, TaskScope,
    TerminationReason,
};
use stepwell_spec::OnError;
use tokio::time::Instant;

use crate::blocking::{Deadline, GRACE, Waited, Watch, catch};
use crate::capture::Capture;
use crate::error::{EngineError, causes};
use crate::events::Events;
use crate::plan::PlannedStep;
use crate::results::ResultsFolder;
use crate::verdict::Stop;
use crate::volumes::write_exit_code;

/// What the steps of a task share while they run.
pub(crate) struct Shared {
    pub(crate) scope: Arc<Box<dyn TaskScope>>,
    pub(crate) results: Arc<ResultsFolder>,
    /// Where exit codes are written, where a step asks for one.
    pub(crate) exit_codes: Option<Arc<Dir>>,
}

/// What the step's thread brings back.
type Brought = Result<Ending, EngineError>;

/// Runs `step` to its end and sends its events: why the task ends with it, or `None` when it goes on. `task_deadline` is
/// the end of the task's time.
///
/// # Errors
///
/// What we could not do, which ends the task too.
pub(crate) async fn run(
    step: PlannedStep,
    shared: &Shared,
    events: &Events,
    cancel: &Cancel,
    task_deadline: Option<Deadline>,
) -> Result<Option<Stop>, EngineError> {
    let PlannedStep {
        spec,
        timeout,
        on_error,
        image_span: _,
    } = step;
    let name = spec.name.clone();
    let began = events.now();
    events
        .step(
            &name,
            EventKind::StepStart {
                image: Arc::clone(&spec.image.reference),
                digest: spec.image.digest,
            },
        )
        .await;

    let capture = Arc::new(Capture::new(
        name.clone(),
        &spec.limits,
        events,
        Arc::clone(&shared.results),
    ));
    let _given_up = GiveUp(Arc::clone(&capture));
    let (deadline, is_tasks) = first_deadline(timeout, task_deadline);
    let watch = Watch::new(cancel, deadline);
    let work = {
        let scope = Arc::clone(&shared.scope);
        let capture = Arc::clone(&capture);
        let exit_codes = shared.exit_codes.clone();
        let cancel = watch.cancel().clone();
        let name = name.clone();
        move || {
            let sink = Arc::clone(&capture) as Arc<dyn StepSink>;
            let ran = catch(|| live(&**scope, spec, StepIo { sink, cancel }));
            // What the guest said last is not lost with its sandbox.
            capture.finish();
            let ending = ran.unwrap_or_else(|message| Err(panicked(&name, message)))?;
            leave_exit_code(exit_codes.as_deref(), &name, &ending)?;
            Ok(ending)
        }
    };
    let waited = watch.run(work).await;
    capture.give_up();

    let brought = match waited {
        Waited::Done(brought) => brought.unwrap_or_else(|message| Err(panicked(&name, message))),
        Waited::Stuck(reason) => {
            let stuck = format!(
                "step `{name}` did not stop within {GRACE:?} of being told to, and was left behind: a call into the \
                 host did not return"
            );
            events
                .step(
                    &name,
                    EventKind::Error {
                        causes: vec![stuck],
                    },
                )
                .await;
            Ok(match reason {
                CancelReason::Asked => Ending::Cancelled,
                CancelReason::TimedOut(after) => Ending::TimedOut { after },
            })
        }
    };
    if let Err(error) = &brought {
        let causes = causes(error);
        events.step(&name, EventKind::Error { causes }).await;
    }
    let (termination_reason, stop) = match &brought {
        Ok(ending) => judge(&name, ending, on_error, is_tasks),
        Err(_) => (TerminationReason::Error, None),
    };
    let ending = brought.as_ref().ok().cloned();
    events
        .step(
            &name,
            EventKind::StepEnd {
                termination_reason,
                exit_code: ending.as_ref().map_or(1, Ending::exit_code),
                ending,
                duration_ms: events.now().since(began),
                dropped_bytes: capture.dropped(),
            },
        )
        .await;
    brought.map(|_| stop)
}

/// The whole life of one sandbox. Blocks.
fn live(scope: &dyn TaskScope, spec: StepSpec, io: StepIo) -> Brought {
    let step = spec.name.clone();
    let sandbox = match scope.prepare(spec) {
        Ok(sandbox) => sandbox,
        Err(source) => return Err(EngineError::Prepare { step, source }),
    };
    sandbox
        .run(io)
        .map_err(|source| EngineError::Run { step, source })
}

/// Leaves the exit code for later steps, where one asks. As in Tekton, a step that was stopped has none.
fn leave_exit_code(
    exit_codes: Option<&Dir>,
    step: &StepName,
    ending: &Ending,
) -> Result<(), EngineError> {
    let stopped = matches!(ending, Ending::TimedOut { .. } | Ending::Cancelled);
    match exit_codes {
        Some(dir) if !stopped => {
            write_exit_code(dir, step, ending.exit_code()).map_err(|source| EngineError::ExitCode {
                step: step.clone(),
                source,
            })
        }
        _ => Ok(()),
    }
}

fn panicked(step: &StepName, message: String) -> EngineError {
    EngineError::Panicked {
        doing: format!("run step `{step}`"),
        message,
    }
}

/// Whichever deadline comes first, and whether it is the task's.
fn first_deadline(timeout: Option<Duration>, task: Option<Deadline>) -> (Option<Deadline>, bool) {
    let now = Instant::now();
    // A time too long for the clock to hold is no bound.
    let own = timeout.and_then(|after| {
        let at = now.checked_add(after)?;
        Some(Deadline { at, after })
    });
    match (own, task) {
        (Some(own), Some(task)) if task.at < own.at => (Some(task.seen_from(now)), true),
        (None, Some(task)) => (Some(task.seen_from(now)), true),
        (own, _) => (own, false),
    }
}

/// Tekton's word for an ending, and whether the task ends with it. As in Tekton, `onError: continue` lets the task go on
/// after a failure, not after a time-out.
fn judge(
    step: &StepName,
    ending: &Ending,
    on_error: OnError,
    is_tasks: bool,
) -> (TerminationReason, Option<Stop>) {
    let step = step.clone();
    match ending {
        Ending::Cancelled => (TerminationReason::Cancelled, Some(Stop::Cancelled)),
        Ending::TimedOut { .. } if is_tasks => {
            (TerminationReason::Cancelled, Some(Stop::TaskTimedOut))
        }
        Ending::TimedOut { .. } => (
            TerminationReason::TimeoutExceeded,
            Some(Stop::StepTimedOut { step }),
        ),
        ending if ending.is_success() => (TerminationReason::Completed, None),
        ending => match on_error {
            OnError::Continue => (TerminationReason::Continued, None),
            OnError::StopAndFail => {
                let ending = ending.clone();
                (
                    TerminationReason::Error,
                    Some(Stop::StepFailed { step, ending }),
                )
            }
        },
    }
}

/// Closes a step's sink when the step is over, also when the run that waited for it is dropped.
struct GiveUp(Arc<Capture>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.give_up();
    }
}
