//! A world for one step: folders on the host, a step that sees some of them, and everything that it said.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{
    Access, Ambient, Backend, Cancel, CancelReason, EmitError, Ending, Grants, Image, Limit,
    Limits, LogStream, Loopback, Mount, ParamType, ParamValue, Resources, ResultDecl, SandboxError,
    SandboxErrorKind, Security, StepIo, StepName, StepSink, StepSpec, TaskName, TaskSpec, Volume,
};
use stepwell_sandbox_wasm::{Compile, WasmBackend, WasmOptions};
use tempfile::TempDir;

/// What no guest may ever print.
pub(crate) const SECRET: &str = "the secret";

/// What a virtual wall clock shows.
pub(crate) const EPOCH: u64 = 1_700_000_000;

/// Longer than any step takes: what is still running then hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much of each output is kept.
const KEPT_BYTES: usize = 1 << 20;

/// One backend for all tests, so that each guest is compiled and loaded once.
pub(crate) static BACKEND: LazyLock<WasmBackend> = LazyLock::new(|| {
    let artifacts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/guest-cache");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(artifacts)
        .unwrap();
    WasmBackend::new(WasmOptions {
        artifacts: artifacts.into(),
        compile: Compile::InProcess,
        pool: true,
    })
    .unwrap()
});

/// A temporary folder with the folders that a step sees (`ws` and `other` to write, `ro` to look at, `results`), and
/// `outside`, where the secret is.
pub(crate) struct World {
    root: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["ws", "other", "ro", "results", "outside"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let world = Self { root };
        world.file("outside/secret", SECRET);
        world
    }

    /// Where something is on the host.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    pub(crate) fn file(&self, relative: &str, text: &str) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn folder(&self, relative: &str) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// A symbolic link that the user's tree has, whatever it says.
    pub(crate) fn link(&self, target: impl AsRef<Path>, relative: &str) {
        symlink(target, self.path(relative)).unwrap();
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Every path below a folder with what the files say, to see that nothing has changed.
    pub(crate) fn tree(&self, relative: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        let mut left = vec![self.path(relative)];
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = path.symlink_metadata().unwrap();
                let content = if metadata.is_file() {
                    fs::read(&path).unwrap()
                } else {
                    Vec::new()
                };
                if metadata.is_dir() {
                    left.push(path.clone());
                }
                tree.insert(path, content);
            }
        }
        tree
    }

    /// A step that runs a guest.
    pub(crate) fn step(&self, guest: &Path, args: &[&str]) -> Step {
        self.step_of(fs::read(guest).unwrap(), args)
    }

    /// A step that runs a module or a component, binary or text.
    pub(crate) fn step_of(&self, code: impl Into<Vec<u8>>, args: &[&str]) -> Step {
        let argv = ["guest"].iter().chain(args).map(|arg| (*arg).to_owned());
        let mut step = Step {
            volumes: Vec::new(),
            spec: StepSpec {
                name: StepName::new("attack"),
                image: Image::component("guest.wasm", code),
                argv: argv.collect(),
                env: Vec::new(),
                working_dir: "/ws".into(),
                mounts: Vec::new(),
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
            },
            cancel: (PATIENCE, CancelReason::TimedOut(PATIENCE)),
            loopback: None,
        };
        for (folder, path, access) in [
            ("ws", "/ws", Access::ReadWrite),
            ("other", "/other", Access::ReadWrite),
            ("ro", "/ro", Access::ReadOnly),
            ("results", "/tekton/results", Access::ReadWrite),
        ] {
            step = step.mount(&self.path(folder), path, access);
        }
        step
    }

    /// What a guest says that ends well.
    #[track_caller]
    pub(crate) fn tell(&self, guest: &Path, args: &[&str]) -> String {
        self.step(guest, args).run().told()
    }
}

/// A step that has not run yet.
pub(crate) struct Step {
    volumes: Vec<Volume>,
    spec: StepSpec,
    cancel: (Duration, CancelReason),
    loopback: Option<Arc<dyn Loopback>>,
}

impl Step {
    /// Says who has the network of its task.
    pub(crate) fn beside(mut self, loopback: Arc<dyn Loopback>) -> Self {
        self.loopback = Some(loopback);
        self
    }

    pub(crate) fn mount(mut self, host: &Path, path: &str, access: Access) -> Self {
        self.volumes.push(Volume {
            name: path.into(),
            dir: Arc::new(Dir::open_ambient_dir(host, ambient_authority()).unwrap()),
            path: host.to_owned(),
        });
        self.spec.mounts.push(Mount {
            volume: path.into(),
            path: path.into(),
            access,
        });
        self
    }

    pub(crate) fn limit(mut self, setting: &str) -> Self {
        self.spec.limits.apply(setting).unwrap();
        self
    }

    pub(crate) fn grant(mut self, setting: &str) -> Self {
        self.spec.grants.apply(setting).unwrap();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.spec.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn seed(mut self, seed: u8) -> Self {
        self.spec.ambient.seed = [seed; 32];
        self
    }

    pub(crate) fn epoch(mut self, seconds: u64) -> Self {
        self.spec.ambient.epoch_seconds = seconds;
        self
    }

    pub(crate) fn working_dir(mut self, path: &str) -> Self {
        self.spec.working_dir = path.into();
        self
    }

    pub(crate) fn attempt(mut self, attempt: u32) -> Self {
        self.spec.attempt = attempt;
        self
    }

    pub(crate) fn workspace(mut self, name: &str, path: &str) -> Self {
        self.spec.workspaces.insert(name.to_owned(), path.into());
        self
    }

    pub(crate) fn param(mut self, name: &str, value: impl Into<ParamValue>) -> Self {
        self.spec.params.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn result(mut self, name: &str, result_type: ParamType) -> Self {
        self.spec.results.push(ResultDecl {
            name: name.into(),
            result_type,
            properties: Vec::new(),
        });
        self
    }

    /// Is told to stop after a while.
    pub(crate) fn stop_after(mut self, delay: Duration, reason: CancelReason) -> Self {
        self.cancel = (delay, reason);
        self
    }

    /// What a backend says before anything runs.
    pub(crate) fn admit(&self, backend: &WasmBackend) -> Result<(), SandboxError> {
        backend.admit(&self.spec.image, &self.spec.grants, &self.spec.limits)
    }

    /// What the refusal says, every cause and every import of it.
    #[track_caller]
    pub(crate) fn refusal(self) -> String {
        match self.admit(&BACKEND) {
            Ok(()) => panic!("admitted"),
            Err(error) => explain(&error),
        }
    }

    /// Runs the step to its end, in the backend of all tests.
    #[track_caller]
    pub(crate) fn run(self) -> End {
        self.run_in(&BACKEND)
    }

    /// Runs the step to its end.
    #[track_caller]
    pub(crate) fn run_in(self, backend: &WasmBackend) -> End {
        if let Err(error) = self.admit(backend) {
            panic!("refused: {}", explain(&error));
        }
        let task = TaskSpec {
            name: TaskName::new("attacks"),
            volumes: self.volumes,
            loopback: self.loopback,
        };
        let scope = backend.open_task(&task).unwrap();
        let ear = Arc::new(Ear {
            declared: self.spec.results.clone(),
            result_bytes: self.spec.limits.get(Limit::Result),
            heard: Mutex::default(),
        });
        let sandbox = scope.prepare(self.spec).unwrap();
        let cancel = Cancel::new();
        let io = StepIo {
            sink: Arc::<Ear>::clone(&ear),
            cancel: cancel.clone(),
        };
        let (delay, reason) = self.cancel;
        let (done, ended) = channel::<()>();
        let start = Instant::now();
        let ending = std::thread::scope(|threads| {
            threads.spawn(move || {
                if ended.recv_timeout(delay) == Err(RecvTimeoutError::Timeout) {
                    cancel.cancel(reason);
                }
            });
            let ending = sandbox.run(io);
            drop(done);
            ending
        });
        let took = start.elapsed();
        scope.close().unwrap();
        let heard = std::mem::take(&mut *ear.heard.lock().unwrap());
        End {
            ending: ending.unwrap(),
            stdout: String::from_utf8_lossy(&heard.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&heard.stderr).into_owned(),
            bytes: heard.bytes,
            results: heard.results,
            progress: heard.progress,
            took,
        }
    }
}

/// How a step ended, and what it said.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) ending: Ending,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// How much it printed in all, kept or not.
    pub(crate) bytes: u64,
    pub(crate) results: BTreeMap<String, ParamValue>,
    /// How often it reported progress.
    pub(crate) progress: u64,
    pub(crate) took: Duration,
}

impl End {
    /// What it said, if it ended well.
    #[track_caller]
    pub(crate) fn told(&self) -> String {
        assert!(self.ending.is_success(), "{self:#?}");
        self.stdout.trim_end().to_owned()
    }

    /// The limit that ended it, with the value that was in force.
    #[track_caller]
    pub(crate) fn limit(&self) -> (Limit, u64) {
        match self.ending {
            Ending::LimitReached { limit, value, .. } => (limit, value),
            _ => panic!("no limit ended it: {self:#?}"),
        }
    }

    /// Why it trapped, its last words, and the functions that it was in.
    #[track_caller]
    pub(crate) fn trap(&self) -> (&str, Option<&str>, Vec<&str>) {
        let Ending::Trapped {
            reason,
            message,
            backtrace,
        } = &self.ending
        else {
            panic!("it did not trap: {self:#?}");
        };
        let functions = backtrace.iter().map(|frame| frame.function.as_str());
        (reason, message.as_deref(), functions.collect())
    }
}

/// An error with every cause, and everything that it refuses.
pub(crate) fn explain(error: &SandboxError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if let SandboxErrorKind::Refused(refusals) = &error.kind {
        for refusal in refusals {
            let grant = refusal.grant.as_deref().unwrap_or("no grant");
            text.push_str(&format!(
                "\n{}: {}: {grant}",
                refusal.import, refusal.capability
            ));
        }
    }
    text
}

/// Hears everything, keeps the beginning, counts the rest.
struct Ear {
    declared: Vec<ResultDecl>,
    result_bytes: u64,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    bytes: u64,
    results: BTreeMap<String, ParamValue>,
    progress: u64,
}

impl StepSink for Ear {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let mut heard = self.heard.lock().unwrap();
        heard.bytes += bytes.len() as u64;
        let kept = match stream {
            LogStream::Stdout => &mut heard.stdout,
            LogStream::Stderr => &mut heard.stderr,
        };
        let room = KEPT_BYTES.saturating_sub(kept.len());
        kept.extend(&bytes[..room.min(bytes.len())]);
    }

    fn emit(&self, name: &str, value: ParamValue) -> Result<(), EmitError> {
        let name = name.to_owned();
        let declared = self.declared.iter().find(|decl| *decl.name == *name);
        let declared = declared
            .ok_or(EmitError::Undeclared(name.clone()))?
            .result_type;
        let given = value.param_type();
        if given != declared {
            return Err(EmitError::WrongType {
                name,
                declared,
                given,
            });
        }
        if let ParamValue::String(text) = &value
            && text.len() as u64 > self.result_bytes
        {
            let (size, limit) = (text.len() as u64, self.result_bytes);
            return Err(EmitError::TooLarge { name, size, limit });
        }
        self.heard.lock().unwrap().results.insert(name, value);
        Ok(())
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _message: &str) {
        self.heard.lock().unwrap().progress += 1;
    }
}
