//! Opens a task for its first step: layout, images, admission, volumes, scopes, and what runs beside the steps.
//!
//! It does not run steps, and cleans nothing up: what it opened is known to [`Shared`].

use std::sync::Arc;

use stepwell_contract::{Image, TaskSpec};
use stepwell_spec::{CacheSetting, Step, StepFacts};

use super::shared::Shared;
use super::thread::Job;
use crate::cache::{NotKept, TaskCache};
use crate::error::EngineError;
use crate::places::TaskPlaces;
use crate::plan::layout::Layout;
use crate::plan::{self, Part};
use crate::proxies::Attached;
use crate::results::ResultsFolder;
use crate::sidecar::{Planned, Sidecars};
use crate::step::Ground;
use crate::tools as native;
use crate::unsupported::unsupported;
use crate::verdict::Stop;
use crate::volumes::Volumes;

/// A task that is ready for its first step.
pub(super) struct Opened<'a> {
    pub(super) ground: Ground<'a>,
    pub(super) layout: Layout,
    /// Of the steps, then of the sidecars.
    pub(super) images: Vec<Image>,
}

impl Shared {
    pub(super) fn open<'a>(
        &'a self,
        job: &'a Job,
    ) -> Result<Result<Opened<'a>, Stop>, EngineError> {
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
        let mut programs = Vec::new();
        for (wanted, step) in native::of(run) {
            let found = tools.engine.images.find(&wanted, None, step.image_span);
            match found {
                Ok(image) => programs.push((wanted, image)),
                Err(cause) => {
                    let name = step.name.clone();
                    let what = "tools of step";
                    return Ok(Err(Stop::NoImage { what, name, cause }));
                }
            }
        }
        let backends = &tools.engine.backends;
        for (wanted, image) in &programs {
            let checked = native::check(wanted, image).and_then(|()| {
                let (grants, limits) = (Default::default(), Default::default());
                tools.admissions.ask(backends, image, &grants, &limits)
            });
            checked.map_err(|source| EngineError::OpenTask { source })?;
        }
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
        let mut cache = tools.engine.caching.as_ref().map(|caching| TaskCache {
            fresh: caching.is_fresh(run.task.as_str()),
            volumes: list.clone(),
            refused: if run.cache == CacheSetting::Off {
                Some(NotKept::Off)
            } else if !run.sidecars.is_empty() {
                Some(NotKept::Sidecars)
            } else if !run.proxies.is_empty() {
                Some(NotKept::Proxies)
            } else {
                None
            },
            declared: run.cache == CacheSetting::On,
            no_containers: layout.has_host_path().then_some(NotKept::HostPath),
            beside: volumes.watch(),
            entered: None,
            caching,
        });
        let tees = |step: &Step| step.stdout.is_some() || step.stderr.is_some();
        let teed = match run.steps.iter().any(tees) {
            true => list.clone(),
            false => Vec::new(),
        };
        let places = tools.engine.places.as_ref().map(|places| {
            let opened = places.open(run.task.clone(), job.attempt, volumes.workspaces(&layout));
            self.places.get_or_init(|| opened)
        });
        if let Some(cache) = &mut cache {
            cache.entered = places.map(TaskPlaces::entered);
        }
        *self.volumes() = Some(volumes);
        let spec = TaskSpec {
            name: run.task.clone(),
            volumes: list,
            loopback: None,
        };
        let scopes = backends
            .open(spec, &images, &programs)
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
                cache,
                proxies,
                breakpoints: &run.breakpoints,
                record: &self.record,
                outlet: &self.outlet,
            },
            layout,
            images,
        }))
    }

    /// Starts what runs beside the steps, and waits until it is ready: why the task ends instead, where it does.
    pub(super) fn start_sidecars(
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
}
