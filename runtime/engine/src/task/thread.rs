//! One try of a task on its own thread: opens its folders and its scope, runs its steps, and cleans up.
//!
//! One thread for all steps, for handing each step to a thread costs more than starting a step. It does not watch the
//! time, nor the user: [`attempt`](super::attempt) does, and may have given this thread up while a call into the host does
//! not return.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;
use stepwell_contract::{Cancel, EventKind, Image, Limit, TaskSpec};
use stepwell_spec::{Step, StepFacts, StepOutcome, TaskRun};

use super::Tools;
use crate::artifacts;
use crate::backends::Scopes;
use crate::error::{EngineError, causes};
use crate::events::Outlet;
use crate::life::{Life, Record};
use crate::places::{Held, TaskPlaces, close_scopes};
use crate::plan::layout::{Layout, StepLayout};
use crate::plan::{self, Frame, Part, PlannedStep};
use crate::proxies::Attached;
use crate::results::{Reading, Rejection, ResultsFolder};
use crate::sidecar::{self, Planned, Sidecars};
use crate::step::{self, Ground, catch};
use crate::unsupported::unsupported;
use crate::verdict::Stop;
use crate::volumes::Volumes;

/// What a try's thread and its watcher share.
pub(crate) struct Shared {
    pub(crate) record: Record,
    pub(crate) outlet: Arc<Outlet>,
    /// What a result may have, in bytes: what the most generous step allows.
    pub(crate) result_limit: u64,
    results: OnceLock<Arc<ResultsFolder>>,
    /// What the steps that have ended left.
    steps: Mutex<StepsLeft>,
    /// Taken by whoever cleans up first.
    volumes: Mutex<Option<Volumes>>,
    /// What runs beside the steps, where something does.
    sidecars: OnceLock<Sidecars>,
    /// Who is told of the steps' places, where somebody may look into them.
    places: OnceLock<TaskPlaces>,
}

/// What steps left for later ones and for the task.
#[derive(Default)]
struct StepsLeft {
    outcomes: Vec<StepOutcome>,
    /// Results of theirs that were not taken, as `STEP.RESULT`.
    rejected: Vec<(Arc<str>, Rejection)>,
}

/// What a try leaves for the report.
pub(super) struct Finished {
    /// Why it ended before its last step, or what we could not do.
    pub(super) stopped: Result<Option<Stop>, EngineError>,
    pub(super) reading: Reading,
    /// The task's artifacts, or why they are not taken.
    pub(super) artifacts: Result<Option<Value>, String>,
    /// What else went wrong, and was not told yet: the causes of each.
    pub(super) troubles: Vec<Vec<String>>,
    /// What was not told of sidecars.
    pub(super) untold: Vec<EventKind>,
}

/// What cleaning up finds.
pub(super) struct Left {
    reading: Reading,
    artifacts: Result<Option<Value>, String>,
    pub(super) troubles: Vec<Vec<String>>,
    untold: Vec<EventKind>,
}

impl Default for Left {
    fn default() -> Self {
        Self {
            reading: Reading::default(),
            artifacts: Ok(None),
            troubles: Vec::new(),
            untold: Vec::new(),
        }
    }
}

impl Left {
    pub(super) fn finished(self, stopped: Result<Option<Stop>, EngineError>) -> Finished {
        let Self {
            reading,
            artifacts,
            troubles,
            untold,
        } = self;
        Finished {
            stopped,
            reading,
            artifacts,
            troubles,
            untold,
        }
    }
}

/// What is to be done.
pub(super) struct Job {
    pub(super) tools: Arc<Tools>,
    pub(super) run: Arc<TaskRun>,
    /// Which try, from 0.
    pub(super) attempt: u32,
}

impl Job {
    /// Plans `part`; why it cannot begin, where it contradicts itself.
    fn plan(
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

/// A task that is ready for its first step.
struct Opened<'a> {
    ground: Ground<'a>,
    layout: Layout,
    /// Of the steps, then of the sidecars.
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
            steps: Mutex::default(),
            volumes: Mutex::new(None),
            sidecars: OnceLock::new(),
            places: OnceLock::new(),
        }
    }

    /// Reads the results, closes the scope and gives the task's folders back. What cannot be cleaned up is told and
    /// changes nothing else: the next run's sweep tries again. A task that `failed` is held as it is, where that is wanted.
    pub(super) fn clean_up(&self, run: &TaskRun, scopes: Option<Scopes>, failed: bool) -> Left {
        let mut left = Left::default();
        // What the steps have left is not all there before nobody is beside them any more.
        let (_, trouble) = self.stop_sidecars(&mut left);
        left.troubles
            .extend(trouble.iter().map(|error| causes(error)));
        let results = self.results.get();
        if let Some(results) = results {
            left.reading = results.read(self.result_limit);
        }
        self.add_results_of_steps(run, &mut left.reading);
        let failed = failed || !left.reading.rejected.is_empty();
        let mut scopes = scopes;
        if let Some(places) = self.places.get() {
            if failed && places.keeps() {
                scopes = scopes.and_then(|scopes| self.hold(places, scopes, &mut left));
            } else {
                places.close();
            }
        }
        if let Some(scopes) = scopes {
            left.troubles.extend(close_scopes(scopes));
        }
        let volumes = self.volumes().take();
        if let Some(results) = results {
            results.let_go();
        }
        if let Some(volumes) = volumes {
            if let Some(dir) = volumes.artifacts() {
                left.artifacts = artifacts::read(&dir);
            }
            if let Err(error) = volumes.close() {
                left.troubles.push(causes(&error));
            }
        }
        left
    }

    /// Stops what runs beside the steps, once: why the task fails for it, and what we could not do.
    fn stop_sidecars(&self, left: &mut Left) -> (Option<Stop>, Option<EngineError>) {
        let sidecars = self.sidecars.get();
        let sidecar::Left {
            stop,
            trouble,
            untold,
        } = sidecars.map(Sidecars::stop).unwrap_or_default();
        left.untold.extend(untold);
        (stop, trouble)
    }

    /// Starts what runs beside the steps, and waits until it is ready: why the task ends instead, where it does.
    fn start_sidecars(
        &self,
        job: &Job,
        opened: &mut Opened<'_>,
    ) -> Result<Option<Stop>, EngineError> {
        let run = &job.run;
        let images = opened.images.split_off(run.steps.len());
        if run.sidecars.is_empty() {
            return Ok(None);
        }
        let beside = self.sidecars.get_or_init(Sidecars::default);
        let facts = StepFacts {
            retry_count: job.attempt,
            steps: &[],
        };
        let sidecars = run.sidecars.iter().zip(&opened.layout.sidecars).zip(images);
        for (index, ((sidecar, seen), image)) in sidecars.enumerate() {
            let part = Part::Sidecar(index);
            let mut step = sidecar.step.clone();
            if step.is_late {
                step = match step.filled(&facts) {
                    Ok(step) => step,
                    Err(cause) => return Ok(Some(Stop::Invalid { cause })),
                };
                if let Some(volumes) = &*self.volumes() {
                    volumes.write_script(part, &step)?;
                }
            }
            let planned = match job.plan(part, step, seen, image) {
                Ok(planned) => planned,
                Err(cause) => return Ok(Some(Stop::Invalid { cause })),
            };
            let planned = Planned {
                spec: planned.spec,
                sidecar: sidecar.clone(),
            };
            beside.start(planned, &opened.ground)?;
        }
        Ok(beside.until_ready(&self.record))
    }

    /// Leaves everything of the task as it is, for somebody to look into; gives the scopes back where there is enough of
    /// that already.
    fn hold(&self, places: &TaskPlaces, scopes: Scopes, left: &mut Left) -> Option<Scopes> {
        let volumes = self.volumes().take();
        if let Some(dir) = volumes.as_ref().and_then(Volumes::artifacts) {
            left.artifacts = artifacts::read(&dir);
        }
        match places.hold(Box::new(Held { scopes, volumes })) {
            Ok(()) => None,
            Err(held) => {
                let Held { scopes, volumes } = *held;
                places.close();
                *self.volumes() = volumes;
                Some(scopes)
            }
        }
    }

    /// Adds the task's results that come from its steps, in the order in which the task declares them.
    fn add_results_of_steps(&self, run: &TaskRun, reading: &mut Reading) {
        let mut steps = self.steps();
        reading.rejected.append(&mut steps.rejected);
        if run.step_results.is_empty() {
            return;
        }
        for (name, value) in run.results_of_steps(&steps.outcomes) {
            let declared = run.results.iter().find(|declared| declared.name == name);
            let Some(declared) = declared else { continue };
            let given = value.param_type();
            let declared = declared.result_type;
            reading.results.retain(|(known, _)| *known != name);
            reading.rejected.retain(|(known, _)| *known != name);
            match given == declared {
                true => reading.results.push((name, value)),
                false => {
                    let wrong = Rejection::WrongType { declared, given };
                    reading.rejected.push((name, wrong));
                }
            }
        }
        let place = |name: &Arc<str>| run.results.iter().position(|known| known.name == *name);
        reading.results.sort_by_key(|(name, _)| place(name));
    }

    fn steps(&self) -> std::sync::MutexGuard<'_, StepsLeft> {
        // One push at a time.
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn volumes(&self) -> std::sync::MutexGuard<'_, Option<Volumes>> {
        // Put or taken as a whole.
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open<'a>(&'a self, job: &'a Job) -> Result<Result<Opened<'a>, Stop>, EngineError> {
        let Job { tools, run, .. } = job;
        let unsupported = unsupported(run, &tools.engine.options.host_paths);
        if !unsupported.is_empty() {
            let causes: Vec<_> = unsupported.iter().map(ToString::to_string).collect();
            let cause = causes.join("; ");
            return Ok(Err(Stop::Unsupported { cause }));
        }
        let layout = match Layout::of(run) {
            Ok(layout) => layout,
            Err(error) => {
                return Ok(Err(Stop::Invalid {
                    cause: error.to_string(),
                }));
            }
        };
        let steps = run.steps.iter().enumerate();
        let steps = steps.map(|(index, step)| (Part::Step(index), step));
        let sidecars = run.sidecars.iter().enumerate();
        let sidecars = sidecars.map(|(index, one)| (Part::Sidecar(index), &one.step));
        let parts = || steps.clone().chain(sidecars.clone());
        let mut images = Vec::with_capacity(run.steps.len() + run.sidecars.len());
        for (part, step) in parts() {
            let (policy, span) = (step.image_pull_policy, step.image_span);
            match tools.engine.images.find(&step.image, policy, span) {
                Ok(image) => images.push(image),
                Err(cause) => {
                    let what = match part {
                        Part::Step(_) => "step",
                        Part::Sidecar(_) => "sidecar",
                    };
                    let name = step.name.clone();
                    return Ok(Err(Stop::NoImage { what, name, cause }));
                }
            }
        }
        let backends = &tools.engine.backends;
        for ((part, step), image) in parts().zip(&images) {
            let grants = plan::granted(run, part, &step.grants);
            let asked = tools.admissions.ask(backends, image, &grants, &step.limits);
            asked.map_err(|source| EngineError::Admit {
                step: step.name.clone(),
                source,
            })?;
        }
        let volumes = Volumes::open(tools, run, &layout, &images)?;
        let results = Arc::new(ResultsFolder::new(
            volumes.results(),
            run.results.clone().into(),
        ));
        let results = Arc::clone(self.results.get_or_init(|| results));
        let steps = volumes.steps();
        let list = volumes.list();
        let tees = |step: &Step| step.stdout.is_some() || step.stderr.is_some();
        let teed = match run.steps.iter().any(tees) {
            true => list.clone(),
            false => Vec::new(),
        };
        let places = tools.engine.places.as_ref().map(|places| {
            let opened = places.open(run.task.clone(), job.attempt, volumes.workspaces(&layout));
            self.places.get_or_init(|| opened)
        });
        *self.volumes() = Some(volumes);
        let spec = TaskSpec {
            name: run.task.clone(),
            volumes: list,
            loopback: None,
        };
        let scopes = backends
            .open(spec, &images)
            .map_err(|source| EngineError::OpenTask { source })?;
        let attached = Attached::to(&scopes, &run.proxies, &tools.engine.proxies);
        let proxies = match attached.map_err(|source| EngineError::OpenTask { source })? {
            Ok(attached) => attached,
            Err(cause) => return Ok(Err(Stop::Invalid { cause })),
        };
        Ok(Ok(Opened {
            ground: Ground {
                scopes,
                results,
                steps,
                exit_codes: run.reads_exit_codes,
                artifacts: run.uses_artifacts,
                volumes: teed,
                places,
                proxies,
                breakpoints: &run.breakpoints,
                record: &self.record,
                outlet: &self.outlet,
            },
            layout,
            images,
        }))
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
                let told = causes(&error);
                (Err(error), Some(opened.ground.scopes), Some(told))
            }
        },
        Ok(Err(stop)) => (Ok(Some(stop)), None, None),
        Err(error) => {
            let told = causes(&error);
            (Err(error), None, Some(told))
        }
    };
    let mut untold = Left::default();
    let (failed, trouble) = shared.stop_sidecars(&mut untold);
    let (stopped, told) = match (stopped, failed, trouble) {
        (Ok(None), _, Some(error)) => {
            let told = causes(&error);
            (Err(error), Some(told))
        }
        (Ok(None), failed, None) => (Ok(failed), told),
        (stopped, _, Some(error)) => (stopped, told.or(Some(causes(&error)))),
        (stopped, _, None) => (stopped, told),
    };
    let mut left = shared.clean_up(&job.run, scopes, job.is_last() && has_failed(&stopped));
    left.troubles.splice(0..0, told);
    left.untold.extend(untold.untold);
    left.finished(stopped)
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
