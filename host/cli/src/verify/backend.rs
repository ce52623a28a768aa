//! A backend that runs each step a second time: with the same inputs, in other surroundings.
//!
//! The second run begins from copies of the volumes as they were before the first one. What follows goes on with what the
//! first one left, so that each step is judged by itself, whatever became of those before it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use stepwell_contract::power::ProxyHandler;
use stepwell_contract::{
    Backend, Cancel, Capability, Ending, Fingerprint, Grants, Image, Limits, Place, Sandbox,
    SandboxError, StepIo, StepSpec, TaskScope, TaskSpec, Volume,
};

use super::compare::{self, Counted};
use super::elsewhere;
use super::heard::{Ear, Given};
use super::twin::Twins;
use super::verdict::{Difference, How, Verdict, Verified, sources};

/// What became of the steps, in the order in which they ended.
pub(super) type Book = Arc<Mutex<Vec<Verified>>>;

/// How steps are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// By running them again.
    Again,
    /// Not at all: a container's second run would have to be another container.
    Never,
}

/// A backend whose steps are verified.
pub(super) struct Verifying {
    pub(super) inner: Arc<dyn Backend>,
    pub(super) mode: Mode,
    pub(super) book: Book,
}

struct Scope {
    backend: Arc<dyn Backend>,
    inner: Box<dyn TaskScope>,
    task: TaskSpec,
    mode: Mode,
    book: Book,
}

struct Twice {
    backend: Arc<dyn Backend>,
    first: Box<dyn Sandbox>,
    task: TaskSpec,
    step: StepSpec,
    mode: Mode,
    book: Book,
}

impl Backend for Verifying {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> &'static [Capability] {
        self.inner.capabilities()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.inner.fingerprint()
    }

    fn admit(&self, image: &Image, grants: &Grants, limits: &Limits) -> Result<(), SandboxError> {
        self.inner.admit(image, grants, limits)
    }

    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        Ok(Box::new(Scope {
            backend: Arc::clone(&self.inner),
            inner: self.inner.open_task(task)?,
            task: task.clone(),
            mode: self.mode,
            book: Arc::clone(&self.book),
        }))
    }
}

impl TaskScope for Scope {
    fn backend(&self) -> &'static str {
        self.inner.backend()
    }

    fn prepare(&self, step: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        Ok(Box::new(Twice {
            backend: Arc::clone(&self.backend),
            first: self.inner.prepare(step.clone())?,
            task: self.task.clone(),
            step,
            mode: self.mode,
            book: Arc::clone(&self.book),
        }))
    }

    fn attach_proxy(
        &self,
        name: &str,
        handler: Arc<dyn ProxyHandler>,
    ) -> Result<String, SandboxError> {
        self.inner.attach_proxy(name, handler)
    }

    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        self.inner.connect(port)
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        self.inner.close()
    }
}

impl Sandbox for Twice {
    fn place(&self) -> Arc<dyn Place> {
        self.first.place()
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        let Self {
            backend,
            first,
            task,
            step,
            mode,
            book,
        } = *self;
        let (name, attempt) = (step.name.to_string(), step.attempt);
        let owner = task.name.to_string();
        let second = Second {
            backend,
            task,
            step,
        };
        let (ending, verdict) = match second.must_not(mode) {
            Some(why) => (first.run(io), Err(why.to_owned())),
            None => second.after(first, io),
        };
        let verdict = verdict.unwrap_or_else(|reason| Verdict::Unverified { reason });
        book.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Verified {
                task: owner,
                step: name,
                attempt,
                verdict,
            });
        ending
    }
}

/// The second run of a step.
struct Second {
    backend: Arc<dyn Backend>,
    task: TaskSpec,
    step: StepSpec,
}

fn reason(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

impl Second {
    /// Why there is none, where a second run would be no second run, or would change what comes after the first.
    fn must_not(&self, mode: Mode) -> Option<&'static str> {
        let grants = &self.step.grants;
        match mode {
            Mode::Never => {
                Some("it runs in a container, which has the machine's own clock and random numbers")
            }
            Mode::Again if grants.tools.is_some() => Some("it runs native programs in a container"),
            Mode::Again if !grants.sidecars.is_empty() => Some("a sidecar would hear it twice"),
            Mode::Again => None,
        }
    }

    /// Runs the first, and then this; what came of the second, or why there was none.
    fn after(
        self,
        first: Box<dyn Sandbox>,
        io: StepIo,
    ) -> (Result<Ending, SandboxError>, Result<Verdict, String>) {
        let before = self
            .twins()
            .and_then(|twins| Ok((twins, Ear::first(Arc::clone(&io.sink))?)));
        let (twins, ear) = match before {
            Ok(before) => before,
            Err(error) => return (first.run(io), Err(reason(&error))),
        };
        let ear = Arc::new(ear);
        let cancel = io.cancel.clone();
        let ending = first.run(StepIo {
            sink: Arc::<Ear>::clone(&ear),
            ..io
        });
        let verdict = match &ending {
            Err(error) => Err(format!("it could not be run: {error}")),
            Ok(_) if cancel.reason().is_some() => Err("it was stopped".to_owned()),
            Ok(first) => {
                let verdict = self.compared(first, &ear, twins, cancel);
                verdict.map_err(|error| reason(&error))
            }
        };
        (ending, verdict)
    }

    /// The volumes that the step sees, as they are now.
    fn twins(&self) -> anyhow::Result<Twins> {
        let seen = |volume: &&Volume| {
            let mut mounts = self.step.mounts.iter();
            mounts.any(|mount| mount.volume == volume.name)
        };
        Twins::of(self.task.volumes.iter().filter(seen).collect())
    }

    fn compared(
        self,
        first: &Ending,
        ear: &Ear,
        twins: Twins,
        cancel: Cancel,
    ) -> anyhow::Result<Verdict> {
        let Self {
            backend,
            task,
            step,
        } = self;
        let volumes = twins.volumes.clone();
        let second =
            Arc::new(Ear::second(ear, volumes.clone()).context("failed to keep what it says")?);
        let io = StepIo {
            sink: Arc::<Ear>::clone(&second),
            cancel: cancel.clone(),
        };
        let again = TaskSpec {
            volumes: volumes.clone(),
            ..task.clone()
        };
        let spec = step.clone();
        // The working directory may be made as the step is prepared, by whoever runs it.
        let ending = elsewhere::run(move || {
            let scope = backend.open_task(&again)?;
            let ending = scope.prepare(spec)?.run(io)?;
            scope.close()?;
            Ok::<_, SandboxError>(ending)
        })?
        .context("failed to run it again")?;
        if cancel.reason().is_some() {
            anyhow::bail!("it was stopped while it ran again");
        }
        let mut counted = Counted::default();
        let difference = words_of_endings(first, &ending).map_or_else(
            || heard(ear, &second, &mut counted),
            |found| Ok(Some(found)),
        )?;
        let difference = match difference {
            Some(found) => Some(found),
            None => files(&task.volumes, &volumes, &step, &mut counted)?,
        };
        Ok(match difference {
            None => Verdict::Reproduced {
                entries: counted.entries,
                bytes: counted.bytes,
            },
            Some(difference) => Verdict::Differs {
                difference,
                sources: sources(&step.grants),
            },
        })
    }
}

fn words(place: impl Display, first: impl Display, second: impl Display) -> Difference {
    Difference {
        place: place.to_string(),
        how: How::Words {
            first: first.to_string(),
            second: second.to_string(),
        },
    }
}

fn words_of_endings(first: &Ending, second: &Ending) -> Option<Difference> {
    let say = |ending: &Ending| serde_json::to_string(ending).unwrap_or_default();
    (first != second).then(|| words("ending", say(first), say(second)))
}

/// What the two runs said.
fn heard(first: &Ear, second: &Ear, counted: &mut Counted) -> anyhow::Result<Option<Difference>> {
    let (mut first, mut second) = (first.lock(), second.lock());
    for heard in [&mut first, &mut second] {
        if let Some(error) = heard.unkept.take() {
            return Err(error).context("failed to keep what it says");
        }
    }
    let (first, second) = (&mut *first, &mut *second);
    let failed = "failed to read what it said";
    let stdout = compare::outputs("stdout", &mut first.stdout, &mut second.stdout, counted);
    if let Some(found) = stdout.context(failed)? {
        return Ok(Some(found));
    }
    let stderr = compare::outputs("stderr", &mut first.stderr, &mut second.stderr, counted);
    if let Some(found) = stderr.context(failed)? {
        return Ok(Some(found));
    }
    let last = first.results.len().max(second.results.len());
    for number in 0..last {
        let (one, other) = (first.results.get(number), second.results.get(number));
        if one != other {
            let name = one.or(other).map_or("", |given| &given.name);
            let say = |given: Option<&Given>| match given {
                Some(given) => format!("`{}` is {}", given.name, shown(&given.value)),
                None => "nothing".to_owned(),
            };
            return Ok(Some(words(format!("result {name}"), say(one), say(other))));
        }
    }
    Ok(None)
}

fn shown(value: &stepwell_contract::ParamValue) -> String {
    /// How much of a value is shown.
    const MOST: usize = 60;
    let text = serde_json::to_string(value).unwrap_or_default();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What the two runs left in their volumes.
fn files(
    volumes: &[Volume],
    twins: &[Volume],
    step: &StepSpec,
    counted: &mut Counted,
) -> anyhow::Result<Option<Difference>> {
    let by_name: BTreeMap<_, _> = volumes
        .iter()
        .map(|volume| (&volume.name, volume))
        .collect();
    for twin in twins {
        let Some(volume) = by_name.get(&twin.name) else {
            continue;
        };
        let mut mounts = step.mounts.iter();
        let shown = mounts.find(|mount| mount.volume == twin.name);
        let shown = shown.map_or("", |mount| &*mount.path);
        let found = compare::folders(shown, &volume.dir, &twin.dir, counted)
            .with_context(|| format!("failed to compare `{}`", Path::new(shown).display()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
