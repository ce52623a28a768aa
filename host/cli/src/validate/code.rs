//! Finds the code of all steps, and asks the sandbox whether it would run it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_contract::{Backend as _, Digest, Grants, Image, Limits, Network};
use stepwell_sandbox_wasm::{WasmBackend, WasmOptions};
use stepwell_spec::{Run, Span, SpecProblem};
use stepwell_store::Store;

use super::placeholder::WORD;
use crate::environment::{Environment, compiler};
use crate::images::{Finder, Missing};
use crate::plan::task_runs;
use crate::run::admission;

/// What looking at the code came to.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// What is wrong.
    pub(super) problems: Vec<SpecProblem>,
    /// The images that are none of ours to look at.
    pub(super) containers: Vec<Arc<str>>,
}

/// Looks at the code of every step of `runs`, at each once.
///
/// # Errors
///
/// The sandbox cannot be set up, or cannot do its part.
pub(super) fn look(runs: &[Run], finder: &Finder, env: &Environment) -> anyhow::Result<Looked> {
    let mut found = BTreeMap::<(Arc<str>, Span), Option<Image>>::new();
    let mut asked: Vec<(Digest, Grants, Limits)> = Vec::new();
    let mut questions = Vec::new();
    let mut containers = BTreeSet::new();
    let mut looked = Looked::default();
    for run in runs {
        task_runs(run, &mut |task_run| {
            for step in task_run.containers() {
                if step.image.contains("$(") || step.image.contains(WORD) {
                    continue;
                }
                let key = (Arc::clone(&step.image), step.image_span);
                let image = found.entry(key).or_insert_with(|| {
                    match finder.find(&step.image, step.image_pull_policy, step.image_span) {
                        Ok(image) => Some(image),
                        Err(misnamed) if misnamed.missing == Missing::Support => {
                            containers.insert(Arc::clone(&step.image));
                            None
                        }
                        Err(misnamed) => {
                            looked.problems.push(*misnamed.problem);
                            None
                        }
                    }
                });
                let Some(image) = image else {
                    continue;
                };
                let mut grants = step.grants.clone();
                let mut sidecars = task_run.sidecars.iter();
                let is_beside = sidecars.any(|sidecar| std::ptr::eq(&sidecar.step, step));
                let mut sidecars = task_run.sidecars.iter();
                grants
                    .sidecars
                    .retain(|port| sidecars.any(|sidecar| sidecar.name().as_str() == port.sidecar));
                if task_run.hermetic && !is_beside && grants.has_sockets() {
                    grants.network = Network::None;
                    grants.sidecars.clear();
                }
                let question = (image.digest, grants.clone(), step.limits.clone());
                if !asked.contains(&question) {
                    asked.push(question);
                    questions.push((step.clone(), image.clone(), grants));
                }
            }
        })?;
    }
    looked.containers = containers.into_iter().collect();
    if questions.is_empty() {
        return Ok(looked);
    }
    let store = Store::open(&env.store_root()?)?;
    let backend = WasmBackend::new(WasmOptions {
        artifacts: store.artifacts(),
        compile: compiler()?,
        pool: false,
    })?;
    for (step, image, grants) in questions {
        if let Err(error) = backend.admit(&image, &grants, &step.limits) {
            let (name, span) = (step.name.as_str(), step.image_span);
            match admission::problems(name, &step.image, span, &error) {
                Some(problems) => looked.problems.extend(problems),
                None => return Err(error.into()),
            }
        }
    }
    Ok(looked)
}
