//! Runs one step on the task's own thread: prepares its sandbox, runs it, and says how it ended and what it left.
//!
//! It does not know the other steps, nor watches the time: whoever watches the [`Record`] stops the step.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cap_std::fs::Dir;
use stepwell_contract::event::CacheState;
use stepwell_contract::{
    Cancel, CancelReason, Ending, EventKind, Limit, StepIo, StepName, StepSink, StepSpec,
    TerminationReason, Volume,
};
use stepwell_spec::{Breakpoints, OnError, StepOutcome};

use crate::artifacts;
use crate::backends::Scopes;
use crate::cache::{NotKept, TaskCache};
use crate::capture::{Capture, Kept, Speaker};
use crate::error::{EngineError, causes};
use crate::events::Outlet;
use crate::life::{Bound, Life, Record, Running};
use crate::places::{Breakpoint, GoOn, Paused, TaskPlaces};
use crate::plan::PlannedStep;
use crate::proxies::Attached;
use crate::results::{Reading, Rejection, ResultsFolder};
use crate::tee::Tees;
use crate::verdict::Stop;
use crate::volumes::leave_exit_code;

/// What the steps of a task share.
pub(crate) struct Ground<'a> {
    pub(crate) scopes: Scopes,
    pub(crate) results: Arc<ResultsFolder>,
    /// The folder behind `/tekton/steps`, where the task has one.
    pub(crate) steps: Option<Arc<Dir>>,
    /// Whether exit codes are left there.
    pub(crate) exit_codes: bool,
    /// Whether artifacts are looked for there.
    pub(crate) artifacts: bool,
    /// The task's volumes, where a copy of an output goes into one.
    pub(crate) volumes: Vec<Volume>,
    /// Who is told of the steps' places, where somebody may look into them.
    pub(crate) places: Option<&'a TaskPlaces>,
    /// Where steps are looked up and kept, where they are.
    pub(crate) cache: Option<TaskCache<'a>>,
    /// The proxies that steps reach.
    pub(crate) proxies: Attached,
    /// Where steps stop for that.
    pub(crate) breakpoints: &'a Breakpoints,
    pub(crate) record: &'a Record,
    pub(crate) outlet: &'a Arc<Outlet>,
}

/// How a step ended for its task.
pub(crate) struct Ended {
    /// Why the task ends with it, or `None` when it goes on.
    pub(crate) stop: Option<Stop>,
    /// What it left for later steps.
    pub(crate) outcome: StepOutcome,
    /// Its own results that were not taken.
    pub(crate) rejected: Vec<(Arc<str>, Rejection)>,
}

impl Ended {
    /// A step that left nothing.
    fn with_nothing(step: &StepName, stop: Option<Stop>) -> Self {
        Self {
            stop,
            outcome: StepOutcome {
                name: step.clone(),
                results: BTreeMap::new(),
                artifacts: None,
            },
            rejected: Vec::new(),
        }
    }

    /// What the thread brings back when nobody waits for it any more.
    fn unwanted(step: &StepName) -> Self {
        Self::with_nothing(step, Some(Stop::Cancelled))
    }
}

/// The `when` of the step with number `index` does not let it run: the task goes on.
///
/// # Errors
///
/// Its exit code could not be left.
pub(crate) fn skip(
    index: usize,
    step: &StepName,
    ground: &Ground<'_>,
) -> Result<Ended, EngineError> {
    if !ground.record.pass(index, Life::Skipped) {
        return Ok(Ended::unwanted(step));
    }
    ground.outlet.step(step, skipped(0));
    ground.leave_exit_code(index, step, &Ending::SUCCESS)?;
    Ok(Ended::with_nothing(step, None))
}

/// The step with number `index` cannot begin, for `cause`, which is something that a document or an earlier step did.
pub(crate) fn cannot_begin(
    index: usize,
    step: &StepName,
    cause: String,
    ground: &Ground<'_>,
) -> Ended {
    if !ground.record.pass(index, Life::Failed) {
        return Ended::unwanted(step);
    }
    let ending = Ending::Exited { code: 1 };
    ground
        .outlet
        .step(step, EventKind::Notice { message: cause });
    let end = EventKind::StepEnd {
        termination_reason: TerminationReason::Error,
        exit_code: ending.exit_code(),
        ending: None,
        duration_ms: 0,
        dropped_bytes: 0,
        cached: false,
    };
    ground.outlet.step(step, end);
    let stop = Stop::StepFailed {
        step: step.clone(),
        ending,
    };
    Ended::with_nothing(step, Some(stop))
}

/// A step that did not run: 1 where something before it kept it from running, 0 where its own `when` did.
pub(crate) fn skipped(exit_code: i32) -> EventKind {
    EventKind::StepEnd {
        termination_reason: TerminationReason::Skipped,
        exit_code,
        ending: None,
        duration_ms: 0,
        dropped_bytes: 0,
        cached: false,
    }
}

/// Runs the step with number `index` to its end and sends its events. Blocks.
///
/// # Errors
///
/// What we could not do, which ends the task too. It has been told.
pub(crate) fn run(
    index: usize,
    step: PlannedStep,
    ground: &Ground<'_>,
) -> Result<Ended, EngineError> {
    let PlannedStep {
        spec,
        key,
        timeout,
        on_error,
        results,
        stdout,
        stderr,
    } = step;
    let Ground { record, outlet, .. } = ground;
    let name = spec.name.clone();
    let tees = Tees::open(
        stdout.as_ref(),
        stderr.as_ref(),
        &spec.mounts,
        &ground.volumes,
    );
    let tees = match tees {
        Ok(tees) => tees,
        Err(cause) => return Ok(cannot_begin(index, &name, cause, ground)),
    };
    let began = outlet.now();
    let started = EventKind::StepStart {
        image: Arc::clone(&spec.image.reference),
        runs: spec.image.substitute.clone(),
        digest: spec.image.digest,
    };
    outlet.step(&name, started);

    let cancel = Cancel::new();
    let stops = ground.places.filter(|_| ground.stops_before(&name));
    // Its own time begins when it runs.
    let mut bound = record.bound(timeout.filter(|_| stops.is_none()));
    let own = (!results.is_empty()).then(|| {
        let dir = ground.own(&name, "results");
        ResultsFolder::new(dir, results.into())
    });
    let kept = Kept {
        task: Arc::clone(&ground.results),
        own,
        tees,
    };
    let capture = Capture::new(
        Speaker::Step(name.clone()),
        &spec.limits,
        Arc::clone(outlet),
        kept,
    );
    let capture = Arc::new(capture);
    let running = Running {
        index,
        began,
        bound,
        capture: Arc::clone(&capture),
    };
    if !record.enter(&cancel, bound, Some(running.clone())) {
        return Ok(Ended::unwanted(&name));
    }
    let sink = Arc::clone(&capture) as Arc<dyn StepSink>;
    let begin = |cancel: &Cancel| {
        let places = stops?;
        let ended = pause_before(places, &name, outlet, cancel);
        if ended.is_none() {
            bound = record.bound(timeout);
            let running = Running {
                bound,
                ..running.clone()
            };
            record.enter(cancel, bound, Some(running));
        }
        ended
    };
    let unkept = match (stops, stdout.is_some() || stderr.is_some()) {
        (Some(_), _) => Some(NotKept::Breakpoint),
        (None, true) => Some(NotKept::Tees),
        (None, false) => None,
    };
    let mut used = None;
    let lived = catch(|| match &ground.cache {
        None => live(ground, spec, StepIo { sink, cancel }, begin),
        Some(cache) => {
            let through = cache.through(&spec.clone(), key, unkept, &sink, outlet, |sink| {
                live(ground, spec, StepIo { sink, cancel }, begin)
            });
            let ended = through.ended;
            used = Some((through.used, through.notices));
            ended
        }
    });
    // What the guest said last is not lost with its sandbox.
    capture.finish();
    let cached = matches!(&used, Some((used, _)) if used.state == CacheState::Hit);
    let lived = lived.map(|lived| {
        lived.map(|ending| match ground.pause_after(&ending, &running) {
            Some((judged, tasks)) => {
                bound = tasks;
                judged
            }
            None => ending,
        })
    });
    let ended = lived
        .unwrap_or_else(|message| Err(panicked(&name, message)))
        .and_then(|ending| {
            ground.leave_exit_code(index, &name, &ending)?;
            Ok(ending)
        });
    let (termination_reason, stop) = match &ended {
        Ok(ending) => judge(&name, ending, on_error, bound),
        Err(_) => (TerminationReason::Error, None),
    };
    if let Some(places) = ground.places {
        let failed = !ended.as_ref().is_ok_and(Ending::is_success);
        places.leave(&name, failed);
    }
    let Reading { results, rejected } = capture.own_results();
    let (artifacts, strange) = match ground.own_artifacts(&name) {
        Ok(artifacts) => (artifacts, None),
        Err(message) => (None, Some(message)),
    };
    let goes_on = stop.is_none() && ended.is_ok();
    if !record.leave(if goes_on { Life::Done } else { Life::Failed }) {
        return Ok(Ended::unwanted(&name));
    }
    let (used, told) = used.map_or((None, Vec::new()), |(used, told)| (Some(used), told));
    for message in strange.into_iter().chain(capture.tee_trouble()).chain(told) {
        outlet.step(&name, EventKind::Notice { message });
    }
    if let Some(used) = used {
        outlet.step(&name, EventKind::StepCache(used));
    }
    for (result, value) in &results {
        let result = EventKind::Result {
            name: Arc::clone(result),
            result_type: value.param_type(),
            value: value.clone(),
        };
        outlet.step(&name, result);
    }
    if let Some(artifacts) = artifacts.clone() {
        outlet.step(&name, EventKind::Artifacts { artifacts });
    }
    if let Err(error) = &ended {
        let causes = causes(error);
        outlet.step(
            &name,
            match error.is_the_tasks() {
                true => EventKind::Notice {
                    message: causes.join(": "),
                },
                false => EventKind::Error { causes },
            },
        );
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
        cached,
    };
    outlet.step(&name, end);
    ended.map(|stop| Ended {
        stop,
        outcome: StepOutcome {
            name,
            results: results.into_iter().collect(),
            artifacts,
        },
        rejected,
    })
}

impl Ground<'_> {
    fn stops_before(&self, step: &StepName) -> bool {
        let mut steps = self.breakpoints.before_steps.iter();
        steps.any(|named| **named == *step.as_str())
    }

    /// Lets a step that has failed wait, where its task asks for that. Only the task's time goes on meanwhile.
    /// How it has ended then, and what bounded it.
    fn pause_after(&self, ending: &Ending, running: &Running) -> Option<(Ending, Bound)> {
        let stopped = matches!(ending, Ending::TimedOut { .. } | Ending::Cancelled);
        let places = self.places.filter(|_| self.breakpoints.on_failure);
        let places = places.filter(|_| !stopped && !ending.is_success())?;
        let cancel = Cancel::new();
        let bound = self.record.bound(None);
        let running = Running {
            bound,
            ..running.clone()
        };
        let step = running.capture.step().clone();
        if !self.record.enter(&cancel, bound, Some(running)) {
            return None;
        }
        let ending = match places.pause(&step, Breakpoint::OnFailure, self.outlet, &cancel) {
            Paused::GoOn(GoOn::Continue) => Ending::SUCCESS,
            Paused::GoOn(GoOn::Fail) => ending.clone(),
            Paused::Stopped(reason) => stopped_for(reason),
        };
        Some((ending, bound))
    }

    /// The own folder of `step` below `/tekton/steps`.
    fn own(&self, step: &StepName, folder: &str) -> Option<Arc<Dir>> {
        let dir = self
            .steps
            .as_ref()?
            .open_dir(format!("step-{step}/{folder}"));
        dir.ok().map(Arc::new)
    }

    fn own_artifacts(&self, step: &StepName) -> Result<Option<serde_json::Value>, String> {
        match self.artifacts.then(|| self.own(step, "artifacts")) {
            Some(Some(dir)) => artifacts::read(&dir),
            _ => Ok(None),
        }
    }

    /// Leaves the exit code for later steps, where one asks. As in Tekton, a step that was stopped has none.
    fn leave_exit_code(
        &self,
        index: usize,
        step: &StepName,
        ending: &Ending,
    ) -> Result<(), EngineError> {
        let stopped = matches!(ending, Ending::TimedOut { .. } | Ending::Cancelled);
        let Some(dir) = self.steps.as_ref().filter(|_| self.exit_codes && !stopped) else {
            return Ok(());
        };
        leave_exit_code(dir, index, step, ending.exit_code()).map_err(|source| {
            EngineError::ExitCode {
                step: step.clone(),
                source,
            }
        })
    }
}

/// The whole life of one sandbox. `begin` is asked when it is ready to run: how the step has ended instead, where it has.
fn live(
    ground: &Ground<'_>,
    spec: StepSpec,
    io: StepIo,
    begin: impl FnOnce(&Cancel) -> Option<Ending>,
) -> Result<Ending, EngineError> {
    let mut spec = spec;
    ground.proxies.tell(&mut spec);
    let step = spec.name.clone();
    let sandbox = match ground.scopes.prepare(spec) {
        Ok(sandbox) => sandbox,
        Err(source) => return Err(EngineError::Prepare { step, source }),
    };
    if let Some(places) = ground.places {
        places.enter(&step, sandbox.place());
    }
    if let Some(ended) = begin(&io.cancel) {
        return Ok(ended);
    }
    sandbox
        .run(io)
        .map_err(|source| EngineError::Run { step, source })
}

/// Lets a step wait before it runs: how it has ended, where it does not run.
fn pause_before(
    places: &TaskPlaces,
    step: &StepName,
    outlet: &Outlet,
    cancel: &Cancel,
) -> Option<Ending> {
    match places.pause(step, Breakpoint::BeforeStep, outlet, cancel) {
        Paused::GoOn(GoOn::Continue) => None,
        Paused::GoOn(GoOn::Fail) => Some(Ending::Exited { code: 1 }),
        Paused::Stopped(reason) => Some(stopped_for(reason)),
    }
}

fn stopped_for(reason: CancelReason) -> Ending {
    match reason {
        CancelReason::Asked => Ending::Cancelled,
        CancelReason::TimedOut(after) => Ending::TimedOut { after },
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
                let reason = match ending {
                    Ending::LimitReached {
                        limit: Limit::Memory,
                        ..
                    } => TerminationReason::OomKilled,
                    _ => TerminationReason::Error,
                };
                let ending = ending.clone();
                let stop = Stop::StepFailed { step, ending };
                (reason, Some(stop))
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
