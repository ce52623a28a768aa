//! Finds what a run asks for that is not there, not allowed, or cannot be done by this Stepwell: all of it before anything
//! runs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use stepwell_engine::{Unsupported, unsupported};
use stepwell_spec::{Run, Sources, Span, SpecErrors, SpecProblem, TaskRun};

use crate::exit::ExitCode;
use crate::images::{Finder, Misnamed, Missing};
use crate::plan::task_runs;
use crate::trouble::Trouble;

/// Looks at everything that is known of `run` before it runs. `host_paths` are absolute.
///
/// # Errors
///
/// All that it lacks. Where that is only what this Stepwell cannot do, it is the environment's trouble.
pub(crate) fn check(
    run: &Run,
    finder: &Finder,
    host_paths: &[PathBuf],
    sources: &Sources,
) -> Result<(), Trouble> {
    let mut found = Found::default();
    task_runs(run, &mut |task_run| {
        found.images(task_run, finder);
        found.task(task_run, host_paths);
    })?;
    if found.problems.is_empty() {
        return Ok(());
    }
    let code = match found.only_support {
        true => ExitCode::Environment,
        false => ExitCode::DocumentInvalid,
    };
    let errors = SpecErrors::new(sources.clone(), found.problems);
    Err(Trouble::Document(Box::new(errors), code))
}

/// The images among the steps of a run that cannot be found, each once; those of `Missing::Support` too.
#[derive(Debug)]
struct Found {
    problems: Vec<SpecProblem>,
    only_support: bool,
    /// What was looked at: a run has few images, and may have ten thousand steps.
    seen: BTreeSet<(Arc<str>, Span)>,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            problems: Vec::new(),
            only_support: true,
            seen: BTreeSet::new(),
        }
    }
}

impl Found {
    fn images(&mut self, run: &TaskRun, finder: &Finder) {
        for step in &run.steps {
            // What it refers to is known when its task runs.
            if step.image.contains("$(") {
                continue;
            }
            let fresh = self.seen.insert((Arc::clone(&step.image), step.image_span));
            if !fresh {
                continue;
            }
            if let Err(misnamed) = finder.find(&step.image, step.image_span) {
                self.misnamed(misnamed);
            }
        }
    }

    fn misnamed(&mut self, misnamed: Misnamed) {
        self.only_support &= misnamed.missing == Missing::Support;
        self.problems.push(misnamed.problem);
    }

    fn task(&mut self, run: &TaskRun, host_paths: &[PathBuf]) {
        let mut sidecars = Vec::new();
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
                Unsupported::Sidecar { name } => sidecars.push(name),
                // One that this does not know yet is refused when its task begins.
                _ => {}
            }
        }
        if let (false, Some(step)) = (sidecars.is_empty(), run.steps.first()) {
            self.problems.push(SpecProblem::sidecars_not_run_yet(
                step.image_span,
                run.task.as_str(),
                &sidecars.join(", "),
            ));
        }
    }
}
