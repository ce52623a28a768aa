//! A backend whose steps do what their arguments say, and what a test needs to run a pipeline on it.
//!
//! | argument | what the step does |
//! |---|---|
//! | `say TEXT` | notes the text, and prints it |
//! | `result NAME VALUE` | writes a result |
//! | `exit CODE` | ends |
//! | `try N` | fails, unless this is the attempt N or a later one |
//! | `wait` | waits until it is told to stop |
//! | `meet N` | waits until N steps have come to this point |
//! | `break` | is something that the backend cannot do |
//! | `panic` | is a defect of the backend |

#![expect(clippy::unwrap_used, reason = "part of a test")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::json;
use stepwell_contract::event::Verdict;
use stepwell_contract::{
    Backend, CancelReason, Capability, Digest, Ending, Event, EventKind, Fingerprint, Grants,
    Image, Limits, LogStream, Sandbox, SandboxError, SandboxErrorKind, StepIo, StepSpec, TaskName,
    TaskScope, TaskSpec, Timestamp, Volume,
};
use stepwell_engine::{
    Backends, Control, Engine, EngineError, Fetch, Fetched, NotAdmitted, Options, WallClock,
};
use stepwell_spec::{self as spec, RemoteRef, Request, Resolved, Run, Sources};
use stepwell_store::{State, Store};
use tokio::sync::{Notify, mpsc};

/// What all steps share.
#[derive(Default)]
struct Shared {
    noted: Mutex<Noted>,
    met: Condvar,
    /// Told each time a step begins to wait.
    waits: Notify,
}

#[derive(Default)]
struct Noted {
    said: Vec<String>,
    running: usize,
    most: usize,
    met: usize,
    admitted: usize,
    open: usize,
}

#[derive(Clone, Default)]
struct Obedient(Arc<Shared>);

fn trouble(doing: &str) -> SandboxError {
    SandboxError::new("obedient", doing, SandboxErrorKind::Host).because("as the document says")
}

impl Backend for Obedient {
    fn name(&self) -> &'static str {
        "obedient"
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[]
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Digest::of(b"obedient"))
    }

    fn admit(&self, image: &Image, _: &Grants, _: &Limits) -> Result<(), SandboxError> {
        self.0.noted.lock().unwrap().admitted += 1;
        match &*image.reference {
            "./refused.wasm" => Err(trouble("admit")),
            _ => Ok(()),
        }
    }

    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        self.0.noted.lock().unwrap().open += 1;
        let volumes = task.volumes.iter();
        Ok(Box::new(Scope {
            shared: Arc::clone(&self.0),
            task: task.name.clone(),
            volumes: volumes
                .map(|volume| (Arc::clone(&volume.name), volume.clone()))
                .collect(),
        }))
    }
}

struct Scope {
    shared: Arc<Shared>,
    task: TaskName,
    volumes: BTreeMap<Arc<str>, Volume>,
}

impl TaskScope for Scope {
    fn backend(&self) -> &'static str {
        "obedient"
    }

    fn prepare(&self, spec: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        Ok(Box::new(Prepared {
            shared: Arc::clone(&self.shared),
            task: self.task.clone(),
            volumes: self.volumes.clone(),
            spec,
        }))
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        Ok(())
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.shared.noted.lock().unwrap().open -= 1;
    }
}

struct Prepared {
    shared: Arc<Shared>,
    task: TaskName,
    volumes: BTreeMap<Arc<str>, Volume>,
    spec: StepSpec,
}

impl Sandbox for Prepared {
    fn place(&self) -> Arc<dyn stepwell_contract::Place> {
        Arc::new(stepwell_contract::NoPowers("obedient"))
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        {
            let mut noted = self.shared.noted.lock().unwrap();
            noted.running += 1;
            noted.most = noted.most.max(noted.running);
        }
        let ended = self.obey(&io);
        self.shared.noted.lock().unwrap().running -= 1;
        self.shared.met.notify_all();
        ended
    }
}

impl Prepared {
    fn obey(&self, io: &StepIo) -> Result<Ending, SandboxError> {
        for argument in self.spec.argv.iter().skip(1) {
            let (word, rest) = argument.split_once(' ').unwrap_or((argument, ""));
            match word {
                "say" => {
                    io.sink.log(LogStream::Stdout, rest.as_bytes());
                    let said = format!("{}: {rest}", self.task);
                    self.shared.noted.lock().unwrap().said.push(said);
                }
                "result" => {
                    let (name, value) = rest.split_once(' ').expect("a name and a value");
                    let mounts = &mut self.spec.mounts.iter();
                    let mount = mounts.find(|mount| &*mount.path == "/tekton/results");
                    let volume = &self.volumes[&mount.expect("results").volume];
                    volume.dir.write(name, value).expect("written");
                }
                "exit" => {
                    let code = rest.parse().expect("a number");
                    return Ok(Ending::Exited { code });
                }
                "try" if self.spec.attempt < rest.parse().expect("a number") => {
                    return Ok(Ending::Exited { code: 1 });
                }
                "try" => {}
                "wait" => {
                    self.shared.waits.notify_one();
                    return Ok(match io.cancel.sleep(Duration::MAX) {
                        Some(CancelReason::TimedOut(after)) => Ending::TimedOut { after },
                        _ => Ending::Cancelled,
                    });
                }
                "meet" => self.meet(rest.parse().expect("a number")),
                "break" => return Err(trouble("go on")),
                "panic" => panic!("as the document says"),
                other => panic!("not a word of this backend: {other}"),
            }
        }
        Ok(Ending::SUCCESS)
    }

    fn meet(&self, count: usize) {
        let mut noted = self.shared.noted.lock().unwrap();
        noted.met += 1;
        self.shared.met.notify_all();
        let patience = Duration::from_secs(20);
        let missing = |noted: &mut Noted| noted.met < count;
        let met = self.shared.met.wait_timeout_while(noted, patience, missing);
        assert!(!met.unwrap().1.timed_out(), "nobody else came");
    }
}

/// Every look at it is a millisecond later.
#[derive(Default)]
struct Ticks(AtomicU64);

impl WallClock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// Documents by the value of the param `name` of their reference.
#[derive(Default)]
struct Shelf(BTreeMap<String, String>);

impl Fetch for Shelf {
    fn fetch(&self, reference: &RemoteRef) -> Result<Fetched, String> {
        let named = reference.params.iter().find(|(name, _)| name == "name");
        let name = match named {
            Some((_, stepwell_contract::ParamValue::String(name))) => name.clone(),
            _ => return Err("no name was given".to_owned()),
        };
        let text = self.0.get(&name);
        Ok(Fetched {
            text: text
                .ok_or_else(|| format!("no `{name}` on the shelf"))?
                .clone(),
            provenance: Arc::new(json!({"uri": name})),
            name,
        })
    }
}

/// A run in the making.
pub(crate) struct World {
    shared: Arc<Shared>,
    run: Run,
    shelf: Shelf,
    pub(crate) places: usize,
    pub(crate) control: Control,
}

impl World {
    /// The one run in `yaml`.
    #[track_caller]
    pub(crate) fn of(yaml: &str) -> Self {
        let mut sources = Sources::new();
        sources.add("run.yaml", yaml);
        let mut request = Request::default();
        request.identity.suffix = "abcde".to_owned();
        request.identity.uid = "00000000-0000-0000-0000-000000000000".to_owned();
        let run = match spec::read(&sources, &request) {
            Ok(Resolved::Run(run)) => run,
            Ok(Resolved::Needs(needs)) => panic!("it needs {needs:?}"),
            Err(errors) => panic!("{errors:?}"),
        };
        Self {
            shared: Arc::default(),
            run,
            shelf: Shelf::default(),
            places: 8,
            control: Control::new(),
        }
    }

    /// A PipelineRun named `run` with the spec of an inline Pipeline.
    #[track_caller]
    pub(crate) fn pipeline(spec: &str) -> Self {
        Self::with("", spec)
    }

    /// The same, with lines for the spec of the PipelineRun.
    #[track_caller]
    pub(crate) fn with(run: &str, spec: &str) -> Self {
        let indent = |text: &str, by: usize| {
            let lines = text.lines().map(|line| format!("{:by$}{line}\n", ""));
            lines.collect::<String>()
        };
        Self::of(&format!(
            "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: run}}\nspec:\n{}  pipelineSpec:\n{}",
            indent(run, 2),
            indent(spec, 4)
        ))
    }

    /// For a test to wait until steps wait.
    pub(crate) fn waits(&self) -> Waits {
        Waits(Arc::clone(&self.shared))
    }

    /// Blocks until no step runs any more.
    pub(crate) fn stopped(&self) -> impl FnOnce() + Send + 'static {
        let shared = Arc::clone(&self.shared);
        move || {
            let noted = shared.noted.lock().unwrap();
            let patience = Duration::from_secs(20);
            let running = |noted: &mut Noted| noted.running > 0;
            let stopped = shared.met.wait_timeout_while(noted, patience, running);
            assert!(!stopped.unwrap().1.timed_out(), "something still runs");
        }
    }

    /// Puts a document where it can be fetched.
    pub(crate) fn shelve(mut self, name: &str, yaml: &str) -> Self {
        self.shelf.0.insert(name.to_owned(), yaml.to_owned());
        self
    }

    fn engine(&mut self, temp: &tempfile::TempDir) -> Engine {
        let images = ["./step.wasm", "./refused.wasm"];
        let images = images.map(|name| (Arc::from(name), Image::component(name, name.as_bytes())));
        Engine {
            backends: Backends::components(Arc::new(Obedient(Arc::clone(&self.shared)))),
            clock: Arc::new(Ticks::default()),
            images: Arc::new(BTreeMap::from(images)),
            fetch: Arc::new(std::mem::take(&mut self.shelf)),
            state: State::open(&temp.path().join("state")).unwrap(),
            options: Options {
                max_parallel: NonZeroUsize::new(self.places).unwrap(),
                epoch_seconds: 0,
                host_paths: Vec::new(),
            },
            places: None,
            proxies: Default::default(),
            caching: None,
        }
    }

    /// Only asks whether it would be run: what came of that, and how often the backend was asked.
    pub(crate) fn admit(mut self) -> (Result<(), NotAdmitted>, usize) {
        let temp = tempfile::tempdir().unwrap();
        let engine = self.engine(&temp);
        let admitted = engine.admit(self.run).map(drop);
        (admitted, self.shared.noted.lock().unwrap().admitted)
    }

    /// Runs it to its end.
    pub(crate) async fn play(self) -> Played {
        self.play_while(async |_, _| {}).await
    }

    /// Runs it to its end while `beside` goes on beside it.
    pub(crate) async fn play_while(mut self, beside: impl AsyncFnOnce(Waits, Control)) -> Played {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let engine = self.engine(&temp);
        let admitted = engine.admit(self.run).expect("admitted");
        let (sender, mut receiver) = mpsc::channel(8);
        let heard = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        };
        let scratch = store.scratch().unwrap();
        let run = engine.run(admitted, scratch, sender, self.control.clone());
        let waits = Waits(Arc::clone(&self.shared));
        let (ended, events, ()) = tokio::join!(run, heard, beside(waits, self.control));
        let left = std::fs::read_dir(temp.path().join("scratch")).unwrap();
        let mut noted = self.shared.noted.lock().unwrap();
        Played {
            ended,
            events,
            said: std::mem::take(&mut noted.said),
            most: noted.most,
            open: noted.open,
            left: left.count(),
        }
    }
}

/// For a test to wait until steps wait.
pub(crate) struct Waits(Arc<Shared>);

impl Waits {
    pub(crate) async fn one(&self) {
        self.0.waits.notified().await;
    }
}

/// What came of a run.
pub(crate) struct Played {
    pub(crate) ended: Result<Verdict, EngineError>,
    pub(crate) events: Vec<Event>,
    /// What steps said, in order.
    pub(crate) said: Vec<String>,
    /// How many steps ran at once at most.
    pub(crate) most: usize,
    /// How many tasks the backend still has open.
    pub(crate) open: usize,
    /// How many scratch folders are left.
    pub(crate) left: usize,
}

impl Played {
    /// Reason and message.
    #[track_caller]
    pub(crate) fn verdict(&self) -> (&str, &str) {
        match &self.ended {
            Ok(verdict) => (&verdict.reason, &verdict.message),
            Err(error) => panic!("no verdict: {error}"),
        }
    }

    /// Each event that is not about a step, in a few words.
    pub(crate) fn story(&self) -> Vec<String> {
        let told = self.events.iter().filter_map(|event| {
            let about = event.task.as_ref().map_or("run", |task| task.as_str());
            let what = match &event.kind {
                _ if event.step.is_some() => return None,
                EventKind::RunStart { tasks, steps } => format!("starts: {tasks} {steps}"),
                EventKind::RunEnd { verdict, .. } => format!("ends: {}", verdict.reason),
                EventKind::PipelineStart { name, .. } => format!("pipeline {name}"),
                EventKind::PipelineEnd { verdict, .. } => format!("pipeline {}", verdict.reason),
                EventKind::FinallyStart {} => "finally".to_owned(),
                EventKind::TaskSkip { reason, .. } => format!("skip {}", reason.as_str()),
                EventKind::TaskStart { name, .. } => format!("start {name}"),
                EventKind::TaskEnd {
                    verdict, retried, ..
                } => match retried {
                    true => format!("again after {}", verdict.reason),
                    false => verdict.reason.clone(),
                },
                EventKind::Result { name, value, .. } => {
                    format!("{name}={}", serde_json::to_string(value).unwrap())
                }
                EventKind::Error { causes } => format!("error {}", causes.join(": ")),
                _ => return None,
            };
            Some(format!("{about} {what}"))
        });
        told.collect()
    }

    /// Each task that was skipped, with its `when`.
    pub(crate) fn skipped(&self) -> Vec<String> {
        let told = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::TaskSkip {
                pipeline_task,
                when_expressions,
                ..
            } => {
                let when = serde_json::to_string(when_expressions).unwrap();
                Some(format!("{pipeline_task} {when}"))
            }
            _ => None,
        });
        told.collect()
    }

    /// The message of the TaskRun of `task`.
    pub(crate) fn message(&self, task: &str) -> &str {
        let mut ends = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::TaskEnd { verdict, .. } if event.task.as_ref()?.as_str() == task => {
                Some(verdict.message.as_str())
            }
            _ => None,
        });
        ends.next_back().expect("it has ended")
    }

    /// Nothing is left behind.
    #[track_caller]
    pub(crate) fn is_clean(&self) {
        assert_eq!((self.open, self.left), (0, 0));
        let last = self.events.last().map(|event| &event.kind);
        assert!(matches!(last, Some(EventKind::RunEnd { .. })));
    }
}
