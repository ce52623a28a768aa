//! A whole document on the backend: what the engine makes of what steps leave.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use stepwell_contract::event::Verdict;
use stepwell_contract::power::ProxyHandler;
use stepwell_contract::{
    Backend, Capability, Ending, Event, EventKind, Fingerprint, Grants, Image, Limits, ParamValue,
    Place, Sandbox, SandboxError, StepIo, StepSpec, TaskScope, TaskSpec, Timestamp,
};
use stepwell_engine::{Backends, Control, Engine, Fetch, Fetched, Options, WallClock};
use stepwell_spec::{self as spec, RemoteRef, Request, RequestedStatus, Resolved, Run, Sources};
use stepwell_store::{State, Store};
use tokio::sync::mpsc;

use super::{SECRET, Stage};
use crate::Action;

/// Called before each step is prepared, with the folder on the host that is to become its `/tekton/results`.
type BeforeStep = Box<dyn Fn(&std::path::Path) + Send + Sync>;

/// A document in the making, and the code that it names.
pub struct Story<'s, 'h> {
    stage: &'s Stage<'h>,
    images: BTreeMap<Arc<str>, Image>,
    before_step: BeforeStep,
    /// The line on which everything is to be stopped.
    stop_at: Option<&'static str>,
}

/// What came of it.
pub struct Told {
    /// How it ended.
    pub verdict: Verdict,
    /// Every result that was taken.
    pub results: Vec<(String, ParamValue)>,
    /// Every line that was printed.
    pub lines: Vec<String>,
    /// How many steps ran at once at most.
    pub most: usize,
}

impl<'s, 'h> Story<'s, 'h> {
    /// Nothing yet.
    pub fn new(stage: &'s Stage<'h>) -> Self {
        Self {
            stage,
            images: BTreeMap::new(),
            before_step: Box::new(|_| {}),
            stop_at: None,
        }
    }

    /// Has `plant` called with the folder of results before each step.
    pub fn plant(mut self, plant: impl Fn(&std::path::Path) + Send + Sync + 'static) -> Self {
        self.before_step = Box::new(plant);
        self
    }

    /// Has everything stopped when a step says `line`.
    pub fn stop_at(mut self, line: &'static str) -> Self {
        self.stop_at = Some(line);
        self
    }

    /// A step that does `actions`, as the fields of one in a document, and the annotation that it needs.
    fn step(&mut self, actions: &[Action]) -> (String, String) {
        let program = self.stage.harness.program(actions);
        let reference = format!("./image-{}.wasm", self.images.len());
        self.images.insert(reference.as_str().into(), program.image);
        let command: Vec<String> = program.argv.iter().map(|arg| format!("{arg:?}")).collect();
        let step = format!("{{image: {reference}, command: [{}]}}", command.join(", "));
        (step, program.grants.settings().join(", "))
    }

    /// Runs a Task of one step that declares the result `version`.
    pub fn task(mut self, actions: &[Action]) -> Told {
        let (step, grants) = self.step(actions);
        let document = format!(
            "apiVersion: tekton.dev/v1\nkind: TaskRun\n\
             metadata: {{name: run, annotations: {{stepwell.dev/grants: {grants:?}}}}}\n\
             spec: {{taskSpec: {{results: [{{name: version}}], steps: [{step}]}}}}\n"
        );
        self.tell(&document, 1)
    }

    /// Runs a Pipeline of tasks that wait for nothing, `places` at a time.
    pub fn pipeline(mut self, tasks: &[Vec<Action>], places: usize) -> Told {
        let mut listed = String::new();
        for (index, actions) in tasks.iter().enumerate() {
            let (step, grants) = self.step(actions);
            listed.push_str(&format!(
                "      - name: task-{index}\n        taskSpec:\n          metadata: {{annotations: \
                 {{stepwell.dev/grants: {grants:?}}}}}\n          steps: [{step}]\n"
            ));
        }
        let document = format!(
            "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: run}}\nspec:\n  \
             pipelineSpec:\n    tasks:\n{listed}"
        );
        self.tell(&document, places)
    }

    fn tell(self, document: &str, places: usize) -> Told {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let watched = Arc::new(Watched {
            backend: Arc::clone(&self.stage.backend),
            before_step: self.before_step,
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        // Whatever its images are, they run on this one.
        let backend: Arc<dyn Backend> = Arc::new(Watching(Arc::clone(&watched)));
        let engine = Engine {
            backends: Backends {
                component: Arc::clone(&backend),
                container: Some(backend),
            },
            clock: Arc::new(Still),
            images: Arc::new(self.images),
            fetch: Arc::new(Nothing),
            state: State::open(&temp.path().join("state")).unwrap(),
            options: Options {
                max_parallel: NonZeroUsize::new(places).unwrap(),
                epoch_seconds: 0,
                host_paths: Vec::new(),
            },
            places: None,
            proxies: Default::default(),
            caching: None,
        };
        let admitted = engine.admit(run_of(document)).expect("admitted");
        let scratch = store.scratch().unwrap();
        let control = Control::new();
        let (sender, mut receiver) = mpsc::channel::<Event>(8);
        let heard = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                if let EventKind::StepLog { line, .. } = &event.kind
                    && self.stop_at == Some(line.as_str())
                {
                    control.ask(RequestedStatus::Cancelled);
                }
                events.push(event);
            }
            events
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let run = engine.run(admitted, scratch, sender, control.clone());
        let (verdict, events) = runtime.block_on(async { tokio::join!(run, heard) });
        let left = std::fs::read_dir(temp.path().join("scratch")).unwrap();
        assert_eq!(left.count(), 0, "a scratch folder is left");
        assert!(!format!("{events:?}").contains(SECRET), "{events:?}");
        let told = |pick: fn(&EventKind) -> Option<String>| {
            events
                .iter()
                .filter_map(|event| pick(&event.kind))
                .collect()
        };
        Told {
            verdict: verdict.expect("a verdict"),
            results: events.iter().filter_map(result).collect(),
            lines: told(|kind| match kind {
                EventKind::StepLog { line, .. } => Some(line.clone()),
                _ => None,
            }),
            most: watched.most.load(Ordering::SeqCst),
        }
    }
}

fn result(event: &Event) -> Option<(String, ParamValue)> {
    match &event.kind {
        EventKind::Result { name, value, .. } => Some((name.to_string(), value.clone())),
        _ => None,
    }
}

fn run_of(document: &str) -> Run {
    let mut sources = Sources::new();
    sources.add("run.yaml", document);
    let mut request = Request::default();
    request.identity.suffix = "abcde".to_owned();
    request.identity.uid = "00000000-0000-0000-0000-000000000000".to_owned();
    match spec::read(&sources, &request) {
        Ok(Resolved::Run(run)) => run,
        Ok(Resolved::Needs(needs)) => panic!("it needs {needs:?}"),
        Err(errors) => panic!("{errors:?}\n{document}"),
    }
}

/// Time does not pass.
struct Still;

impl WallClock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

/// Nothing is fetched.
struct Nothing;

impl Fetch for Nothing {
    fn fetch(&self, _: &RemoteRef) -> Result<Fetched, String> {
        Err("nothing can be fetched here".to_owned())
    }
}

/// The backend under test, watched while the engine uses it.
struct Watched {
    backend: Arc<dyn Backend>,
    before_step: BeforeStep,
    running: AtomicUsize,
    most: AtomicUsize,
}

struct Watching(Arc<Watched>);

impl Backend for Watching {
    fn name(&self) -> &'static str {
        self.0.backend.name()
    }

    fn capabilities(&self) -> &'static [Capability] {
        self.0.backend.capabilities()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.0.backend.fingerprint()
    }

    fn admit(&self, image: &Image, grants: &Grants, limits: &Limits) -> Result<(), SandboxError> {
        self.0.backend.admit(image, grants, limits)
    }

    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        Ok(Box::new(WatchedScope {
            watched: Arc::clone(&self.0),
            scope: self.0.backend.open_task(task)?,
            task: Mutex::new(task.clone()),
        }))
    }
}

struct WatchedScope {
    watched: Arc<Watched>,
    scope: Box<dyn TaskScope>,
    task: Mutex<TaskSpec>,
}

impl TaskScope for WatchedScope {
    fn backend(&self) -> &'static str {
        self.scope.backend()
    }

    fn prepare(&self, step: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        let mount = step
            .mounts
            .iter()
            .find(|mount| &*mount.path == "/tekton/results");
        if let Some(mount) = mount {
            let task = self.task.lock().unwrap();
            let volume = task.volumes.iter().find(|one| one.name == mount.volume);
            (self.watched.before_step)(&volume.expect("a volume for the mount").path);
        }
        Ok(Box::new(WatchedSandbox {
            watched: Arc::clone(&self.watched),
            sandbox: self.scope.prepare(step)?,
        }))
    }

    fn attach_proxy(
        &self,
        name: &str,
        handler: Arc<dyn ProxyHandler>,
    ) -> Result<String, SandboxError> {
        self.scope.attach_proxy(name, handler)
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        self.scope.close()
    }
}

struct WatchedSandbox {
    watched: Arc<Watched>,
    sandbox: Box<dyn Sandbox>,
}

impl Sandbox for WatchedSandbox {
    fn place(&self) -> Arc<dyn Place> {
        self.sandbox.place()
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        let now = self.watched.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.watched.most.fetch_max(now, Ordering::SeqCst);
        let ending = self.sandbox.run(io);
        self.watched.running.fetch_sub(1, Ordering::SeqCst);
        ending
    }
}
