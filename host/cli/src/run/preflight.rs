//! Looks once at every task that is known before a run: finds what it asks for that is not there, not allowed, or cannot be
//! done by this Stepwell, and what the run is to be prepared for. All of it before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use stepwell_contract::{ImageKind, ImagePullPolicy};
use stepwell_engine::{Unsupported, granted_tools, unsupported};
use stepwell_spec::{Run, Section, Sources, Span, SpecErrors, SpecProblem, TaskRun};

use crate::exit::ExitCode;
use crate::images::{Finder, Misnamed, Missing, Place};
use crate::plan::task_runs;
use crate::trouble::Trouble;

/// What is known of a run before it runs.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// How many steps there are, as far as that is known.
    pub(super) steps: usize,
    /// Whether something runs after what is stopped.
    pub(super) finally: bool,
    /// Whether a step runs in a container, or may: its image is known when its task runs.
    pub(super) containers: bool,
    /// The proxies that tasks ask for.
    pub(super) proxies: Vec<Arc<str>>,
    /// What a person should know: what stands for images.
    pub(super) notices: Vec<String>,
}

/// Looks at everything that is known of `run` before it runs. `host_paths` are absolute.
///
/// # Errors
///
/// All that it lacks. Where that is only what this Stepwell cannot do, it is the environment's trouble.
pub(super) fn check(
    run: &Run,
    finder: &Finder,
    host_paths: &[PathBuf],
    sources: &Sources,
) -> Result<Known, Trouble> {
    let mut found = Found::default();
    // Making a task's preview costs more than all that is looked at: ten thousand tasks are gone through once.
    task_runs(run, &mut |task_run| {
        found.images(task_run, finder);
        found.task(task_run, host_paths);
    })?;
    if found.problems.is_empty() {
        return Ok(Known {
            steps: found.steps,
            finally: has_finally(run),
            containers: found.containers,
            proxies: found.proxies.into_iter().collect(),
            notices: found.substituted.into_values().collect(),
        });
    }
    let code = match found.only_support {
        true => ExitCode::Environment,
        false => ExitCode::DocumentInvalid,
    };
    let errors = SpecErrors::new(sources.clone(), found.problems);
    Err(Trouble::Document(Box::new(errors), code))
}

fn has_finally(run: &Run) -> bool {
    match run {
        Run::Task(_) => false,
        Run::Pipeline(run) => run
            .tasks
            .iter()
            .any(|task| task.section == Section::Finally),
    }
}

/// What was found by now.
#[derive(Debug)]
struct Found {
    problems: Vec<SpecProblem>,
    /// Whether all of them are what this Stepwell cannot do.
    only_support: bool,
    steps: usize,
    /// Whether a step runs in a container, or may.
    containers: bool,
    /// What to say of an image that something stands for.
    substituted: BTreeMap<Arc<str>, String>,
    /// The proxies that tasks ask for.
    proxies: BTreeSet<Arc<str>>,
    /// What was looked at: a run has few images, and may have ten thousand steps.
    seen: BTreeSet<(Arc<str>, Option<ImagePullPolicy>, Span)>,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            problems: Vec::new(),
            only_support: true,
            steps: 0,
            containers: false,
            substituted: BTreeMap::new(),
            proxies: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }
}

impl Found {
    fn images(&mut self, run: &TaskRun, finder: &Finder) {
        self.steps += run.steps.len();
        for step in run.containers() {
            // What it refers to is known when its task runs.
            if step.image.contains("$(") {
                self.containers = true;
                continue;
            }
            if let Some(name) = granted_tools(step) {
                self.tools(name, step.image_span, finder);
            }
            let (policy, span) = (step.image_pull_policy, step.image_span);
            if !self.seen.insert((Arc::clone(&step.image), policy, span)) {
                continue;
            }
            match finder.find(&step.image, policy, span) {
                Err(misnamed) => self.misnamed(misnamed),
                Ok(image) => {
                    self.containers |= image.kind() == ImageKind::Container;
                    if !self.substituted.contains_key(&step.image) {
                        self.notice(&step.image, finder.place(&step.image, span));
                    }
                }
            }
        }
    }

    /// An image that native programs may be run in.
    fn tools(&mut self, name: &Arc<str>, span: Span, finder: &Finder) {
        self.containers = true;
        if !self.seen.insert((Arc::clone(name), None, span)) {
            return;
        }
        match finder.find(name, None, span) {
            Err(misnamed) => self.misnamed(misnamed),
            Ok(image) if image.kind() == ImageKind::Component => {
                let cause = "it is a component, and `tools.run` runs native programs";
                let help = "the grant `tools=IMAGE` names a container image";
                let problem = SpecProblem::image_not_pulled(span, name, cause, help);
                self.only_support = false;
                self.problems.push(problem);
            }
            Ok(_) => {}
        }
    }

    fn notice(&mut self, image: &Arc<str>, place: Place) {
        if let Some((runs, who)) = place.substituted {
            let notice = format!("{runs} stands for the image {image} ({who})");
            self.substituted.insert(Arc::clone(image), notice);
        }
    }

    fn misnamed(&mut self, misnamed: Misnamed) {
        self.only_support &= misnamed.missing == Missing::Support;
        self.problems.push(*misnamed.problem);
    }

    fn task(&mut self, run: &TaskRun, host_paths: &[PathBuf]) {
        self.proxies.extend(run.proxies.iter().cloned());
        for one in unsupported(run, host_paths) {
            match one {
                Unsupported::Cluster { what, span, .. } => {
                    self.problems
                        .push(SpecProblem::only_in_a_cluster(span, what));
                }
                Unsupported::HostPath { path, span } => {
                    // This one the user can allow.
                    self.only_support = false;
                    self.problems.push(SpecProblem::host_path(span, &path));
                }
                Unsupported::HostFile { path, kind, span } => {
                    self.problems
                        .push(SpecProblem::host_file(span, &path, &kind));
                }
                // One that this does not know yet is refused when its task begins.
                _ => {}
            }
        }
    }
}
