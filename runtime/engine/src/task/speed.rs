//! How long a TaskRun of one step takes beyond its sandbox.
//!
//! `cargo test --release -p stepwell-engine --lib task::speed -- --ignored --nocapture` prints it, and where it goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stepwell_contract::{
    Backend, Capability, Digest, Ending, Event, Fingerprint, Grants, Image, Limits, RunName,
    Sandbox, SandboxError, StepIo, StepName, StepSpec, TaskName, TaskScope, TaskSpec,
};
use stepwell_spec::{RemoteRef, Run, Sources, Span, Step, TaskRun};
use stepwell_store::{State, Store};
use tokio::sync::mpsc::Receiver;

use super::{Halt, RunGround, run};
use crate::admit::Admissions;
use crate::backends::Backends;
use crate::clock::SystemClock;
use crate::outside::{Fetch, Fetched, Options};
use crate::plan::layout::Layout;
use crate::plan::{self, Frame};
use crate::run::Engine;
use crate::volumes::Volumes;

const TASKS: u32 = 10_000;

/// A backend, a scope and a sandbox that do nothing.
struct Idle;

impl Backend for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[]
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Digest::of(b"idle"))
    }

    fn admit(&self, _: &Image, _: &Grants, _: &Limits) -> Result<(), SandboxError> {
        Ok(())
    }

    fn open_task(&self, _: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        Ok(Box::new(Self))
    }
}

impl TaskScope for Idle {
    fn backend(&self) -> &'static str {
        "idle"
    }

    fn prepare(&self, _: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        Ok(Box::new(Self))
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        Ok(())
    }
}

impl Sandbox for Idle {
    fn place(&self) -> Arc<dyn stepwell_contract::Place> {
        Arc::new(stepwell_contract::NoPowers("idle"))
    }

    fn run(self: Box<Self>, _: StepIo) -> Result<Ending, SandboxError> {
        Ok(Ending::SUCCESS)
    }
}

impl Fetch for Idle {
    fn fetch(&self, _: &RemoteRef) -> Result<Fetched, String> {
        Err("nothing is fetched".to_owned())
    }
}

fn task() -> TaskRun {
    let span = Span {
        source: Sources::new().add("test", ""),
        start: 0,
        len: 0,
    };
    let mut run = TaskRun::new(RunName::new("run"), TaskName::new("task"));
    run.steps = vec![Step::new(StepName::new("a"), "./step.wasm".into(), span)];
    run
}

struct World {
    ground: RunGround,
    events: Receiver<Event>,
    _temp: tempfile::TempDir,
}

fn world(run: &TaskRun) -> World {
    let temp = tempfile::tempdir().unwrap();
    let image = Image::component("./step.wasm", b"code".as_slice());
    let images: BTreeMap<_, _> = [(Arc::clone(&image.reference), image)].into();
    let engine = Engine {
        backends: Backends::components(Arc::new(Idle)),
        clock: Arc::new(SystemClock),
        images: Arc::new(images),
        fetch: Arc::new(Idle),
        state: State::open(&temp.path().join("state")).unwrap(),
        options: Options {
            max_parallel: std::num::NonZeroUsize::MIN,
            epoch_seconds: 0,
            host_paths: Vec::new(),
        },
        places: None,
        proxies: Default::default(),
        caching: None,
    };
    let scratch = Store::open(&temp.path().join("store")).unwrap().scratch();
    let (sender, events) = tokio::sync::mpsc::channel(256);
    let whole = Run::Task(Box::new(run.clone()));
    let admissions = Admissions::default();
    World {
        ground: RunGround::new(engine, admissions, &whole, scratch.unwrap(), sender).unwrap(),
        events,
        _temp: temp,
    }
}

/// A clock, and one that stands still while others have the processor.
struct Began(Instant, Duration);

impl Began {
    fn now() -> Self {
        Self(Instant::now(), busy())
    }
}

fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.try_into().unwrap()
}

fn each(what: &str, began: &Began) {
    let took = began.0.elapsed() / TASKS;
    let busy = (busy() - began.1) / TASKS;
    eprintln!("{what:<40} {took:>10.1?} a task, {busy:>10.1?} of it busy");
}

#[test]
#[ignore = "it measures, and says what it found"]
fn ten_thousand_tasks_of_one_step() {
    let task = task();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let World {
        ground,
        mut events,
        _temp,
    } = world(&task);
    let reader = std::thread::spawn(move || {
        let mut heard = 0_u32;
        while events.blocking_recv().is_some() {
            heard += 1;
        }
        heard
    });
    let began = Began::now();
    runtime.block_on(async {
        for _ in 0..TASKS {
            let ended = run(&ground, task.clone(), Vec::new(), &Halt::default()).await;
            assert!(ended.succeeded);
        }
    });
    each("all of it, one after the other", &began);

    let began = Began::now();
    runtime.block_on(async {
        for _ in 0..TASKS {
            tokio::task::spawn_blocking(|| ()).await.unwrap();
        }
    });
    each("handing it to a thread and back", &began);

    let layout = Layout::of(&task).unwrap();
    let began = Began::now();
    for _ in 0..TASKS {
        let volumes = Volumes::open(ground.tools(), &task, &layout, &[]).unwrap();
        volumes.close().unwrap();
    }
    each("its folders", &began);

    let image = Image::component("./step.wasm", b"code".as_slice());
    let fingerprint = Idle.fingerprint();
    let frame = Frame {
        run: &task,
        attempt: 0,
        epoch_seconds: 0,
    };
    let began = Began::now();
    for _ in 0..TASKS {
        let layout = Layout::of(&task).unwrap();
        let seen = &layout.steps[0];
        let planned = plan::plan(
            frame,
            plan::Part::Step(0),
            task.steps[0].clone(),
            seen,
            image.clone(),
            fingerprint,
        );
        assert_eq!(planned.unwrap().spec.mounts.len(), 3);
    }
    each("its plan and its key", &began);
    drop(ground);
    assert_eq!(reader.join().unwrap(), 4 * TASKS);
}
