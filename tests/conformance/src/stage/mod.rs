//! Where a case is played: folders on the host, steps that see some of them, and a secret beside them that none may see.

mod ear;
mod story;
mod task;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{
    Access, Ambient, Backend, Limits, Mount, Resources, Security, StepName, StepSpec, TaskName,
    TaskSpec, Volume,
};
use tempfile::TempDir;

pub use ear::Ear;
pub use story::{Story, Told};
pub use task::{End, Running, Task, causes};

use crate::{Action, Harness};

/// What no step may ever print, and nobody who extracts may be given.
pub const SECRET: &str = "the secret of the host";

/// The world of one case.
pub struct Stage<'h> {
    /// The backend under test.
    pub harness: &'h dyn Harness,
    /// The same, ready.
    pub backend: Arc<dyn Backend>,
    root: TempDir,
}

impl<'h> Stage<'h> {
    /// An empty world with a secret in it.
    pub fn new(harness: &'h dyn Harness) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let stage = Self {
            harness,
            backend: harness.backend(),
            root,
        };
        stage.file("outside/secret", SECRET);
        stage
    }

    /// Where something is on the host.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    /// Where something is on the host, as a text that a step can be told.
    pub fn path_text(&self, relative: &str) -> String {
        let path = self.path(relative);
        path.to_str().expect("a path of text").to_owned()
    }

    /// Makes a folder.
    pub fn folder(&self, relative: &str) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(&path).expect("a folder");
        path
    }

    /// Makes a file, and the folders it is in.
    pub fn file(&self, relative: &str, text: &str) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// Makes a symbolic link that says `target`, whatever that is.
    pub fn link(&self, target: impl AsRef<Path>, relative: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        symlink(target, path).expect("a link");
    }

    /// What a file says; nothing where there is none.
    pub fn read(&self, relative: &str) -> Option<String> {
        fs::read_to_string(self.path(relative)).ok()
    }

    /// The names in a folder, sorted.
    pub fn names(&self, relative: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(relative)).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                let name = entry.expect("an entry").file_name();
                name.into_string().expect("a name of text")
            })
            .collect();
        names.sort();
        names
    }

    /// A step that sees nothing yet.
    pub fn step(&self, actions: &[Action]) -> Step {
        let program = self.harness.program(actions);
        Step {
            spec: StepSpec {
                name: StepName::new("case"),
                image: program.image,
                argv: program.argv,
                env: Vec::new(),
                working_dir: "/".into(),
                mounts: Vec::new(),
                params: BTreeMap::new(),
                workspaces: BTreeMap::new(),
                results: Vec::new(),
                attempt: 0,
                limits: Limits::default(),
                resources: Resources::default(),
                security: Security::default(),
                grants: program.grants,
                ambient: Ambient {
                    epoch_seconds: 0,
                    seed: [7; 32],
                },
            },
        }
    }

    /// A step that sees the folder `ws` at `/ws`, and may change it.
    pub fn work(&self, actions: &[Action]) -> Step {
        self.step(actions).mount("ws", "/ws", Access::ReadWrite)
    }

    /// Opens a task whose volumes are these folders.
    pub fn task(&self, folders: &[&str]) -> Task {
        let volumes = folders.iter().map(|folder| {
            let path = self.folder(folder);
            Volume {
                name: (*folder).into(),
                dir: Arc::new(
                    Dir::open_ambient_dir(&path, ambient_authority()).expect("an open folder"),
                ),
                path,
            }
        });
        let spec = TaskSpec {
            name: TaskName::new("cases"),
            volumes: volumes.collect(),
            loopback: None,
        };
        Task::open(&self.backend, &spec, self.harness.patience())
    }

    /// Runs one step in a task of its own, whose volumes are what the step mounts.
    pub fn run(&self, step: Step) -> End {
        let mut folders: Vec<&str> = step
            .spec
            .mounts
            .iter()
            .map(|mount| &*mount.volume)
            .collect();
        folders.sort_unstable();
        folders.dedup();
        let task = self.task(&folders);
        let end = task.run(step.clone());
        task.close();
        end
    }

    /// Runs a step that sees the folder `ws` at `/ws`.
    pub fn play(&self, actions: &[Action]) -> End {
        self.run(self.work(actions))
    }
}

/// A step in the making.
#[derive(Clone)]
pub struct Step {
    /// What the backend is given.
    pub spec: StepSpec,
}

impl Step {
    /// Shows it a folder of the task's; the first one is where it starts.
    pub fn mount(mut self, folder: &str, path: &str, access: Access) -> Self {
        if self.spec.mounts.is_empty() {
            self.spec.working_dir = path.into();
        }
        self.spec.mounts.push(Mount {
            volume: folder.into(),
            path: path.into(),
            access,
        });
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.spec.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives it a name.
    pub fn named(mut self, name: &str) -> Self {
        self.spec.name = StepName::new(name);
        self
    }
}
