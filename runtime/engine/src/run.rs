//! Runs a plan: one task, its steps in order, and clean-up on every path.
//!
//! Runs on a current-thread tokio runtime. Whatever blocks (opening folders, a step, clean-up) is done on the runtime's
//! blocking threads, one at a time; the thread of one step is the next one's too. It does not know what a backend is
//! made of, nor who reads the events.

use std::sync::Arc;

use stepwell_contract::event::Verdict;
use stepwell_contract::{
    Backend, Cancel, Event, EventKind, Limit, StepName, TaskSpec, TerminationReason,
};
use stepwell_store::Scratch;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use crate::admit::{self, Admitted, NotAdmitted};
use crate::blocking::{Deadline, Waited, Watch, run_to_the_end};
use crate::clock::WallClock;
use crate::error::{EngineError, causes};
use crate::events::Events;
use crate::plan::{Plan, PlannedStep};
use crate::results::{Reading, ResultsFolder};
use crate::step::{self, Shared};
use crate::verdict::{self, Stop};
use crate::volumes::Volumes;

/// Where a step is in its life:
///
/// ```text
/// Waiting ──→ Running ──→ Done | Failed
///    └──────────────────→ Skipped
/// ```
///
/// The steps of a task run one after the other, so a step that waits has nothing else to become ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// A step before it has not ended, or it is the first.
    Waiting,
    /// It has begun.
    Running,
    /// It has ended, and the task goes on.
    Done,
    /// It has ended, and the task with it.
    Failed,
    /// It will never begin.
    Skipped,
}

/// Runs plans on one backend.
#[derive(Clone)]
pub struct Engine {
    /// Where steps run.
    pub backend: Arc<dyn Backend>,
    /// Where the time of events comes from.
    pub clock: Arc<dyn WallClock>,
}

/// A task that was opened.
struct Opened {
    shared: Shared,
    scratch: Scratch,
}

impl Engine {
    /// Asks the backend about every step of `plan`. Blocks: code that was never compiled is compiled here.
    ///
    /// # Errors
    ///
    /// Every step that was not admitted, with why.
    pub fn admit(&self, plan: Plan) -> Result<Admitted, NotAdmitted> {
        admit::admit(&*self.backend, plan)
    }

    /// Runs `plan` to its end; `scratch` is where its temporary folders go, and is removed with them. `events` has to be
    /// read, or dropped, while this runs: a reader that does neither holds the run back. The last event is `run-end`;
    /// by then everything is cleaned up.
    ///
    /// When `cancel` is asked for, or a time is up, the running step is told to stop. One that does not, because a call
    /// into the host does not return, is left behind on its thread: shut the runtime down with `shutdown_background`, or
    /// it waits for that thread.
    ///
    /// # Errors
    ///
    /// What we could not do. How the task ended is never an error.
    pub async fn run(
        &self,
        plan: Admitted,
        scratch: Scratch,
        events: Sender<Event>,
        cancel: Cancel,
    ) -> Result<Verdict, EngineError> {
        let plan = plan.into_plan();
        let clock = Arc::clone(&self.clock);
        let events = Events::new(events, clock, plan.run.clone(), plan.task.clone());
        let began = events.now();
        let steps = plan.steps.len();
        events.run(EventKind::RunStart { tasks: 1, steps }).await;
        let ended = self.run_task(plan, scratch, &events, &cancel).await;
        let duration_ms = events.now().since(began);
        events
            .run(EventKind::RunEnd {
                verdict: told(&ended),
                duration_ms,
            })
            .await;
        ended
    }

    async fn run_task(
        &self,
        mut plan: Plan,
        scratch: Scratch,
        events: &Events,
        cancel: &Cancel,
    ) -> Result<Verdict, EngineError> {
        let began = events.now();
        let steps = std::mem::take(&mut plan.steps);
        let names: Vec<_> = steps.iter().map(|step| step.spec.name.clone()).collect();
        let limits = steps.iter().map(|step| step.spec.limits.get(Limit::Result));
        let result_limit = limits
            .max()
            .unwrap_or_else(|| Limit::Result.default_value());
        events
            .task(EventKind::TaskStart {
                steps: names.clone(),
                task_run: Arc::clone(&plan.document),
                task_spec: Arc::clone(&plan.task_spec),
            })
            .await;
        let (run, timeout) = (plan.run.clone(), plan.timeout);
        let deadline = timeout.and_then(|after| {
            let at = Instant::now().checked_add(after)?;
            Some(Deadline { at, after })
        });

        let mut lives = vec![Life::Waiting; steps.len()];
        let mut reading = Reading::default();
        let stopped = match self.open(plan, scratch, cancel, deadline).await {
            Ok(opened) => {
                let shared = &opened.shared;
                let stopped = run_steps(steps, &mut lives, shared, events, cancel, deadline).await;
                skip_the_rest(&mut lives, &names, events).await;
                reading = close(opened, result_limit, events).await;
                stopped
            }
            Err(error) => {
                let causes = causes(&error);
                events.task(EventKind::Error { causes }).await;
                skip_the_rest(&mut lives, &names, events).await;
                match error {
                    EngineError::Stuck { reason, .. } => Ok(Some(Stop::before_a_step(reason))),
                    error => Err(error),
                }
            }
        };
        for (name, value) in reading.results {
            events
                .task(EventKind::Result {
                    name,
                    result_type: value.param_type(),
                    value,
                })
                .await;
        }
        let ended = stopped.map(|stopped| match stopped {
            Some(stop) => verdict::stopped(&run, timeout.unwrap_or_default(), &stop),
            None if reading.rejected.is_empty() => verdict::succeeded(),
            None => verdict::results_rejected(&run, result_limit, &reading.rejected),
        });
        let duration_ms = events.now().since(began);
        events
            .task(EventKind::TaskEnd {
                verdict: told(&ended),
                duration_ms,
            })
            .await;
        ended
    }

    /// Opens the task's folders and its scope.
    async fn open(
        &self,
        plan: Plan,
        scratch: Scratch,
        cancel: &Cancel,
        deadline: Option<Deadline>,
    ) -> Result<Opened, EngineError> {
        let backend = Arc::clone(&self.backend);
        let doing = || format!("open task `{}`", plan.task);
        let (when_panicked, when_stuck) = (doing(), doing());
        let watch = Watch::new(cancel, deadline);
        let waited = watch.run(move || open_here(&*backend, plan, scratch)).await;
        match waited {
            Waited::Done(Ok(opened)) => opened,
            Waited::Done(Err(message)) => Err(EngineError::Panicked {
                doing: when_panicked,
                message,
            }),
            Waited::Stuck(reason) => Err(EngineError::Stuck {
                doing: when_stuck,
                reason,
            }),
        }
    }
}

fn told(ended: &Result<Verdict, EngineError>) -> Verdict {
    match ended {
        Ok(verdict) => verdict.clone(),
        Err(error) => verdict::broken(error),
    }
}

/// Blocks. Whatever fails, what was opened before is closed by its destructor.
fn open_here(backend: &dyn Backend, plan: Plan, scratch: Scratch) -> Result<Opened, EngineError> {
    let Plan {
        task,
        results: declared,
        volumes,
        scripts,
        ..
    } = plan;
    let volumes = Volumes::open(volumes, &scripts, &scratch)?;
    let results = ResultsFolder::new(volumes.results(), declared);
    let exit_codes = volumes.exit_codes();
    let scope = backend
        .open_task(&TaskSpec {
            name: task,
            volumes: volumes.into_list(),
        })
        .map_err(|source| EngineError::OpenTask { source })?;
    Ok(Opened {
        shared: Shared {
            scope: Arc::new(scope),
            results: Arc::new(results),
            exit_codes,
        },
        scratch,
    })
}

/// Runs the steps until one of them ends the task: why it did, or `None` when all have run.
async fn run_steps(
    steps: Vec<PlannedStep>,
    lives: &mut [Life],
    shared: &Shared,
    events: &Events,
    cancel: &Cancel,
    deadline: Option<Deadline>,
) -> Result<Option<Stop>, EngineError> {
    for (step, life) in steps.into_iter().zip(lives) {
        if let Some(reason) = cancel.reason() {
            return Ok(Some(Stop::before_a_step(reason)));
        }
        if deadline.is_some_and(|deadline| deadline.at <= Instant::now()) {
            return Ok(Some(Stop::TaskTimedOut));
        }
        *life = Life::Running;
        let stopped = step::run(step, shared, events, cancel, deadline).await;
        if !matches!(stopped, Ok(None)) {
            *life = Life::Failed;
            return stopped;
        }
        *life = Life::Done;
    }
    Ok(None)
}

/// Ends the life of every step that has not begun.
async fn skip_the_rest(lives: &mut [Life], names: &[StepName], events: &Events) {
    for (life, name) in lives.iter_mut().zip(names) {
        if *life != Life::Waiting {
            continue;
        }
        *life = Life::Skipped;
        events
            .step(
                name,
                EventKind::StepEnd {
                    termination_reason: TerminationReason::Skipped,
                    exit_code: 1,
                    ending: None,
                    duration_ms: 0,
                    dropped_bytes: 0,
                },
            )
            .await;
    }
}

/// Reads the results, closes the scope and removes the scratch folder. What cannot be cleaned up is told and changes
/// nothing else: the next run's sweep tries again.
async fn close(opened: Opened, result_limit: u64, events: &Events) -> Reading {
    let Opened { shared, scratch } = opened;
    let closed = run_to_the_end(move || {
        let Shared { scope, results, .. } = shared;
        let reading = results.read(result_limit);
        let mut troubles = Vec::new();
        // A step that was left behind holds the scope until it returns; its destructor closes it then.
        if let Some(scope) = Arc::into_inner(scope)
            && let Err(error) = scope.close()
        {
            troubles.push(causes(&error));
        }
        if let Err(error) = scratch.close() {
            troubles.push(causes(&error));
        }
        (reading, troubles)
    })
    .await;
    let (reading, troubles) = closed.unwrap_or_else(|message| {
        let doing = "clean up".to_owned();
        let error = EngineError::Panicked { doing, message };
        (Reading::default(), vec![causes(&error)])
    });
    for causes in troubles {
        events.task(EventKind::Error { causes }).await;
    }
    reading
}
