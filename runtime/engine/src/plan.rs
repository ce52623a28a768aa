//! Plans a task: gives each step its code, its arguments, what it sees, and the seed that follows from its key.
//!
//! Pure: it names folders and opens none. What a step sees is in `layout`.

pub(crate) mod layout;

use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::{
    Ambient, Fingerprint, Grants, Image, Network, Resources, ResultDecl, Security, StepName,
    StepSpec,
};
use stepwell_spec::{OnError, Step, TaskRun, Tee};

use crate::key;
use crate::plan::layout::{Layout, SCRIPTS_PATH, StepLayout};

/// One step, ready to run.
#[derive(Debug, Clone)]
pub(crate) struct PlannedStep {
    /// What the backend is given.
    pub(crate) spec: StepSpec,
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
}

/// What is the same for all steps of one try of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The task.
    pub(crate) run: &'a TaskRun,
    /// Which try, from 0.
    pub(crate) attempt: u32,
    /// The backend's.
    pub(crate) fingerprint: Fingerprint,
    /// What a virtual wall clock shows.
    pub(crate) epoch_seconds: u64,
}

/// Looks for what contradicts itself in `run`, before it runs. What still has references in it is left alone.
///
/// # Errors
///
/// The first contradiction.
pub(crate) fn check(run: &TaskRun) -> Result<(), PlanError> {
    let layout = Layout::of(run)?;
    for (step, seen) in run.steps.iter().zip(&layout.steps) {
        let open = |text: &str| text.contains("$(");
        if !step.working_dir.as_deref().is_some_and(open) {
            layout::working_dir(step, &seen.mounts)?;
        }
    }
    Ok(())
}

/// Plans the step with number `index`, of which nothing is left to fill in.
///
/// # Errors
///
/// What contradicts itself.
pub(crate) fn plan(
    frame: Frame<'_>,
    index: usize,
    step: Step,
    seen: &StepLayout,
    image: Image,
) -> Result<PlannedStep, PlanError> {
    let Frame {
        run,
        attempt,
        fingerprint,
        epoch_seconds,
    } = frame;
    let working_dir = layout::working_dir(&step, &seen.mounts)?;
    let argv = argv(index, &step);
    let mut results = run.results.clone();
    results.retain(|result| step.results.iter().all(|own| own.name != result.name));
    results.extend(step.results.iter().cloned());
    let mut spec = StepSpec {
        name: step.name,
        image,
        argv,
        env: step.env,
        working_dir,
        mounts: seen.mounts.clone(),
        params: run.params.clone(),
        workspaces: seen.workspaces.clone(),
        results,
        attempt,
        grants: granted(run, &step.grants),
        limits: step.limits,
        resources: Resources::default(),
        security: Security::default(),
        ambient: Ambient {
            epoch_seconds,
            seed: [0; 32],
        },
    };
    spec.ambient.seed = key::seed(key::static_key(&spec, fingerprint));
    Ok(PlannedStep {
        spec,
        timeout: step.timeout,
        on_error: step.on_error,
        results: step.results,
        stdout: step.stdout,
        stderr: step.stderr,
    })
}

/// What a step of `run` with `grants` is really granted: never the network where the task is hermetic.
pub(crate) fn granted(run: &TaskRun, grants: &Grants) -> Grants {
    let mut grants = grants.clone();
    if run.hermetic && grants.network.is_reachable() {
        // It may be there and is refused, as in a container without a network.
        grants.network = Network::None;
    }
    grants
}

/// `command` and `args` after the program's own name, or after the script that it is to interpret.
fn argv(index: usize, step: &Step) -> Vec<String> {
    let mut argv = step.command.clone();
    if argv.is_empty() {
        argv.push(file_name(&step.image).to_owned());
    }
    if step.script.is_some() {
        argv.push(format!("{SCRIPTS_PATH}/{}", script_file(index)));
    }
    argv.extend(step.args.iter().cloned());
    argv
}

/// The file of the script of the step with number `index`.
pub(crate) fn script_file(index: usize) -> String {
    format!("script-{index}")
}

/// What a program at `reference` would call itself: the last part of a path.
fn file_name(reference: &str) -> &str {
    let path = reference.strip_prefix("file:").unwrap_or(reference);
    path.rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or(reference)
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
