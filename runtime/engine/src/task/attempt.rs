//! One try of a TaskRun: starts its thread, watches its time, and reports how it ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::event::Verdict;
use stepwell_contract::{CancelReason, Ending, EventKind, ParamValue, STOP_PATIENCE, StepName};
use stepwell_spec::{OnError, TaskRun};

use super::shared::{Finished, Shared};
use super::thread::{self, Job};
use super::{Halt, RunGround};
use crate::error::{EngineError, causes};
use crate::events::Events;
use crate::life::{Deadline, GivenUp, Record, Running};
use crate::step::{judge, skipped};
use crate::verdict::{self, Stop};

/// How a try ended.
pub(super) struct Tried {
    pub(super) verdict: Verdict,
    /// Whether it was stopped from outside.
    pub(super) cancelled: bool,
    pub(super) results: BTreeMap<Arc<str>, ParamValue>,
    pub(super) artifacts: Option<Arc<Value>>,
    /// What we could not do. It has been told.
    pub(super) trouble: Option<EngineError>,
}

/// Runs one try of `run` and sends all of its events but the last.
pub(super) async fn run(
    ground: &RunGround,
    run: &Arc<TaskRun>,
    attempt: u32,
    when_expressions: Vec<Value>,
    events: &Events,
    halt: &Halt,
) -> Tried {
    let names: Vec<_> = run.steps.iter().map(|step| step.name.clone()).collect();
    let started = EventKind::TaskStart {
        name: run.name.clone(),
        pipeline_task: run.pipeline_task.clone(),
        display_name: run.display_name.clone(),
        when_expressions,
        steps: names.clone(),
        provenance: run.provenance.clone(),
        task_run: Arc::clone(&run.document),
        task_spec: run.task_spec_of(attempt),
    };
    events.task(started).await;
    let record = Record::new(names.len(), run.timeout.and_then(Deadline::after));
    let shared = Arc::new(Shared::new(record, events.outlet(), run));
    let _abandon = Abandon(Arc::clone(&shared));
    let _link = halt.cancel().on_cancel({
        let shared = Arc::clone(&shared);
        move || shared.record.ask(CancelReason::Asked)
    });
    let mut ended = ground.threads().spawn({
        let job = Job {
            tools: Arc::clone(ground.tools()),
            run: Arc::clone(run),
            attempt,
        };
        let shared = Arc::clone(&shared);
        move || thread::run(&job, &shared)
    });
    let finished = tokio::select! {
        biased;
        finished = ended.wait() => match finished {
            Ok(finished) => finished,
            Err(message) => take_over_panicked(&shared, run, message).await,
        },
        given_up = shared.record.watch() => {
            take_over(&shared, run, &names, given_up, events).await
        }
    };
    let Finished {
        stopped,
        reading,
        artifacts,
        troubles,
        untold,
    } = finished;
    for index in shared.record.skip_the_rest() {
        events.step(&names[index], skipped(1)).await;
    }
    for kind in untold {
        events.task(kind).await;
    }
    for causes in troubles {
        events.task(EventKind::Error { causes }).await;
    }
    for (name, value) in &reading.results {
        let result = EventKind::Result {
            name: Arc::clone(name),
            result_type: value.param_type(),
            value: value.clone(),
        };
        events.task(result).await;
    }
    let mut left = None;
    match artifacts {
        Ok(Some(artifacts)) => {
            left = Some(Arc::new(artifacts.clone()));
            events.task(EventKind::Artifacts { artifacts }).await;
        }
        Ok(None) => {}
        Err(message) => events.task(EventKind::Notice { message }).await,
    }
    let (verdict, trouble) = match stopped {
        Ok(Some(stop)) => (verdict::stopped(run, &stop, halt.cause()), None),
        Ok(None) if reading.rejected.is_empty() => (verdict::succeeded(), None),
        Ok(None) => (
            verdict::results_rejected(&run.name, shared.result_limit, &reading.rejected),
            None,
        ),
        // What the task asks for cannot be made: it has failed, and nothing else has to stop for it.
        Err(error) if error.is_the_tasks() => (verdict::not_made(&error), None),
        Err(error) => (verdict::broken(&error), Some(error)),
    };
    Tried {
        cancelled: verdict.reason == verdict::CANCELLED,
        verdict,
        results: reading.results.into_iter().collect(),
        artifacts: left,
        trouble,
    }
}

/// Ends a try whose thread is in a call into the host that does not return.
async fn take_over(
    shared: &Arc<Shared>,
    run: &Arc<TaskRun>,
    names: &[StepName],
    given_up: GivenUp,
    events: &Events,
) -> Finished {
    shared.outlet.close();
    let GivenUp { reason, running } = given_up;
    let mut told = None;
    let stop = match running {
        None => {
            let doing = format!("open task `{}`", run.task);
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
            let doing = format!("stop step `{name}` within {STOP_PATIENCE:?}");
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
                        cached: false,
                    },
                )
                .await;
            stop.unwrap_or_else(|| Stop::before_a_step(reason))
        }
    };
    clean_up(shared, run, Ok(Some(stop)), told).await
}

/// Ends a try whose thread panicked outside of any step.
async fn take_over_panicked(shared: &Arc<Shared>, run: &Arc<TaskRun>, message: String) -> Finished {
    let doing = format!("run task `{}`", run.task);
    let error = EngineError::Panicked { doing, message };
    let told = causes(&error);
    clean_up(shared, run, Err(error), Some(told)).await
}

/// Cleans up in the place of the task's thread. The scope is that thread's: its destructor closes it.
async fn clean_up(
    shared: &Arc<Shared>,
    run: &Arc<TaskRun>,
    stopped: Result<Option<Stop>, EngineError>,
    told: Option<Vec<String>>,
) -> Finished {
    let (shared, run) = (Arc::clone(shared), Arc::clone(run));
    let cleaned = tokio::task::spawn_blocking(move || shared.clean_up(&run, None, false)).await;
    let mut left = cleaned.unwrap_or_default();
    left.troubles.splice(0..0, told);
    left.finished(stopped)
}

/// Tells a task's thread to stop when nobody waits for it any more: also when the future of the run is dropped.
struct Abandon(Arc<Shared>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.record.abandon();
        self.0.outlet.close();
    }
}
