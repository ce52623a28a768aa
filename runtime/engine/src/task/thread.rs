//! One try of a task on its own thread: opens its folders and its scope, runs its steps, and cleans up.
//!
//! One thread for all steps, for handing each step to a thread costs more than starting a step. It does not watch the
//! time, nor the user: [`attempt`](super::attempt) does, and may have given this thread up while a call into the host does
//! not return.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use stepwell_contract::{Cancel, Image, Limit, TaskScope, TaskSpec};
use stepwell_spec::TaskRun;

use super::Tools;
use crate::error::{EngineError, causes};
use crate::events::Outlet;
use crate::life::{Life, Record};
use crate::plan::layout::{Layout, StepLayout};
use crate::plan::{self, Frame};
use crate::results::{Reading, ResultsFolder};
use crate::step::{self, Ground, catch};
use crate::verdict::Stop;
use crate::volumes::Volumes;

/// What a try's thread and its watcher share.
pub(crate) struct Shared {
    pub(crate) record: Record,
    pub(crate) outlet: Arc<Outlet>,
    /// What a result may have, in bytes: what the most generous step allows.
    pub(crate) result_limit: u64,
    results: OnceLock<Arc<ResultsFolder>>,
    /// Taken by whoever cleans up first.
    volumes: Mutex<Option<Volumes>>,
}

/// What a try leaves for the report.
pub(super) struct Finished {
    /// Why it ended before its last step, or what we could not do.
    pub(super) stopped: Result<Option<Stop>, EngineError>,
    pub(super) reading: Reading,
    /// What else went wrong, and was not told yet: the causes of each.
    pub(super) troubles: Vec<Vec<String>>,
}

/// What is to be done.
pub(super) struct Job {
    pub(super) tools: Arc<Tools>,
    pub(super) run: Arc<TaskRun>,
    /// Which try, from 0.
    pub(super) attempt: u32,
}

impl Job {
    fn frame(&self) -> Frame<'_> {
        Frame {
            run: &self.run,
            attempt: self.attempt,
            fingerprint: self.tools.fingerprint,
            epoch_seconds: self.tools.engine.options.epoch_seconds,
        }
    }
}

/// A task that is ready for its first step.
struct Opened {
    ground: Ground,
    seen: Vec<StepLayout>,
    images: Vec<Image>,
}

impl Shared {
    pub(super) fn new(record: Record, outlet: Outlet, run: &TaskRun) -> Self {
        let limits = run.steps.iter().map(|step| step.limits.get(Limit::Result));
        Self {
            record,
            outlet: Arc::new(outlet),
            result_limit: limits
                .max()
                .unwrap_or_else(|| Limit::Result.default_value()),
            results: OnceLock::new(),
            volumes: Mutex::new(None),
        }
    }

    /// Reads the results, closes the scope and gives the task's folders back. What cannot be cleaned up is told and
    /// changes nothing else: the next run's sweep tries again.
    pub(super) fn clean_up(
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
        let volumes = self.volumes().take();
        if let Some(results) = results {
            results.let_go();
        }
        if let Some(Err(error)) = volumes.map(Volumes::close) {
            troubles.push(causes(&error));
        }
        (reading, troubles)
    }

    fn volumes(&self) -> std::sync::MutexGuard<'_, Option<Volumes>> {
        // Put or taken as a whole.
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, job: &Job) -> Result<Result<Opened, Stop>, EngineError> {
        let Job { tools, run, .. } = job;
        let layout = match Layout::of(run) {
            Ok(layout) => layout,
            Err(error) => {
                return Ok(Err(Stop::Invalid {
                    cause: error.to_string(),
                }));
            }
        };
        let mut images = Vec::with_capacity(run.steps.len());
        for step in &run.steps {
            match tools.engine.images.find(&step.image, step.image_span) {
                Ok(image) => images.push(image),
                Err(cause) => {
                    let step = step.name.clone();
                    return Ok(Err(Stop::NoImage { step, cause }));
                }
            }
        }
        let backend = &*tools.engine.backend;
        for (step, image) in run.steps.iter().zip(&images) {
            let grants = plan::granted(run, &step.grants);
            let asked = tools.admissions.ask(backend, image, &grants, &step.limits);
            asked.map_err(|source| EngineError::Admit {
                step: step.name.clone(),
                source,
            })?;
        }
        let volumes = Volumes::open(tools, run, &layout)?;
        let results = Arc::new(ResultsFolder::new(
            volumes.results(),
            run.results.clone().into(),
        ));
        let results = Arc::clone(self.results.get_or_init(|| results));
        let exit_codes = run.reads_exit_codes.then(|| volumes.steps()).flatten();
        let list = volumes.list();
        *self.volumes() = Some(volumes);
        let scope = backend
            .open_task(&TaskSpec {
                name: run.task.clone(),
                volumes: list,
            })
            .map_err(|source| EngineError::OpenTask { source })?;
        Ok(Ok(Opened {
            ground: Ground {
                scope,
                results,
                exit_codes,
            },
            seen: layout.steps,
            images,
        }))
    }
}

/// Runs one try of a task, from opening to clean-up. Blocks.
pub(super) fn run(job: &Job, shared: &Shared) -> Finished {
    let record = &shared.record;
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
    let (stopped, scope, told) = match opened {
        Ok(Ok(opened)) => {
            let (stopped, scope) = run_steps(job, opened, shared);
            (stopped, Some(scope), None)
        }
        Ok(Err(stop)) => (Ok(Some(stop)), None, None),
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
    job: &Job,
    opened: Opened,
    shared: &Shared,
) -> (Result<Option<Stop>, EngineError>, Box<dyn TaskScope>) {
    let Opened {
        ground,
        seen,
        images,
    } = opened;
    let Shared { record, outlet, .. } = shared;
    let steps = job.run.steps.iter().zip(&seen).zip(images);
    for (index, ((step, seen), image)) in steps.enumerate() {
        if let Some(reason) = record.is_over() {
            return (Ok(Some(Stop::before_a_step(reason))), ground.scope);
        }
        let planned = match plan::plan(job.frame(), index, step.clone(), seen, image) {
            Ok(planned) => planned,
            Err(error) => {
                let cause = error.to_string();
                return (Ok(Some(Stop::Invalid { cause })), ground.scope);
            }
        };
        let stopped = step::run(index, planned, &ground, record, outlet);
        if !matches!(stopped, Ok(None)) {
            return (stopped, ground.scope);
        }
    }
    (Ok(None), ground.scope)
}
