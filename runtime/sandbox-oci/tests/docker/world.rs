//! A daemon, a backend for it, and steps that run there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{
    Access, Ambient, Backend as _, Cancel, EmitError, Ending, Grants, Image, Limits, LogStream,
    Mount, ParamValue, Resources, Sandbox, SandboxError, Security, StepIo, StepName, StepSink,
    StepSpec, TaskName, TaskScope, TaskSpec, Volume,
};
use stepwell_sandbox_oci::docker::{DockerBackend, DockerOptions, Endpoint};

use crate::busybox::Busybox;
use crate::daemon::{Daemon, missing};

/// A daemon of its own, in which nothing may be left but images.
pub(crate) struct World {
    pub(crate) daemon: Daemon,
    pub(crate) temp: tempfile::TempDir,
    pub(crate) image: Image,
}

/// What a step left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) ending: Ending,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// One with further arguments for the daemon; `None` where there can be none.
    pub(crate) fn new(arguments: &[&str]) -> Option<Self> {
        if missing().is_some() {
            return None;
        }
        Some(Self {
            daemon: Daemon::start(arguments),
            temp: tempfile::tempdir().unwrap(),
            image: Busybox::new().image(),
        })
    }

    pub(crate) fn options(&self, endpoint: Endpoint) -> DockerOptions {
        options(self.temp.path(), endpoint)
    }

    pub(crate) fn backend(&self) -> DockerBackend {
        DockerBackend::connect(self.options(self.daemon.endpoint())).unwrap()
    }

    /// A folder of this machine's.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        folder(self.temp.path(), name)
    }

    /// A step that runs a shell script with these folders, each below the root and of its own name.
    pub(crate) fn step(&self, script: &str, folders: &[(&str, Access)]) -> StepSpec {
        step(&self.image, script, folders)
    }

    /// A task with these folders.
    pub(crate) fn task(&self, backend: &DockerBackend, folders: &[&str]) -> Box<dyn TaskScope> {
        task(self.temp.path(), backend, folders)
    }

    pub(crate) fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.temp.path().join(path)).ok()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let left = self.daemon.remains();
        let left: Vec<_> = left
            .iter()
            .filter(|one| one.starts_with("container") || one.starts_with("volume"))
            .collect();
        let images = self.daemon.get("/images/json?all=1");
        let nameless = |image: &&serde_json::Value| {
            let names = image["RepoTags"].as_array();
            names.is_none_or(|names| names.is_empty() || names[0] == "<none>:<none>")
        };
        let shells = images.as_array().unwrap().iter().find(nameless);
        assert!(shells.is_none(), "left in the daemon: {shells:?}");
        assert!(left.is_empty(), "left in the daemon: {left:?}");
        let scratch = Path::read_dir(&self.temp.path().join("scratch"));
        assert_eq!(
            scratch.map_or(0, Iterator::count),
            0,
            "left in the scratch folder"
        );
    }
}

/// What a backend is told whose folders are all in this one.
pub(crate) fn options(within: &Path, endpoint: Endpoint) -> DockerOptions {
    DockerOptions::new(
        (endpoint, "run".to_owned()),
        Arc::new(Busybox::new()),
        within.join("owners"),
        folder(within, "scratch"),
    )
}

fn folder(within: &Path, name: &str) -> PathBuf {
    let path = within.join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A task with these folders.
pub(crate) fn task(within: &Path, backend: &DockerBackend, folders: &[&str]) -> Box<dyn TaskScope> {
    let volumes = folders.iter().map(|name| {
        let path = folder(within, name);
        Volume {
            name: (*name).into(),
            dir: Arc::new(Dir::open_ambient_dir(&path, ambient_authority()).unwrap()),
            path,
        }
    });
    let task = TaskSpec {
        name: TaskName::new("task"),
        volumes: volumes.collect(),
        loopback: None,
    };
    backend.open_task(&task).unwrap()
}

/// A step that runs a shell script with these folders, each below the root and of its own name.
pub(crate) fn step(image: &Image, script: &str, folders: &[(&str, Access)]) -> StepSpec {
    let mounts = folders.iter().map(|(name, access)| Mount {
        volume: (*name).into(),
        path: format!("/{name}").into(),
        access: *access,
    });
    StepSpec {
        name: StepName::new("step"),
        image: image.clone(),
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        env: Vec::new(),
        working_dir: "/".into(),
        mounts: mounts.collect(),
        params: BTreeMap::new(),
        workspaces: BTreeMap::new(),
        results: Vec::new(),
        attempt: 0,
        limits: Limits::default(),
        resources: Resources::default(),
        security: Security::default(),
        grants: Grants::default(),
        ambient: Ambient {
            epoch_seconds: 0,
            seed: [0; 32],
        },
    }
}

/// Runs a step, which must be able to.
#[track_caller]
pub(crate) fn run(scope: &dyn TaskScope, step: StepSpec) -> Ran {
    try_run(scope, step).unwrap()
}

pub(crate) fn try_run(scope: &dyn TaskScope, step: StepSpec) -> Result<Ran, SandboxError> {
    run_until(scope.prepare(step)?, Cancel::new(), Arc::default())
}

/// Runs what was prepared, until it is asked to stop.
pub(crate) fn run_until(
    sandbox: Box<dyn Sandbox>,
    cancel: Cancel,
    sink: Arc<Collected>,
) -> Result<Ran, SandboxError> {
    let ending = sandbox.run(StepIo {
        sink: Arc::clone(&sink) as Arc<dyn StepSink>,
        cancel,
    })?;
    let text =
        |bytes: &Mutex<Vec<u8>>| String::from_utf8_lossy(&bytes.lock().unwrap()).into_owned();
    Ok(Ran {
        ending,
        stdout: text(&sink.stdout),
        stderr: text(&sink.stderr),
    })
}

/// Runs a step that has to end well, and gives what it printed.
#[track_caller]
pub(crate) fn said(scope: &dyn TaskScope, step: StepSpec) -> String {
    let ran = run(scope, step);
    assert_eq!(ran.ending, Ending::SUCCESS, "{ran:?}");
    ran.stdout
}

/// Keeps what a step prints, and tells of the first of it.
#[derive(Default)]
pub(crate) struct Collected {
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
    speaks: Mutex<Option<Sender<()>>>,
}

impl Collected {
    /// One whose first output is told of.
    pub(crate) fn telling() -> (Arc<Self>, Receiver<()>) {
        let (speaks, spoken) = channel();
        let collected = Self {
            speaks: Mutex::new(Some(speaks)),
            ..Self::default()
        };
        (Arc::new(collected), spoken)
    }
}

impl StepSink for Collected {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let kept = match stream {
            LogStream::Stdout => &self.stdout,
            LogStream::Stderr => &self.stderr,
        };
        kept.lock().unwrap().extend_from_slice(bytes);
        if let Some(speaks) = self.speaks.lock().unwrap().take() {
            let _ = speaks.send(());
        }
    }

    fn emit(&self, name: &str, _value: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _message: &str) {}
}

/// All that an error says, its causes behind it.
pub(crate) fn chain(error: &SandboxError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |&error| error.source());
    causes.fold(error.to_string(), |all, cause| format!("{all}: {cause}"))
}
