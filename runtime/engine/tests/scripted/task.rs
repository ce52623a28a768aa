//! A task in the making: what its steps do, what surrounds them, and how it is run.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use stepwell_contract::{
    Backend, ContainerImage, Ending, Image, Platform, RunName, SandboxError, StepIo, StepName,
    TaskName, Timestamp,
};
use stepwell_engine::{
    Backends, Caching, Control, Engine, Fetch, Fetched, Images, Options, Places, Proxies, WallClock,
};
use stepwell_spec::{RemoteRef, Run, Sidecar, Sources, Span, Step, TaskRun};
use stepwell_store::{State, Store};
use tokio::sync::mpsc;

use super::{Body, Exec, Fault, Opening, Place, Played, Scripted};

/// Every look at it is a millisecond later.
#[derive(Default)]
struct Ticks(AtomicU64);

impl WallClock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// Fetches nothing.
struct Nothing;

impl Fetch for Nothing {
    fn fetch(&self, _: &RemoteRef) -> Result<Fetched, String> {
        Err("nothing can be fetched here".to_owned())
    }
}

/// The images that steps of a test name: a component and a container.
fn images() -> Arc<dyn Images> {
    let container = ContainerImage {
        manifest: "sha256:0".to_owned(),
        platform: Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: None,
        },
        entrypoint: vec!["/bin/app".to_owned()],
        cmd: Vec::new(),
        env: Vec::new(),
        working_dir: None,
        user: None,
        stop_signal: None,
        layers: Vec::new(),
    };
    let images = [
        Image::component("./step.wasm", b"code".as_slice()),
        Image::container("app:1", container),
    ];
    let images: BTreeMap<_, _> = images
        .map(|image| (Arc::clone(&image.reference), image))
        .into();
    Arc::new(images)
}

/// A task in the making.
pub(crate) struct Task {
    pub(crate) run: TaskRun,
    bodies: BTreeMap<StepName, VecDeque<Body>>,
    pub(crate) fault: Fault,
    pub(crate) cancel: Control,
    /// How many events fit into the channel.
    pub(crate) room: usize,
    pub(crate) opening: Opening,
    pub(crate) images: Arc<dyn Images>,
    pub(crate) host_paths: Vec<PathBuf>,
    /// Whether there is a backend for containers.
    pub(crate) containers: bool,
    execs: BTreeMap<StepName, Exec>,
    /// Who listens in the task: the machine's own port, by the one that is asked for.
    pub(crate) ports: Arc<Mutex<BTreeMap<u16, u16>>>,
    /// Who is told of places.
    pub(crate) places: Option<Places>,
    /// The proxies that there are.
    pub(crate) proxies: Proxies,
    /// Where steps are kept.
    pub(crate) caching: Option<Caching>,
}

impl Task {
    pub(crate) fn new() -> Self {
        Self {
            run: TaskRun {
                document: Arc::new(json!({"kind": "TaskRun"})),
                task_spec: Arc::new(json!({})),
                ..TaskRun::new(RunName::new("run"), TaskName::new("task"))
            },
            bodies: BTreeMap::new(),
            fault: Fault::None,
            cancel: Control::new(),
            room: 8,
            opening: Opening::default(),
            images: images(),
            host_paths: Vec::new(),
            containers: false,
            execs: BTreeMap::new(),
            ports: Arc::default(),
            places: None,
            proxies: Proxies::default(),
            caching: None,
        }
    }

    /// Adds a step that does what `body` does.
    pub(crate) fn step(
        &mut self,
        name: &str,
        body: impl FnOnce(Place, StepIo) -> Result<Ending, SandboxError> + Send + 'static,
    ) -> &mut Step {
        let span = Span {
            source: Sources::new().add("test", ""),
            start: self.run.steps.len(),
            len: 0,
        };
        let step = Step::new(StepName::new(name), "./step.wasm".into(), span);
        self.again(name, body);
        self.run.steps.push(step);
        self.run.steps.last_mut().expect("just pushed")
    }

    /// Adds a sidecar that does what `body` does.
    pub(crate) fn sidecar(
        &mut self,
        name: &str,
        body: impl FnOnce(Place, StepIo) -> Result<Ending, SandboxError> + Send + 'static,
    ) -> &mut Sidecar {
        let span = Span {
            source: Sources::new().add("test", ""),
            start: 100 + self.run.sidecars.len(),
            len: 0,
        };
        let step = Step::new(StepName::new(name), "./step.wasm".into(), span);
        self.again(name, body);
        self.run.sidecars.push(Sidecar::new(step, span));
        self.run.sidecars.last_mut().expect("just pushed")
    }

    /// Says what answers when a probe runs a command in the sidecar `name`.
    pub(crate) fn answers(
        &mut self,
        name: &str,
        exec: impl Fn(StepIo) -> Result<Ending, SandboxError> + Send + Sync + 'static,
    ) {
        self.execs.insert(StepName::new(name), Arc::new(exec));
    }

    /// Says what the step `name` does on its next try.
    pub(crate) fn again(
        &mut self,
        name: &str,
        body: impl FnOnce(Place, StepIo) -> Result<Ending, SandboxError> + Send + 'static,
    ) {
        let bodies = self.bodies.entry(StepName::new(name)).or_default();
        bodies.push_back(Box::new(body));
    }

    /// Adds a step that only ends.
    pub(crate) fn ends(&mut self, name: &str, code: i32) -> &mut Step {
        self.step(name, move |_, _| Ok(Ending::Exited { code }))
    }

    pub(crate) fn declare(&mut self, name: &str, result_type: stepwell_contract::ParamType) {
        self.run.results.push(stepwell_contract::ResultDecl {
            name: name.into(),
            result_type,
            properties: Vec::new(),
        });
    }

    pub(crate) fn start(self) -> Started {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(temp.path()).expect("a store");
        let state = State::open(&temp.path().join("state")).expect("a state");
        let log = Arc::default();
        let backend = Scripted {
            bodies: Arc::new(Mutex::new(self.bodies)),
            log: Arc::clone(&log),
            fault: self.fault,
            opening: self.opening,
            execs: Arc::new(self.execs),
            ports: self.ports,
            mark: "",
        };
        Started {
            engine: Engine {
                backends: Backends {
                    component: Arc::new(backend.clone()),
                    container: self.containers.then(|| {
                        Arc::new(Scripted {
                            mark: "container: ",
                            ..backend
                        }) as Arc<dyn Backend>
                    }),
                },
                clock: Arc::new(Ticks::default()),
                images: self.images,
                fetch: Arc::new(Nothing),
                state,
                options: Options {
                    max_parallel: std::num::NonZeroUsize::MIN,
                    epoch_seconds: 0,
                    host_paths: self.host_paths,
                },
                places: self.places,
                proxies: self.proxies,
                caching: self.caching,
            },
            run: Run::Task(Box::new(self.run)),
            store,
            temp,
            log,
            cancel: self.cancel,
            room: self.room,
        }
    }

    /// Runs it to its end.
    pub(crate) async fn play(self) -> Played {
        self.play_while(std::future::ready(())).await
    }

    /// Runs it to its end while `beside` goes on beside it.
    pub(crate) async fn play_while(self, beside: impl Future<Output = ()>) -> Played {
        let started = self.start();
        let admitted = started.engine.admit(started.run).expect("admitted");
        let scratch = started.store.scratch().expect("a scratch");
        let (sender, mut receiver) = mpsc::channel(started.room);
        let heard = async {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        };
        let run = started
            .engine
            .run(admitted, scratch, sender, started.cancel);
        let (ended, events, ()) = tokio::join!(run, heard, beside);
        let left = std::fs::read_dir(started.temp.path().join("scratch")).expect("listed");
        Played {
            ended,
            events,
            log: started.log.lock().expect("not poisoned").clone(),
            left: left.count(),
            temp: started.temp,
        }
    }
}

pub(crate) struct Started {
    pub(crate) engine: Engine,
    pub(crate) run: Run,
    pub(crate) store: Store,
    pub(crate) temp: tempfile::TempDir,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    pub(crate) cancel: Control,
    pub(crate) room: usize,
}

/// A folder of the user's, bound as a workspace.
pub(crate) fn folder(
    name: &str,
    path: PathBuf,
    sub_path: Option<&str>,
    access: stepwell_contract::Access,
) -> stepwell_spec::Workspace {
    stepwell_spec::Workspace {
        name: name.into(),
        mount_path: format!("/workspace/{name}").into(),
        access,
        isolated: false,
        source: stepwell_spec::VolumeSource::Folder {
            path,
            sub_path: sub_path.map(str::to_owned),
        },
    }
}
