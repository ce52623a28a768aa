//! Containers do what is demanded of every backend. Needs what `tests/container` needs, and says where it is missing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod busybox;
mod script;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use busybox::{BUSYBOX, Busybox};
use libtest_mimic::Arguments;
use stepwell_conformance::{Action, Harness, Program, trials};
use stepwell_contract::{Backend, Feature, Grants, Image};
use stepwell_sandbox_oci::{InitProgram, OciBackend, OciOptions};

/// One backend for all cases.
struct Stage {
    scratch: PathBuf,
    image: Image,
    backend: Arc<OciBackend>,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let scratch = folder.join(format!("conformance-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    let layer = Busybox::new();
    let image = layer.image();
    let init = InitProgram {
        program: env!("CARGO_BIN_EXE_container-init").into(),
        args: Vec::new(),
    };
    let options = OciOptions::new(
        folder.join("layers"),
        scratch.clone(),
        Arc::new(layer),
        init,
    );
    Stage {
        scratch,
        image,
        backend: Arc::new(OciBackend::new(options).unwrap()),
    }
});

/// Containers: a shell script, which is told what to do by its arguments.
struct Containers;

impl Harness for Containers {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::<OciBackend>::clone(&STAGE.backend)
    }

    fn features(&self) -> &'static [Feature] {
        &[
            Feature::Shell,
            Feature::Proxy,
            Feature::Connection,
            Feature::Extract,
            Feature::Archive,
        ]
    }

    fn program(&self, actions: &[Action]) -> Program {
        Program {
            image: STAGE.image.clone(),
            argv: script::argv(actions),
            grants: Grants::default(),
        }
    }

    fn typed(&self, actions: &[Action]) -> String {
        script::typed(actions)
    }

    fn folders(&self) -> Vec<PathBuf> {
        vec![STAGE.scratch.clone()]
    }
}

fn main() {
    let missing = if !rustix::process::geteuid().is_root() {
        Some("root")
    } else if !Path::new(BUSYBOX).exists() {
        Some("Debian's `busybox-static`")
    } else {
        None
    };
    let required = std::env::vars_os().any(|(name, _)| name == "STEPWELL_REQUIRE_CONTAINERS");
    let arguments = Arguments::from_args();
    let trials = match missing {
        None => trials(&Containers),
        Some(missing) => {
            assert!(!required, "containers need {missing}");
            Vec::new()
        }
    };
    let conclusion = libtest_mimic::run(&arguments, trials);
    if missing.is_none() && !arguments.list {
        // Empty, or a case has said so.
        let _ = std::fs::remove_dir(&STAGE.scratch);
    }
    conclusion.exit();
}
