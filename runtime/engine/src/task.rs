//! A task on its own thread: opens its folders and its scope, runs its steps, and cleans up.
//!
//! One thread for the whole task, for handing each step to a thread costs more than starting a step. It does not watch
//! the time, nor the user: [`run`](crate::run) does, and may have given this thread up while a call into the host does
//! not return.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};

use stepwell_contract::{Backend, Cancel, Limit, TaskScope, TaskSpec};
use stepwell_store::Scratch;

use crate::error::{EngineError, causes};
use crate::events::Outlet;
use crate::life::{Life, Record};
use crate::plan::{Plan, PlannedStep};
use crate::results::{Reading, ResultsFolder};
use crate::step::{self, Ground, catch};
use crate::verdict::Stop;
use crate::volumes::Volumes;

/// What the task's thread and its watcher share.
pub(crate) struct Shared {
    pub(crate) record: Record,
    pub(crate) outlet: Arc<Outlet>,
    /// What a result may have, in bytes: what the most generous step allows.
    pub(crate) result_limit: u64,
    results: OnceLock<Arc<ResultsFolder>>,
    scratch: Mutex<Option<Scratch>>,
}

/// What a task leaves for the report.
pub(crate) struct Finished {
    /// Why it ended before its last step, or what we could not do.
    pub(crate) stopped: Result<Option<Stop>, EngineError>,
    pub(crate) reading: Reading,
    /// What else went wrong, and was not told yet: the causes of each.
    pub(crate) troubles: Vec<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(
        record: Record,
        outlet: Outlet,
        scratch: Scratch,
        steps: &[PlannedStep],
    ) -> Self {
        let limits = steps.iter().map(|step| step.spec.limits.get(Limit::Result));
        Self {
            record,
            outlet: Arc::new(outlet),
            result_limit: limits
                .max()
                .unwrap_or_else(|| Limit::Result.default_value()),
            results: OnceLock::new(),
            scratch: Mutex::new(Some(scratch)),
        }
    }

    /// Reads the results, closes the scope and removes the scratch folder. What cannot be cleaned up is told and changes
    /// nothing else: the next run's sweep tries again.
    pub(crate) fn clean_up(
        &self,
        scope: Option<Box<dyn TaskScope>>,
    ) -> (Reading, Vec<Vec<String>>) {
        let results = self.results.get();
        let reading =
            results.map_or_else(Reading::default, |results| results.read(self.result_limit));
        let mut troubles = Vec::new();
        if let Some(scope) = scope {
            match catch(|| scope.close()) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => troubles.push(causes(&error)),
                Err(message) => {
                    let doing = "clean up".to_owned();
                    troubles.push(causes(&EngineError::Panicked { doing, message }));
                }
            }
        }
        // A thread that is stuck while it makes folders keeps its scratch, and removes it should it ever return.
        let scratch = match self.scratch.try_lock() {
            Ok(mut scratch) => scratch.take(),
            Err(TryLockError::Poisoned(scratch)) => scratch.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(Err(error)) = scratch.map(Scratch::close) {
            troubles.push(causes(&error));
        }
        (reading, troubles)
    }

    fn open(&self, backend: &dyn Backend, plan: Plan) -> Result<Ground, EngineError> {
        let Plan {
            task,
            results: declared,
            volumes,
            scripts,
            ..
        } = plan;
        let scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let volumes = Volumes::open(volumes, &scripts, scratch.as_ref())?;
        drop(scratch);
        let results = Arc::new(ResultsFolder::new(volumes.results(), declared));
        let results = Arc::clone(self.results.get_or_init(|| results));
        let exit_codes = volumes.exit_codes();
        let scope = backend
            .open_task(&TaskSpec {
                name: task,
                volumes: volumes.into_list(),
            })
            .map_err(|source| EngineError::OpenTask { source })?;
        Ok(Ground {
            scope,
            results,
            exit_codes,
        })
    }
}

/// Runs `plan`, whose steps are `steps`, from opening to clean-up. Blocks.
pub(crate) fn run(
    backend: &dyn Backend,
    plan: Plan,
    steps: Vec<PlannedStep>,
    shared: &Shared,
) -> Finished {
    let record = &shared.record;
    // Nothing listens to this request: opening folders is a handful of calls, and either they return or they do not.
    record.enter(&Cancel::new(), record.bound(None), None);
    let doing = format!("open task `{}`", plan.task);
    let opened = catch(|| shared.open(backend, plan))
        .unwrap_or_else(|message| Err(EngineError::Panicked { doing, message }));
    record.leave(Life::Done);
    let (stopped, scope, told) = match opened {
        Ok(ground) => {
            let stopped = run_steps(steps, &ground, shared);
            (stopped, Some(ground.scope), None)
        }
        Err(error) => {
            let told = causes(&error);
            (Err(error), None, Some(told))
        }
    };
    let (reading, mut troubles) = shared.clean_up(scope);
    troubles.splice(0..0, told);
    Finished {
        stopped,
        reading,
        troubles,
    }
}

/// Runs the steps until one of them ends the task: why it did, or `None` when all have run.
fn run_steps(
    steps: Vec<PlannedStep>,
    ground: &Ground,
    shared: &Shared,
) -> Result<Option<Stop>, EngineError> {
    let Shared { record, outlet, .. } = shared;
    for (index, step) in steps.into_iter().enumerate() {
        if let Some(reason) = record.is_over() {
            return Ok(Some(Stop::before_a_step(reason)));
        }
        let stopped = step::run(index, step, ground, record, outlet);
        if !matches!(stopped, Ok(None)) {
            return stopped;
        }
    }
    Ok(None)
}
