//! Runs a plan: starts the task's thread, watches its time, and reports how it ended.
//!
//! Runs on a current-thread tokio runtime, and needs little of it: one blocking thread for the task, one timer, one
//! channel. It does not know what a backend is made of, nor who reads the events.

use std::sync::Arc;

use stepwell_contract::event::Verdict;
use stepwell_contract::{
    Backend, Cancel, CancelReason, Ending, Event, EventKind, StepName, TaskName, TerminationReason,
};
use stepwell_spec::OnError;
use stepwell_store::Scratch;
use tokio::sync::mpsc::Sender;

use crate::admit::{self, Admitted, NotAdmitted};
use crate::clock::WallClock;
use crate::error::{EngineError, causes};
use crate::events::Events;
use crate::life::{Deadline, GRACE, GivenUp, Record, Running};
use crate::plan::Plan;
use crate::step::judge;
use crate::task::{self, Finished, Shared};
use crate::verdict::{self, Stop};

/// Runs plans on one backend.
#[derive(Clone)]
pub struct Engine {
    /// Where steps run.
    pub backend: Arc<dyn Backend>,
    /// Where the time of events comes from.
    pub clock: Arc<dyn WallClock>,
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
        let verdict = told(&ended);
        events
            .run(EventKind::RunEnd {
                verdict,
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
        events
            .task(EventKind::TaskStart {
                name: plan.run.clone(),
                pipeline_task: None,
                display_name: None,
                when_expressions: Vec::new(),
                provenance: None,
                steps: names.clone(),
                task_run: Arc::clone(&plan.document),
                task_spec: Arc::clone(&plan.task_spec),
            })
            .await;
        let (run, timeout) = (plan.run.clone(), plan.timeout);
        let record = Record::new(steps.len(), timeout.and_then(Deadline::after));
        let shared = Arc::new(Shared::new(record, events.outlet(), scratch, &steps));

        let _abandon = Abandon(Arc::clone(&shared));
        let _link = cancel.on_cancel({
            let (cancel, shared) = (cancel.clone(), Arc::clone(&shared));
            move || {
                let reason = cancel.reason().unwrap_or(CancelReason::Asked);
                shared.record.ask(reason);
            }
        });
        let task = plan.task.clone();
        let mut thread = tokio::task::spawn_blocking({
            let (backend, shared) = (Arc::clone(&self.backend), Arc::clone(&shared));
            move || task::run(&*backend, plan, steps, &shared)
        });
        let finished = tokio::select! {
            biased;
            finished = &mut thread => match finished {
                Ok(finished) => finished,
                Err(error) => take_over_panicked(&shared, &task, error.to_string()).await,
            },
            given_up = shared.record.watch() => {
                take_over(&shared, &task, &names, given_up, events).await
            }
        };
        let Finished {
            stopped,
            reading,
            troubles,
        } = finished;
        for index in shared.record.skip_the_rest() {
            events.step(&names[index], skipped()).await;
        }
        for causes in troubles {
            events.task(EventKind::Error { causes }).await;
        }
        for (name, value) in reading.results {
            let result_type = value.param_type();
            events
                .task(EventKind::Result {
                    name,
                    result_type,
                    value,
                })
                .await;
        }
        let ended = stopped.map(|stopped| match stopped {
            Some(stop) => verdict::stopped(&run, timeout.unwrap_or_default(), &stop),
            None if reading.rejected.is_empty() => verdict::succeeded(),
            None => verdict::results_rejected(&run, shared.result_limit, &reading.rejected),
        });
        let duration_ms = events.now().since(began);
        let verdict = told(&ended);
        events
            .task(EventKind::TaskEnd {
                verdict,
                retried: false,
                duration_ms,
            })
            .await;
        ended
    }
}

/// Ends a task whose thread is in a call into the host that does not return.
async fn take_over(
    shared: &Arc<Shared>,
    task: &TaskName,
    names: &[StepName],
    given_up: GivenUp,
    events: &Events,
) -> Finished {
    shared.outlet.close();
    let GivenUp { reason, running } = given_up;
    let mut told = None;
    let stop = match running {
        None => {
            let doing = format!("open task `{task}`");
            told = Some(causes(&EngineError::Stuck { doing }));
            Stop::before_a_step(reason)
        }
        Some(Running {
            index,
            began,
            bound,
            capture,
        }) => {
            let name = &names[index];
            let doing = format!("stop step `{name}` within {GRACE:?}");
            let causes = causes(&EngineError::Stuck { doing });
            events.step(name, EventKind::Error { causes }).await;
            let ending = match reason {
                CancelReason::Asked => Ending::Cancelled,
                CancelReason::TimedOut(after) => Ending::TimedOut { after },
            };
            let (termination_reason, stop) = judge(name, &ending, OnError::StopAndFail, bound);
            events
                .step(
                    name,
                    EventKind::StepEnd {
                        termination_reason,
                        exit_code: ending.exit_code(),
                        ending: Some(ending),
                        duration_ms: events.now().since(began),
                        dropped_bytes: capture.dropped(),
                    },
                )
                .await;
            stop.unwrap_or_else(|| Stop::before_a_step(reason))
        }
    };
    clean_up(shared, Ok(Some(stop)), told).await
}

/// Ends a task whose thread panicked outside of any step.
async fn take_over_panicked(shared: &Arc<Shared>, task: &TaskName, message: String) -> Finished {
    let doing = format!("run task `{task}`");
    let error = EngineError::Panicked { doing, message };
    let told = causes(&error);
    clean_up(shared, Err(error), Some(told)).await
}

/// Cleans up in the place of the task's thread. The scope is that thread's: its destructor closes it.
async fn clean_up(
    shared: &Arc<Shared>,
    stopped: Result<Option<Stop>, EngineError>,
    told: Option<Vec<String>>,
) -> Finished {
    let shared = Arc::clone(shared);
    let cleaned = tokio::task::spawn_blocking(move || shared.clean_up(None)).await;
    let (reading, mut troubles) = cleaned.unwrap_or_default();
    troubles.splice(0..0, told);
    Finished {
        stopped,
        reading,
        troubles,
    }
}

fn told(ended: &Result<Verdict, EngineError>) -> Verdict {
    match ended {
        Ok(verdict) => verdict.clone(),
        Err(error) => verdict::broken(error),
    }
}

fn skipped() -> EventKind {
    EventKind::StepEnd {
        termination_reason: TerminationReason::Skipped,
        exit_code: 1,
        ending: None,
        duration_ms: 0,
        dropped_bytes: 0,
    }
}

/// Tells a task's thread to stop when nobody waits for it any more: also when the future of the run is dropped.
struct Abandon(Arc<Shared>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.record.abandon();
        self.0.outlet.close();
    }
}
