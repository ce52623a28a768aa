//! Runs a Task in a temporary folder and keeps what its events say.
//!
//! All stories share one cache of compiled components, so that each program is compiled once and not once for each story.
//! Another build of `stepwell` starts with an empty one: what it compiles is part of what is tested.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The top of the checkout.
pub(crate) fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A temporary folder for the workspaces of a story.
pub(crate) struct Stage {
    temp: tempfile::TempDir,
    /// What commands find in their environment, beside what every one finds there.
    environment: Vec<(&'static str, String)>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            temp: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        }
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// Puts a folder before all others that programs are looked for in.
    pub(crate) fn prepend_path(&mut self, folder: &Path) {
        for (name, value) in &mut self.environment {
            if *name == "PATH" {
                *value = format!("{}:{value}", folder.display());
            }
        }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// A new, empty folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        path
    }

    /// Runs a document of this folder with what follows on the command line.
    pub(crate) fn run(&self, document: &str, args: &[&str]) -> Told {
        self.run_at(&checkout().join("tests/scenarios").join(document), args)
    }

    /// Runs a document that lies anywhere. Relative paths in `args` start at the stage's folder.
    pub(crate) fn run_at(&self, document: &Path, args: &[&str]) -> Told {
        require_guests(document);
        let document = document.to_str().unwrap();
        let words = [&["run", "--no-cache", "--output=json", document], args].concat();
        Told::new(self.stepwell(&words))
    }

    /// Calls `stepwell` in the stage's folder, which is also where it keeps what outlives a run.
    pub(crate) fn stepwell(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// How `stepwell` is called.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
        command
            .args(args)
            .env_clear()
            .env("STEPWELL_CACHE", cache())
            .env("STEPWELL_STATE", self.temp.path().join("state"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.temp.path())
            .stdin(Stdio::null());
        command
    }
}

/// Where this build of `stepwell` keeps compiled components; those of other builds are removed.
fn cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let caches = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scenarios");
        let binary = fs::read(env!("CARGO_BIN_EXE_stepwell")).unwrap();
        let cache = caches.join(&*blake3::hash(&binary).to_hex());
        fs::create_dir_all(&caches).unwrap();
        for entry in fs::read_dir(&caches).unwrap() {
            let other = entry.unwrap().path();
            if other != cache {
                // Another test process may be at it, too.
                let _ = fs::remove_dir_all(other);
            }
        }
        cache
    })
}

/// Says what to do when a guest that a document names was not built.
fn require_guests(document: &Path) {
    // What is no text is a plugin, and lies where it was built.
    let text = fs::read_to_string(document).unwrap_or_default();
    for line in text.lines() {
        if let Some((_, image)) = line.split_once("image: ../../target/guests/") {
            stepwell_guest_artifacts::by_name(image.strip_suffix(".wasm").unwrap());
        }
    }
}

/// What a run told.
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) events: Vec<Value>,
    pub(crate) stderr: String,
}

/// The events as they were printed: what a test that fails has to show.
impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit code {:?}", self.code)?;
        for event in &self.events {
            writeln!(f, "{event}")?;
        }
        f.write_str(&self.stderr)
    }
}

impl Told {
    pub(crate) fn new(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        Self {
            code: output.status.code(),
            events: stdout
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same, once it is certain that the run succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.last()["succeeded"], true, "{self:?}");
        self
    }

    /// The `run-end`.
    pub(crate) fn last(&self) -> &Value {
        let last = self.events.last().unwrap();
        assert_eq!(last["type"], "run-end", "{self:?}");
        last
    }

    /// The value of a result.
    #[track_caller]
    pub(crate) fn result(&self, name: &str) -> &Value {
        let found = self
            .of_type("result")
            .find(|event| event["name"] == name)
            .unwrap_or_else(|| panic!("there is no result `{name}`: {self:?}"));
        &found["value"]
    }

    /// What a step printed to standard output.
    pub(crate) fn stdout(&self, step: &str) -> Vec<&str> {
        self.log(step, "stdout")
    }

    /// What a step printed to standard error.
    pub(crate) fn stderr(&self, step: &str) -> Vec<&str> {
        self.log(step, "stderr")
    }

    /// The `step-end` of a step.
    #[track_caller]
    pub(crate) fn end(&self, step: &str) -> &Value {
        self.of_type("step-end")
            .find(|event| event["step"] == step)
            .unwrap_or_else(|| panic!("the step `{step}` did not end: {self:?}"))
    }

    /// The events without what differs between two runs of the same: moments, durations, the run's name.
    pub(crate) fn lasting(&self) -> Vec<Value> {
        let mut events = self.events.clone();
        for event in &mut events {
            let fields = event.as_object_mut().unwrap();
            // A result has a name as well, which is the same each time.
            let name = (fields["type"] == "task-start").then_some("name");
            for field in ["at", "run", "durationMs"].into_iter().chain(name) {
                fields.shift_remove(field);
            }
        }
        events
    }

    /// The events of one type.
    pub(crate) fn of_type(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.events
            .iter()
            .filter(move |event| event["type"] == name)
    }

    fn log(&self, step: &str, stream: &str) -> Vec<&str> {
        self.of_type("step-log")
            .filter(|event| event["step"] == step && event["stream"] == stream)
            .map(|event| event["line"].as_str().unwrap())
            .collect()
    }
}
