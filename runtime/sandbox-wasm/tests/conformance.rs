//! The Wasm backend does what is demanded of every backend.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::sync::{Arc, LazyLock};

use libtest_mimic::Arguments;
use stepwell_conformance::{Action, Harness, Program, trials};
use stepwell_contract::{Backend, Clock, Feature, Grants, Image};
use stepwell_guest_artifacts as guests;
use stepwell_sandbox_wasm::{Compile, WasmBackend, WasmOptions};

/// One backend for all cases, so that the one guest is compiled and loaded once.
static BACKEND: LazyLock<Arc<WasmBackend>> = LazyLock::new(|| {
    let artifacts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/guest-cache");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(artifacts)
        .unwrap();
    let options = WasmOptions {
        artifacts: artifacts.into(),
        compile: Compile::InProcess,
        pool: true,
    };
    Arc::new(WasmBackend::new(options).unwrap())
});

static GUEST: LazyLock<Image> = LazyLock::new(|| {
    let code = fs::read(guests::conformance_act()).unwrap();
    Image::component("conformance.wasm", code)
});

/// Components: the guest `conformance_act`, which is told what to do by its arguments.
struct Wasm;

impl Harness for Wasm {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::<WasmBackend>::clone(&BACKEND)
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Extract, Feature::Archive]
    }

    fn program(&self, actions: &[Action]) -> Program {
        let words = actions.iter().flat_map(Action::words);
        Program {
            image: GUEST.clone(),
            argv: ["conformance".to_owned()]
                .into_iter()
                .chain(words)
                .collect(),
            // With a virtual clock, waiting takes no time.
            grants: Grants {
                clock: Clock::Real,
                ..Grants::default()
            },
        }
    }
}

fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials(&Wasm)).exit();
}
