//! Runs one step on the task's own thread: prepares its sandbox, runs it, and says how it ended.
//!
//! It does not know the other steps, nor watches the time: whoever watches the [`Record`] stops the step.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cap_std::fs::Dir;
use stepwell_contract::{
    Cancel, Ending, EventKind, StepIo, StepName, StepSink, StepSpec, TaskScope, TerminationReason,
};
use stepwell_spec::OnError;

use crate::capture::Capture;
use crate::error::{EngineError, causes};
use crate::events::Outlet;
use crate::life::{Bound, Life, Record, Running};
use crate::plan::PlannedStep;
use crate::results::ResultsFolder;
use crate::verdict::Stop;
use crate::volumes::write_exit_code;

/// What the steps of a task share.
pub(crate) struct Ground {
    pub(crate) scope: Box<dyn TaskScope>,
    pub(crate) results: Arc<ResultsFolder>,
    /// Where exit codes are written, where a step asks for one.
    pub(crate) exit_codes: Option<Arc<Dir>>,
}

/// Runs the step with number `index` to its end and sends its events: why the task ends with it, or `None` when it goes
/// on. Blocks.
///
/// # Errors
///
/// What we could not do, which ends the task too. It has been told.
pub(crate) fn run(
    index: usize,
    step: PlannedStep,
    ground: &Ground,
    record: &Record,
    outlet: &Arc<Outlet>,
) -> Result<Option<Stop>, EngineError> {
    let PlannedStep {
        spec,
        timeout,
        on_error,
        results: _,
        stdout: _,
        stderr: _,
    } = step;
    let name = spec.name.clone();
    let began = outlet.now();
    let started = EventKind::StepStart {
        image: Arc::clone(&spec.image.reference),
        digest: spec.image.digest,
    };
    outlet.step(&name, started);

    let cancel = Cancel::new();
    let bound = record.bound(timeout);
    let results = Arc::clone(&ground.results);
    let capture = Capture::new(name.clone(), &spec.limits, Arc::clone(outlet), results);
    let capture = Arc::new(capture);
    let running = Running {
        index,
        began,
        bound,
        capture: Arc::clone(&capture),
    };
    if !record.enter(&cancel, bound, Some(running)) {
        return unwanted();
    }
    let sink = Arc::clone(&capture) as Arc<dyn StepSink>;
    let lived = catch(|| live(&*ground.scope, spec, StepIo { sink, cancel }));
    // What the guest said last is not lost with its sandbox.
    capture.finish();
    let ended = lived
        .unwrap_or_else(|message| Err(panicked(&name, message)))
        .and_then(|ending| {
            leave_exit_code(ground.exit_codes.as_deref(), &name, &ending)?;
            Ok(ending)
        });
    let (termination_reason, stop) = match &ended {
        Ok(ending) => judge(&name, ending, on_error, bound),
        Err(_) => (TerminationReason::Error, None),
    };
    let goes_on = stop.is_none() && ended.is_ok();
    if !record.leave(if goes_on { Life::Done } else { Life::Failed }) {
        return unwanted();
    }
    if let Err(error) = &ended {
        let causes = causes(error);
        outlet.step(&name, EventKind::Error { causes });
    }
    let (ending, ended) = match ended {
        Ok(ending) => (Some(ending), Ok(stop)),
        Err(error) => (None, Err(error)),
    };
    let end = EventKind::StepEnd {
        termination_reason,
        exit_code: ending.as_ref().map_or(1, Ending::exit_code),
        ending,
        duration_ms: outlet.now().since(began),
        dropped_bytes: capture.dropped(),
    };
    outlet.step(&name, end);
    ended
}

/// What the thread brings back when nobody waits for it any more.
fn unwanted() -> Result<Option<Stop>, EngineError> {
    Ok(Some(Stop::Cancelled))
}

/// The whole life of one sandbox.
fn live(scope: &dyn TaskScope, spec: StepSpec, io: StepIo) -> Result<Ending, EngineError> {
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

/// Tekton's word for an ending, and why the task ends with it, where it does. As in Tekton, `onError: continue` lets the
/// task go on after a failure, not after a time-out.
pub(crate) fn judge(
    step: &StepName,
    ending: &Ending,
    on_error: OnError,
    bound: Bound,
) -> (TerminationReason, Option<Stop>) {
    let step = step.clone();
    match ending {
        Ending::Cancelled => (TerminationReason::Cancelled, Some(Stop::Cancelled)),
        Ending::TimedOut { .. } => match bound {
            Bound::Own(_) => (
                TerminationReason::TimeoutExceeded,
                Some(Stop::StepTimedOut { step }),
            ),
            Bound::Tasks(_) => (TerminationReason::Cancelled, Some(Stop::TaskTimedOut)),
        },
        ending if ending.is_success() => (TerminationReason::Completed, None),
        ending => match on_error {
            OnError::Continue => (TerminationReason::Continued, None),
            OnError::StopAndFail => {
                let ending = ending.clone();
                let stop = Stop::StepFailed { step, ending };
                (TerminationReason::Error, Some(stop))
            }
        },
    }
}

fn panicked(step: &StepName, message: String) -> EngineError {
    EngineError::Panicked {
        doing: format!("run step `{step}`"),
        message,
    }
}

/// Does `work` and turns a panic into what it said. After a panic, nothing that `work` has touched is looked at again
/// but by destructors.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
