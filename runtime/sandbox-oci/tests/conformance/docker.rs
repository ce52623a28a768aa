//! Containers of Docker's and of Podman's do what is demanded of every backend. Needs what `tests/docker` needs, and says where it is missing.
//!
//! A group of cases is one test: each test may be a process of its own, and a daemon takes longer to start than a case.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod busybox;
#[path = "../docker/daemon.rs"]
mod daemon;
mod script;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use busybox::Busybox;
use daemon::Daemon;
use libtest_mimic::{Arguments, Failed, Trial};
use stepwell_conformance::{Action, CASES, Case, Harness, Program, check_page};
use stepwell_contract::{Backend, Feature, Grants, Image};
use stepwell_sandbox_oci::docker::{DockerBackend, DockerOptions};

/// One daemon, and one backend.
struct Containers {
    daemon: Daemon,
    owners: tempfile::TempDir,
    image: Image,
    backend: Arc<DockerBackend>,
}

impl Containers {
    fn new(daemon: Daemon) -> Self {
        let layer = Busybox::new();
        let image = layer.image();
        let owners = tempfile::tempdir().unwrap();
        let options = DockerOptions::new(
            (daemon.endpoint(), "conformance".to_owned()),
            Arc::new(layer),
            owners.path().to_owned(),
            owners.path().to_owned(),
        );
        let backend = Arc::new(DockerBackend::connect(options).unwrap());
        Self {
            daemon,
            owners,
            image,
            backend,
        }
    }
}

impl Harness for Containers {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::<DockerBackend>::clone(&self.backend)
    }

    fn features(&self) -> &'static [Feature] {
        &[
            Feature::Shell,
            Feature::Connection,
            Feature::Extract,
            Feature::Archive,
        ]
    }

    fn program(&self, actions: &[Action]) -> Program {
        Program {
            image: self.image.clone(),
            argv: script::argv(actions),
            grants: Grants::default(),
        }
    }

    fn typed(&self, actions: &[Action]) -> String {
        script::typed(actions)
    }

    fn folders(&self) -> Vec<PathBuf> {
        vec![self.owners.path().to_owned()]
    }

    fn remains(&self) -> Vec<String> {
        self.daemon.remains()
    }

    fn flood(&self) -> u64 {
        // Each byte passes through two pipes and two sockets of the daemon's.
        64 << 20
    }
}

/// What the names of a group of cases begin with.
fn group(case: &Case) -> &'static str {
    case.name.split('_').next().unwrap_or_default()
}

/// Plays every case of a group, with one daemon for all of them.
fn play(name: &str, daemon: fn() -> Daemon) -> Result<(), Failed> {
    let harness = Containers::new(daemon());
    let mut failed = Vec::new();
    for case in CASES.iter().filter(|case| group(case) == name) {
        if catch_unwind(AssertUnwindSafe(|| case.check(&harness))).is_err() {
            failed.push(case.name);
        }
    }
    check_page(&harness);
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("{} cases failed: {}", failed.len(), failed.join(", ")).into()),
    }
}

/// One trial for each group of cases, where the daemon's programs are installed.
fn trials(
    of: &'static str,
    programs: &[(&str, &'static str)],
    start: fn() -> Daemon,
) -> Vec<Trial> {
    if daemon::missing_of(programs).is_some() {
        return Vec::new();
    }
    let groups: BTreeSet<_> = CASES.iter().map(group).collect();
    let trial = |name: &'static str| Trial::test(format!("{of}_{name}"), move || play(name, start));
    groups.into_iter().map(trial).collect()
}

fn main() {
    let mut all = trials("docker", daemon::DOCKER, || Daemon::start(&[]));
    all.extend(trials("podman", daemon::PODMAN, Daemon::podman));
    libtest_mimic::run(&Arguments::from_args(), all).exit();
}
