//! Asks the backend whether it would run a step, once for everything that is the same.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use stepwell_contract::{Backend, Digest, Grants, Image, Limits, SandboxError, StepName, TaskName};
use stepwell_spec::{Run, Span, TaskRun};

use crate::outside::Images;
use crate::plan::{self, PlanError};

/// What a backend has admitted so far.
#[derive(Debug, Default)]
pub(crate) struct Admissions(Mutex<Vec<(Digest, Grants, Limits)>>);

impl Admissions {
    /// Asks `backend` about a step, unless it has said yes to the same before. Blocks: code that was never compiled is
    /// compiled here.
    pub(crate) fn ask(
        &self,
        backend: &dyn Backend,
        image: &Image,
        grants: &Grants,
        limits: &Limits,
    ) -> Result<(), SandboxError> {
        let same = |(digest, known, bounds): &(Digest, Grants, Limits)| {
            (digest, known, bounds) == (&image.digest, grants, limits)
        };
        // Few things are distinct, however many tasks there are.
        if self.admitted().iter().any(same) {
            return Ok(());
        }
        backend.admit(image, grants, limits)?;
        self.admitted()
            .push((image.digest, grants.clone(), limits.clone()));
        Ok(())
    }

    fn admitted(&self) -> std::sync::MutexGuard<'_, Vec<(Digest, Grants, Limits)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks about every step of `run`.
    pub(crate) fn ask_all(
        &self,
        backend: &dyn Backend,
        images: &dyn Images,
        run: &TaskRun,
        refused: &mut Vec<Refused>,
    ) {
        let mut refuse = |step: Option<&stepwell_spec::Step>, why| {
            refused.push(Refused {
                task: run.task.clone(),
                step: step.map(|step| step.name.clone()),
                image_span: step.map(|step| step.image_span),
                why,
            });
        };
        if let Err(error) = plan::check(run) {
            refuse(None, Why::Plan(error));
        }
        for step in &run.steps {
            // It is known when its task runs.
            if step.image.contains("$(") {
                continue;
            }
            let image = match images.find(&step.image, step.image_span) {
                Ok(image) => image,
                Err(cause) => {
                    refuse(Some(step), Why::Image(cause));
                    continue;
                }
            };
            let grants = plan::granted(run, &step.grants);
            if let Err(error) = self.ask(backend, &image, &grants, &step.limits) {
                refuse(Some(step), Why::Sandbox(error));
            }
        }
    }
}

/// A run whose every step that is known was admitted: the only thing that can be run.
#[derive(Debug)]
pub struct Admitted {
    pub(crate) run: Run,
    pub(crate) admissions: Admissions,
}

impl Admitted {
    /// The run.
    pub fn run(&self) -> &Run {
        &self.run
    }
}

/// One thing that was not admitted.
#[derive(Debug)]
pub struct Refused {
    /// The task.
    pub task: TaskName,
    /// The step, where it is about one.
    pub step: Option<StepName>,
    /// Where the document names its code.
    pub image_span: Option<Span>,
    /// Why.
    pub why: Why,
}

/// Why something was not admitted.
#[derive(Debug)]
#[non_exhaustive]
pub enum Why {
    /// The task contradicts itself.
    Plan(PlanError),
    /// There is no code.
    Image(String),
    /// The backend would not run it.
    Sandbox(SandboxError),
}

/// Not everything was admitted. Nothing has run.
#[derive(Debug)]
pub struct NotAdmitted {
    /// What was not, in the order of the document; at least one.
    pub refused: Vec<Refused>,
}

impl fmt::Display for NotAdmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |refused: &Refused| match &refused.step {
            Some(step) => format!("`{step}`"),
            None => format!("`{}`", refused.task),
        };
        let names: Vec<_> = self.refused.iter().map(name).collect();
        write!(f, "failed to admit {}", names.join(", "))?;
        match self.refused.first().map(|refused| &refused.why) {
            Some(Why::Image(cause)) => write!(f, ": {cause}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for NotAdmitted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.refused.first()?.why {
            Why::Plan(error) => Some(error),
            Why::Image(_) => None,
            Why::Sandbox(error) => Some(error),
        }
    }
}
