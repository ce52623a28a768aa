//! Plans a task: gives each step its code, its arguments, what it sees, and the seed that follows from its key.
//!
//! Pure: it names folders and opens none. What a step sees is in `layout`, what it runs in `code`.

pub(crate) mod code;
pub(crate) mod layout;

use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::{
    Ambient, Digest, Fingerprint, Grants, Image, Network, ResultDecl, StepName, StepSpec,
};
use stepwell_spec::{OnError, Step, TaskRun, Tee};

use crate::key;
use crate::plan::code::Invocation;
use crate::plan::layout::StepLayout;

/// One step, ready to run.
#[derive(Debug, Clone)]
pub(crate) struct PlannedStep {
    /// What the backend is given.
    pub(crate) spec: StepSpec,
    /// Its static key.
    pub(crate) key: Digest,
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
    /// What its failure means for the task.
    pub(crate) on_error: OnError,
    /// The results that it declares itself.
    pub(crate) results: Vec<ResultDecl>,
    /// Where its standard output goes as well.
    pub(crate) stdout: Option<Tee>,
    /// Where its standard error goes as well.
    pub(crate) stderr: Option<Tee>,
}

/// A task that cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Two things are mounted at one path.
    #[error("naming conflict: {first} and {second} are both mounted at `{path}`")]
    MountConflict {
        /// The path.
        path: Arc<str>,
        /// What is mounted there.
        first: String,
        /// What else is.
        second: String,
    },
    /// A step starts where it sees nothing.
    #[error("step `{step}` starts in `{path}`, which is in no workspace and no folder of the task")]
    WorkingDir {
        /// The step.
        step: StepName,
        /// Where it starts.
        path: String,
    },
    /// Nobody says what a container is to run.
    #[error("step `{step}` has no `command`, and its image `{image}` says nothing of what to run")]
    NoCommand {
        /// The step.
        step: StepName,
        /// Its image.
        image: Arc<str>,
    },
}

/// What is the same for all steps of one try of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The task.
    pub(crate) run: &'a TaskRun,
    /// Which try, from 0.
    pub(crate) attempt: u32,
    /// What a virtual wall clock shows.
    pub(crate) epoch_seconds: u64,
}

/// What of a task runs, with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A step.
    Step(usize),
    /// A sidecar.
    Sidecar(usize),
}

/// Looks for what contradicts itself in `part` and this `image`, before its task runs. What still has
/// references in it is left alone.
///
/// # Errors
///
/// The first contradiction.
pub(crate) fn check(
    part: Part,
    step: &Step,
    seen: &StepLayout,
    image: &Image,
) -> Result<(), PlanError> {
    let open = |text: &str| text.contains("$(");
    if step.working_dir.as_deref().is_some_and(open) {
        return Ok(());
    }
    code::invocation(part, step, &image.code, &seen.mounts).map(drop)
}

/// Plans `part`, of which nothing is left to fill in, for the backend with `fingerprint`.
///
/// # Errors
///
/// What contradicts itself.
pub(crate) fn plan(
    frame: Frame<'_>,
    part: Part,
    step: Step,
    seen: &StepLayout,
    image: Image,
    fingerprint: Fingerprint,
) -> Result<PlannedStep, PlanError> {
    let Frame {
        run,
        attempt,
        epoch_seconds,
    } = frame;
    let Invocation {
        argv,
        env,
        working_dir,
    } = code::invocation(part, &step, &image.code, &seen.mounts)?;
    let mut results = match part {
        Part::Step(_) => run.results.clone(),
        Part::Sidecar(_) => Vec::new(),
    };
    results.retain(|result| step.results.iter().all(|own| own.name != result.name));
    results.extend(step.results.iter().cloned());
    let mut spec = StepSpec {
        name: step.name,
        image,
        argv,
        env,
        working_dir,
        mounts: seen.mounts.clone(),
        params: run.params.clone(),
        workspaces: seen.workspaces.clone(),
        results,
        attempt,
        grants: granted(run, part, &step.grants),
        limits: step.limits,
        resources: step.resources,
        security: step.security,
        ambient: Ambient {
            epoch_seconds,
            seed: [0; 32],
        },
    };
    let key = key::static_key(&spec, fingerprint);
    spec.ambient.seed = key::seed(key);
    Ok(PlannedStep {
        spec,
        key,
        timeout: step.timeout,
        on_error: step.on_error,
        results: step.results,
        stdout: step.stdout,
        stderr: step.stderr,
    })
}

/// What `part` of `run` with `grants` is really granted: of sidecars those that there are, and never the network where the
/// task is hermetic, which sidecars are not.
pub(crate) fn granted(run: &TaskRun, part: Part, grants: &Grants) -> Grants {
    let mut grants = grants.clone();
    grants.sidecars.retain(|port| {
        let mut sidecars = run.sidecars.iter();
        sidecars.any(|sidecar| sidecar.name().as_str() == port.sidecar)
    });
    let cut_off = run.hermetic && matches!(part, Part::Step(_));
    if cut_off && (grants.network.is_reachable() || !grants.sidecars.is_empty()) {
        // It may be there and is refused, as in a container without a network.
        grants.network = Network::None;
        grants.sidecars.clear();
    }
    grants
}

/// The file of the script of `part`.
pub(crate) fn script_file(part: Part) -> String {
    match part {
        Part::Step(index) => format!("script-{index}"),
        Part::Sidecar(index) => format!("sidecar-script-{index}"),
    }
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
