//! Asks the backend whether it would run a step, once for everything that is the same.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_contract::{
    Digest, Grants, Image, ImagePullPolicy, Limits, Refusal, SandboxError, SandboxErrorKind,
    StepName, TaskName,
};
use stepwell_spec::{Instance, Pipeline, Run, Span, Step, TaskRun};

use crate::backends::Backends;
use crate::outside::Images;
use crate::plan::layout::Layout;
use crate::plan::{self, Part, PlanError};
use crate::tools;

/// What a backend is asked about.
type Wanted = (Digest, Grants, Limits);

/// What a backend has admitted so far.
#[derive(Debug, Default)]
pub(crate) struct Admissions(Mutex<Vec<Wanted>>);

impl Admissions {
    /// Asks the backend of its kind about a step, unless it has said yes to the same before. Blocks: code that was never compiled is
    /// compiled here.
    pub(crate) fn ask(
        &self,
        backends: &Backends,
        image: &Image,
        grants: &Grants,
        limits: &Limits,
    ) -> Result<(), SandboxError> {
        let same = |(digest, granted, bounds): &Wanted| {
            (digest, granted, bounds) == (&image.digest, grants, limits)
        };
        // Few things are distinct, however many tasks there are.
        if self.admitted().iter().any(same) {
            return Ok(());
        }
        backends.admit(image, grants, limits)?;
        self.admitted()
            .push((image.digest, grants.clone(), limits.clone()));
        Ok(())
    }

    fn admitted(&self) -> MutexGuard<'_, Vec<Wanted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks `backends` about every step of `run` that is known before it runs, and counts them. Blocks.
///
/// # Errors
///
/// What was not admitted: of tasks that want the same at the same place of a document, the first.
pub(crate) fn admit(
    backends: &Backends,
    images: &dyn Images,
    run: Run,
) -> Result<Admitted, NotAdmitted> {
    let mut asking = Asking {
        backends,
        images,
        admissions: Admissions::default(),
        found: HashMap::new(),
        refused: Vec::new(),
        no: Vec::new(),
        tasks: 0,
        steps: 0,
    };
    match &run {
        Run::Task(run) => asking.task_run(run),
        Run::Pipeline(pipeline) => asking.pipeline(pipeline),
    }
    let Asking {
        admissions,
        refused,
        tasks,
        steps,
        ..
    } = asking;
    if !refused.is_empty() {
        return Err(NotAdmitted { refused });
    }
    Ok(Admitted {
        run,
        admissions,
        tasks,
        steps,
    })
}

/// The steps of a run, while the backend is asked about them.
struct Asking<'a> {
    backends: &'a Backends,
    images: &'a dyn Images,
    admissions: Admissions,
    /// What is behind each image; `None` where there is no code, which was said.
    found: HashMap<(Arc<str>, Option<ImagePullPolicy>), Option<Image>>,
    refused: Vec<Refused>,
    /// What was refused, and where that was said: a place in a document is told of once, however many tasks come of it.
    no: Vec<(Span, Wanted)>,
    tasks: usize,
    steps: usize,
}

impl Asking<'_> {
    /// Every task of `pipeline`, and of those nested in it, in order: one at a time, for there may be many.
    fn pipeline(&mut self, pipeline: &Pipeline) {
        let mut open = vec![Previews::of(Cow::Borrowed(pipeline))];
        while let Some(previews) = open.last_mut() {
            match previews.next() {
                None => drop(open.pop()),
                Some(Instance::Task(run)) => self.task_run(&run),
                Some(Instance::Pipeline(nested)) => open.push(Previews::of(Cow::Owned(*nested))),
                // It fails when its turn comes, and says why.
                Some(Instance::Broken(_)) => self.tasks += 1,
            }
        }
    }

    fn task_run(&mut self, run: &TaskRun) {
        self.tasks += 1;
        self.steps += run.steps.len();
        let layout = Layout::of(run);
        let mut wrong = layout.as_ref().err().cloned();
        let steps = run.steps.iter().enumerate();
        let steps = steps.map(|(index, step)| (Part::Step(index), step));
        let sidecars = run.sidecars.iter().enumerate();
        let sidecars = sidecars.map(|(index, one)| (Part::Sidecar(index), &one.step));
        for (part, step) in steps.chain(sidecars) {
            // It is known when its task runs.
            if step.image.contains("$(") {
                continue;
            }
            let Some(image) = self.image(run, step) else {
                continue;
            };
            if let (None, Ok(layout)) = (&wrong, &layout) {
                let seen = match part {
                    Part::Step(index) => &layout.steps[index],
                    Part::Sidecar(index) => &layout.sidecars[index],
                };
                wrong = plan::check(part, step, seen, &image).err();
            }
            self.ask(run, part, step, &image);
        }
        self.tools(run);
        if let Some(error) = wrong {
            self.refuse(run, None, Why::Plan(error));
        }
    }

    /// The images that native programs may be run in.
    fn tools(&mut self, run: &TaskRun) {
        for (name, step) in tools::of(run) {
            let key = (Arc::clone(&name), None);
            if self.found.contains_key(&key) {
                continue;
            }
            let found = self.images.find(&name, None, step.image_span);
            let why = match &found {
                Err(cause) => Some(Why::Image(cause.clone())),
                Ok(image) => {
                    let (grants, limits) = (Grants::default(), Limits::default());
                    let checked = tools::check(&name, image)
                        .and_then(|()| self.admissions.ask(self.backends, image, &grants, &limits));
                    checked.err().map(Why::Sandbox)
                }
            };
            self.found.insert(key, found.ok());
            if let Some(why) = why {
                self.refuse(run, Some(step), why);
            }
        }
    }

    fn image(&mut self, run: &TaskRun, step: &Step) -> Option<Image> {
        let wanted = (Arc::clone(&step.image), step.image_pull_policy);
        if let Some(found) = self.found.get(&wanted) {
            return found.clone();
        }
        let found = match self
            .images
            .find(&step.image, step.image_pull_policy, step.image_span)
        {
            Ok(image) => Some(image),
            Err(cause) => {
                self.refuse(run, Some(step), Why::Image(cause));
                None
            }
        };
        self.found.insert(wanted, found.clone());
        found
    }

    fn ask(&mut self, run: &TaskRun, part: Part, step: &Step, image: &Image) {
        let grants = plan::granted(run, part, &step.grants);
        let wanted = (image.digest, grants, step.limits.clone());
        let said = |(place, no): &(Span, Wanted)| *place == step.image_span && *no == wanted;
        if self.no.iter().any(said) {
            return;
        }
        let asked = self
            .admissions
            .ask(self.backends, image, &wanted.1, &wanted.2);
        if let Err(mut error) = asked {
            if let Part::Step(_) = part {
                name_sidecars(run, &mut error);
            }
            self.refuse(run, Some(step), Why::Sandbox(error));
            self.no.push((step.image_span, wanted));
        }
    }

    fn refuse(&mut self, run: &TaskRun, step: Option<&Step>, why: Why) {
        self.refused.push(Refused {
            task: run.task.clone(),
            step: step.map(|step| step.name.clone()),
            image_span: step.map(|step| step.image_span),
            why,
        });
    }
}

/// Who asks for the network beside sidecars most likely asks for them: names the smaller grant.
fn name_sidecars(run: &TaskRun, error: &mut SandboxError) {
    let SandboxErrorKind::Refused(refusals) = &mut error.kind else {
        return;
    };
    let Some(sidecar) = run.sidecars.first() else {
        return;
    };
    let port = sidecar.ports.first();
    let port = port.map_or("PORT".to_owned(), |port| port.number.to_string());
    let network = |refusal: &&mut Refusal| refusal.grant.as_deref() == Some("network=any");
    for refusal in refusals.iter_mut().filter(network) {
        refusal.grant = Some(format!("sidecar={}:{port}", sidecar.name()));
    }
}

/// What is known before the run of what runs for each task of a pipeline.
struct Previews<'a> {
    pipeline: Cow<'a, Pipeline>,
    /// The next task.
    task: usize,
    /// What is left of the one before.
    instances: std::vec::IntoIter<Instance>,
}

impl<'a> Previews<'a> {
    fn of(pipeline: Cow<'a, Pipeline>) -> Self {
        Self {
            pipeline,
            task: 0,
            instances: Vec::new().into_iter(),
        }
    }
}

impl Iterator for Previews<'_> {
    type Item = Instance;

    fn next(&mut self) -> Option<Instance> {
        loop {
            if let Some(instance) = self.instances.next() {
                return Some(instance);
            }
            if self.task >= self.pipeline.tasks.len() {
                return None;
            }
            self.instances = self.pipeline.preview(self.task).into_iter();
            self.task += 1;
        }
    }
}

/// A run whose every step that is known was admitted: the only thing that can be run.
#[derive(Debug)]
pub struct Admitted {
    pub(crate) run: Run,
    pub(crate) admissions: Admissions,
    /// How many TaskRuns it will have, as far as that is known.
    pub(crate) tasks: usize,
    /// How many steps they have together.
    pub(crate) steps: usize,
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

#[cfg(test)]
mod tests {
    use stepwell_contract::RunName;
    use stepwell_spec::{Port, Sidecar, Sources};

    use super::*;

    fn refused() -> SandboxError {
        let refusal = |grant: Option<&str>| Refusal {
            import: "wasi:sockets/tcp@0.2.0".to_owned(),
            capability: "the network".to_owned(),
            grant: grant.map(str::to_owned),
        };
        let refusals = vec![refusal(Some("network=any")), refusal(None)];
        SandboxError::new("wasm", "admit", SandboxErrorKind::Refused(refusals))
    }

    fn grants(run: &TaskRun) -> Vec<Option<String>> {
        let mut error = refused();
        name_sidecars(run, &mut error);
        let SandboxErrorKind::Refused(refusals) = error.kind else {
            panic!("it was refused")
        };
        refusals.into_iter().map(|refusal| refusal.grant).collect()
    }

    #[test]
    fn beside_a_sidecar_the_grant_that_is_named_is_for_it() {
        let mut run = TaskRun::new(RunName::new("run"), TaskName::new("task"));
        assert_eq!(grants(&run), [Some("network=any".to_owned()), None]);
        let span = Span {
            source: Sources::new().add("test", ""),
            start: 0,
            len: 0,
        };
        let step = Step::new(StepName::new("db"), "db:1".into(), span);
        run.sidecars = vec![Sidecar::new(step, span)];
        assert_eq!(grants(&run), [Some("sidecar=db:PORT".to_owned()), None]);
        run.sidecars[0].ports = vec![Port {
            name: None,
            number: 5432,
        }];
        assert_eq!(grants(&run), [Some("sidecar=db:5432".to_owned()), None]);
    }
}
