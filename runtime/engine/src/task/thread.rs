//! One try of a task on its own thread: opens its folders and its scope, runs its steps, and cleans up.
//!
//! One thread for all steps, for handing each step to a thread costs more than starting a step. It does not watch the
//! time, nor the user: [`attempt`](super::attempt) does, and may have given this thread up while a call into the host does
//! not return.

use std::sync::Arc;

use stepwell_contract::{Cancel, Image};
use stepwell_spec::{Step, StepFacts, TaskRun};

use super::Tools;
use super::opened::Opened;
use super::shared::{Finished, Left, Shared};
use crate::backends::Scopes;
use crate::error::{EngineError, causes};
use crate::life::Life;
use crate::plan::layout::StepLayout;
use crate::plan::{self, Frame, Part, PlannedStep};
use crate::step::{self, catch};
use crate::verdict::Stop;

/// What is to be done.
pub(super) struct Job {
    pub(super) tools: Arc<Tools>,
    pub(super) run: Arc<TaskRun>,
    /// Which try, from 0.
    pub(super) attempt: u32,
}

impl Job {
    /// Plans `part`; why it cannot begin, where it contradicts itself.
    pub(super) fn plan(
        &self,
        part: Part,
        step: Step,
        seen: &StepLayout,
        image: Image,
    ) -> Result<PlannedStep, String> {
        let backend = self.tools.engine.backends.of(image.kind());
        let fingerprint = backend.map_err(|error| error.to_string())?.fingerprint();
        plan::plan(self.frame(), part, step, seen, image, fingerprint)
            .map_err(|error| error.to_string())
    }

    /// Whether no other try follows this one when it fails.
    fn is_last(&self) -> bool {
        self.attempt >= self.run.retries
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            run: &self.run,
            attempt: self.attempt,
            epoch_seconds: self.tools.engine.options.epoch_seconds,
        }
    }
}

/// Runs one try of a task, from opening to clean-up. Blocks.
pub(super) fn run(job: &Job, shared: &Shared) -> Finished {
    let record = &shared.record;
    // What is over before it begins leaves nothing to clean up.
    if let Some(reason) = record.is_over() {
        return Left::default().finished(Ok(Some(Stop::before_a_step(reason))));
    }
    // Nothing listens to this request: opening folders is a handful of calls, and either they return or they do not.
    record.enter(&Cancel::new(), record.bound(None), None);
    let doing = || format!("open task `{}`", job.run.task);
    let opened = catch(|| shared.open(job)).unwrap_or_else(|message| {
        Err(EngineError::Panicked {
            doing: doing(),
            message,
        })
    });
    record.leave(Life::Done);
    let (stopped, scopes, told) = match opened {
        Ok(Ok(mut opened)) => match start_sidecars(job, &mut opened, shared) {
            Ok(None) => {
                let (stopped, scopes) = run_steps(job, opened, shared);
                (stopped, Some(scopes), None)
            }
            Ok(Some(stop)) => (Ok(Some(stop)), Some(opened.ground.scopes), None),
            Err(error) => {
                let told = of_ours(&error);
                (Err(error), Some(opened.ground.scopes), told)
            }
        },
        Ok(Err(stop)) => (Ok(Some(stop)), None, None),
        Err(error) => {
            let told = of_ours(&error);
            (Err(error), None, told)
        }
    };
    let mut untold = Left::default();
    let (failed, trouble) = shared.stop_sidecars(&mut untold);
    let (stopped, told) = match (stopped, failed, trouble) {
        (Ok(None), _, Some(error)) => {
            let told = of_ours(&error);
            (Err(error), told)
        }
        (Ok(None), failed, None) => (Ok(failed), told),
        (stopped, _, Some(error)) => (stopped, told.or_else(|| of_ours(&error))),
        (stopped, _, None) => (stopped, told),
    };
    let mut left = shared.clean_up(&job.run, scopes, job.is_last() && has_failed(&stopped));
    left.troubles.splice(0..0, told);
    left.untold.extend(untold.untold);
    left.finished(stopped)
}

/// What is said of our trouble; what is the task's own stands in its verdict.
fn of_ours(error: &EngineError) -> Option<Vec<String>> {
    (!error.is_the_tasks()).then(|| causes(error))
}

/// Starts the sidecars; a panic is an error of ours.
fn start_sidecars(
    job: &Job,
    opened: &mut Opened<'_>,
    shared: &Shared,
) -> Result<Option<Stop>, EngineError> {
    let record = &shared.record;
    if !job.run.sidecars.is_empty() {
        // As while the task is opened: either these calls return or they do not.
        record.enter(&Cancel::new(), record.bound(None), None);
    }
    let started = catch(|| shared.start_sidecars(job, opened)).unwrap_or_else(|message| {
        let doing = format!("start the sidecars of task `{}`", job.run.task);
        Err(EngineError::Panicked { doing, message })
    });
    record.leave(Life::Done);
    started
}

/// Whether the try went wrong by itself: one that was cancelled did not.
fn has_failed(stopped: &Result<Option<Stop>, EngineError>) -> bool {
    !matches!(stopped, Ok(None | Some(Stop::Cancelled)))
}

/// Runs the steps until one of them ends the task: why it did, or `None` when all have run.
fn run_steps(
    job: &Job,
    opened: Opened<'_>,
    shared: &Shared,
) -> (Result<Option<Stop>, EngineError>, Scopes) {
    let Opened {
        ground,
        layout,
        images,
    } = opened;
    let steps = job.run.steps.iter().zip(&layout.steps).zip(images);
    for (index, ((step, seen), image)) in steps.enumerate() {
        if let Some(reason) = shared.record.is_over() {
            return (Ok(Some(Stop::before_a_step(reason))), ground.scopes);
        }
        let ended = {
            let steps = shared.steps();
            let facts = StepFacts {
                retry_count: job.attempt,
                steps: &steps.outcomes,
            };
            next(step, &facts)
        };
        let ended = match ended {
            Next::Skip => step::skip(index, &step.name, &ground),
            Next::CannotBegin(cause) => Ok(step::cannot_begin(index, &step.name, cause, &ground)),
            Next::Run(filled) => {
                if step.is_late
                    && let Some(volumes) = &*shared.volumes()
                    && let Err(error) = volumes.write_script(Part::Step(index), &filled)
                {
                    return (Err(error), ground.scopes);
                }
                match job.plan(Part::Step(index), *filled, seen, image) {
                    Ok(planned) => step::run(index, planned, &ground),
                    Err(cause) => Ok(step::cannot_begin(index, &step.name, cause, &ground)),
                }
            }
        };
        let step::Ended {
            stop,
            outcome,
            rejected,
        } = match ended {
            Ok(ended) => ended,
            Err(error) => return (Err(error), ground.scopes),
        };
        let mut left = shared.steps();
        left.rejected.extend(
            rejected
                .into_iter()
                .map(|(name, why)| (format!("{}.{name}", outcome.name).into(), why)),
        );
        left.outcomes.push(outcome);
        drop(left);
        if stop.is_some() {
            return (Ok(stop), ground.scopes);
        }
    }
    (Ok(None), ground.scopes)
}

/// What becomes of a step whose turn has come.
enum Next {
    Run(Box<Step>),
    /// Its `when` does not let it run.
    Skip,
    /// It refers to something that is not there.
    CannotBegin(String),
}

fn next(step: &Step, facts: &StepFacts<'_>) -> Next {
    if !step.when.is_empty() {
        match step.allowed(facts) {
            Ok(true) => {}
            Ok(false) => return Next::Skip,
            Err(cause) => return Next::CannotBegin(cause),
        }
    }
    if !step.is_late {
        return Next::Run(Box::new(step.clone()));
    }
    match step.filled(facts) {
        Ok(filled) => Next::Run(Box::new(filled)),
        Err(cause) => Next::CannotBegin(cause),
    }
}
