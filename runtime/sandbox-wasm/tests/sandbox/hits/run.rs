//! One recorded run of a script over one tree.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{
    Access, Ambient, Backend, Cancel, Digests, EmitError, Ending, Grants, Image, Limits, LogStream,
    Mount, NoDigests, Observer, ParamValue, Resources, Security, StepIo, StepName, StepSink,
    StepSpec, TaskName, TaskSpec, Trace, Volume,
};
use stepwell_guest_artifacts as guests;
use tempfile::TempDir;

use super::chance::Chance;
use super::tree::{self, Tree, VOLUMES};
use crate::world::{BACKEND, EPOCH};

static GUEST: LazyLock<Image> = LazyLock::new(|| {
    let code = fs::read(guests::trace_script()).unwrap();
    Image::component("trace_script.wasm", code)
});

/// What handles 0 and 1 are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    /// Two volumes.
    Two,
    /// A working directory below a volume, and that volume.
    Below,
    /// One volume, mounted twice.
    Twice,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) ending: Ending,
    pub(super) trace: Trace,
}

/// A tree on a disk.
pub(super) struct Stage {
    root: TempDir,
}

/// Hears what a step says, and what it observes.
#[derive(Default)]
struct Ear {
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
    record: Arc<Record>,
}

#[derive(Default)]
struct Record(Mutex<Option<Trace>>);

impl Observer for Record {
    fn most(&self) -> usize {
        10_000
    }

    fn digests(&self) -> &dyn Digests {
        &NoDigests
    }

    fn observed(&self, trace: Trace) {
        let before = self.0.lock().unwrap().replace(trace);
        assert_eq!(before, None, "a trace is handed over once");
    }
}

impl StepSink for Ear {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let heard = match stream {
            LogStream::Stdout => &self.stdout,
            LogStream::Stderr => &self.stderr,
        };
        heard.lock().unwrap().extend(bytes);
    }

    fn emit(&self, name: &str, _: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(Arc::<Record>::clone(&self.record))
    }
}

impl Stage {
    /// Makes `tree`, in an order that `seed` decides.
    pub(super) fn new(tree: &Tree, seed: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        tree::put(tree, root.path(), &mut Chance::new(seed));
        Self { root }
    }

    /// What is there now.
    pub(super) fn tree(&self) -> Tree {
        tree::found(self.root.path())
    }

    /// The folder of a volume.
    pub(super) fn dir(&self, volume: &str) -> Dir {
        Dir::open_ambient_dir(self.root.path().join(volume), ambient_authority()).unwrap()
    }

    /// Runs a script here.
    pub(super) fn run(&self, layout: Layout, script: &str) -> Ran {
        let volumes = VOLUMES.map(|name| Volume {
            name: name.into(),
            dir: Arc::new(self.dir(name)),
            path: self.root.path().join(name),
        });
        let task = TaskSpec {
            name: TaskName::new("hits"),
            volumes: volumes.into(),
            loopback: None,
        };
        let mount = |volume: &str, path: &str| Mount {
            volume: volume.into(),
            path: path.into(),
            access: Access::ReadWrite,
        };
        let (working_dir, mounts) = match layout {
            Layout::Two => ("/ws", vec![mount("ws", "/ws"), mount("other", "/other")]),
            Layout::Below => ("/ws/a/b", vec![mount("ws", "/ws")]),
            Layout::Twice => ("/ws", vec![mount("ws", "/ws"), mount("ws", "/again")]),
        };
        let spec = StepSpec {
            name: StepName::new("script"),
            image: GUEST.clone(),
            argv: vec!["guest".to_owned(), script.to_owned()],
            env: Vec::new(),
            working_dir: working_dir.into(),
            mounts,
            params: BTreeMap::new(),
            workspaces: BTreeMap::new(),
            results: Vec::new(),
            attempt: 0,
            limits: Limits::default(),
            grants: Grants::default(),
            resources: Resources::default(),
            security: Security::default(),
            ambient: Ambient {
                epoch_seconds: EPOCH,
                seed: [7; 32],
            },
        };
        let ear = Arc::new(Ear::default());
        let io = StepIo {
            sink: Arc::<Ear>::clone(&ear),
            cancel: Cancel::new(),
        };
        let scope = BACKEND.open_task(&task).unwrap();
        // A working directory that cannot be opened is no run, and nothing that is kept.
        let (ending, trace) = match scope.prepare(spec) {
            Ok(sandbox) => {
                let ending = sandbox.run(io).unwrap();
                let trace = ear.record.0.lock().unwrap().take();
                (ending, trace.unwrap())
            }
            Err(_) => (Ending::Exited { code: 126 }, unprepared()),
        };
        scope.close().unwrap();
        let text = |heard: &Mutex<Vec<u8>>| {
            String::from_utf8_lossy(&std::mem::take(&mut *heard.lock().unwrap())).into_owned()
        };
        Ran {
            stdout: text(&ear.stdout),
            stderr: text(&ear.stderr),
            ending,
            trace,
        }
    }
}

/// The trace of a step that never began.
fn unprepared() -> Trace {
    Trace {
        flaws: vec![stepwell_contract::Flaw::Unobservable("did not begin")],
        ..Trace::default()
    }
}
