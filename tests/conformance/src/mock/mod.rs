//! A backend that has every power and isolates nothing: its programs are [`Action`]s, done in this process. It shows that
//! each case can be passed, and, told to break a rule, that each can fail.

mod display;
mod flaw;
mod obey;
mod place;
mod ports;
mod scope;
mod shell;
mod sight;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepwell_contract::{
    Backend, Cancel, CancelReason, Capability, Digest, Feature, Fingerprint, Grants, Image, Limits,
    SandboxError, TaskScope, TaskSpec, Volume,
};
use tempfile::TempDir;

pub use flaw::Flaw;

use crate::{Action, Harness, Program};
use scope::{Attached, Scope};

/// The backend's name.
const NAME: &str = "mock";

/// How long a case waits for a mock with a flaw.
const SHORT: Duration = Duration::from_millis(400);

/// What stands between the words of an action that is typed; no case has it in a word.
const BETWEEN: char = '\u{1f}';

/// What all of one mock share.
pub(crate) struct Shared {
    flaw: Option<Flaw>,
    features: &'static [Feature],
    /// Where it keeps what it needs for a task.
    folder: TempDir,
    /// Lets go what a flaw has made endless.
    release: Cancel,
    /// For flaws that remember.
    everybody: Cancel,
    remembered: Mutex<Remembered>,
    /// For flaws that do one thing at a time.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Remembered {
    env: Vec<(String, String)>,
    volumes: Vec<Volume>,
    proxies: Vec<Attached>,
    ports: BTreeMap<u16, u16>,
    output: Vec<u8>,
    children: Vec<Child>,
    names: Vec<String>,
}

impl Shared {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

/// The mock, ready to be checked.
pub struct MockHarness {
    shared: Arc<Shared>,
}

impl MockHarness {
    /// A mock that breaks no rule and has every power.
    pub fn new() -> Self {
        Self::build(None, &Feature::ALL)
    }

    /// A mock that breaks one rule.
    pub fn flawed(flaw: Flaw) -> Self {
        Self::build(Some(flaw), &Feature::ALL)
    }

    /// A mock without powers.
    pub fn powerless(flaw: Option<Flaw>) -> Self {
        Self::build(flaw, &[])
    }

    fn build(flaw: Option<Flaw>, features: &'static [Feature]) -> Self {
        Self {
            shared: Arc::new(Shared {
                flaw,
                features,
                folder: tempfile::tempdir().expect("a temporary folder"),
                release: Cancel::new(),
                everybody: Cancel::new(),
                remembered: Mutex::default(),
                turn: Mutex::default(),
            }),
        }
    }
}

impl Default for MockHarness {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MockHarness {
    fn drop(&mut self) {
        self.shared.release.cancel(CancelReason::Asked);
        for child in &mut self.shared.remembered.lock().unwrap().children {
            // What a flaw has left goes with it; it may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Harness for MockHarness {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(MockBackend(Arc::clone(&self.shared)))
    }

    fn features(&self) -> &'static [Feature] {
        self.shared.features
    }

    fn program(&self, actions: &[Action]) -> Program {
        let words = actions.iter().flat_map(Action::words);
        Program {
            image: Image::component("mock", b"mock".as_slice()),
            argv: ["mock".to_owned()].into_iter().chain(words).collect(),
            grants: Grants::default(),
        }
    }

    fn typed(&self, actions: &[Action]) -> String {
        let lines = actions
            .iter()
            .map(|action| action.words().join(&BETWEEN.to_string()) + "\n");
        lines.collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        vec![self.shared.folder.path().to_owned()]
    }

    fn remains(&self) -> Vec<String> {
        self.shared.remembered.lock().unwrap().names.clone()
    }

    fn patience(&self) -> Duration {
        match self.shared.flaw {
            Some(_) => SHORT,
            None => Duration::from_secs(120),
        }
    }

    fn flood(&self) -> u64 {
        match self.shared.flaw {
            Some(_) => 256 << 20,
            None if cfg!(debug_assertions) => 1 << 30,
            None => 10 << 30,
        }
    }
}

/// The backend itself.
struct MockBackend(Arc<Shared>);

impl Backend for MockBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[]
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Digest::of(b"mock"))
    }

    fn admit(&self, _: &Image, _: &Grants, _: &Limits) -> Result<(), SandboxError> {
        Ok(())
    }

    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        Ok(Box::new(Scope::open(Arc::clone(&self.0), task)?))
    }
}
