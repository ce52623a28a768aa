//! Containers do what is demanded of every backend. Needs what `tests/container` needs, and says where it is missing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use libtest_mimic::Arguments;
use stepwell_conformance::{Action, Harness, Program, trials};
use stepwell_contract::{Backend, ContainerImage, Feature, Grants, Image, Layer, Platform};
use stepwell_sandbox_oci::{InitProgram, Layers, OciBackend, OciOptions};

const BUSYBOX: &str = "/bin/busybox";

/// What a program runs as: each command is a link to busybox.
const COMMANDS: [&str; 14] = [
    "sh", "cat", "head", "ln", "ls", "mkdir", "nc", "printf", "rm", "sleep", "stty", "usleep",
    "wget", "yes",
];

/// Does what its arguments say.
const SCRIPT: &str = include_str!("act.sh");

/// The one layer.
struct Busybox(Vec<u8>);

impl Layers for Busybox {
    fn open(&self, _layer: &Layer) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

fn busybox() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let program = std::fs::read(BUSYBOX).unwrap();
    let header = |kind: tar::EntryType, size: usize| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000);
        header.set_size(size as u64);
        header
    };
    let mut file = header(tar::EntryType::Regular, program.len());
    archive
        .append_data(&mut file, "bin/busybox", &program[..])
        .unwrap();
    for command in COMMANDS {
        let mut link = header(tar::EntryType::Symlink, 0);
        archive
            .append_link(&mut link, format!("bin/{command}"), "busybox")
            .unwrap();
    }
    archive.into_inner().unwrap()
}

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
    let layer = busybox();
    let digest = stepwell_contract::Digest::of(&layer).to_string();
    let digits: String = digest
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(32)
        .collect();
    let container = ContainerImage {
        manifest: format!("sha256:{digits}"),
        platform: Platform::host(),
        entrypoint: Vec::new(),
        cmd: Vec::new(),
        env: Vec::new(),
        working_dir: None,
        user: None,
        stop_signal: None,
        layers: vec![Layer {
            digest: format!("sha256:{digits}"),
            diff_id: format!("sha256:{digits}"),
            media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
            size: layer.len() as u64,
        }],
    };
    let init = InitProgram {
        program: env!("CARGO_BIN_EXE_container-init").into(),
        args: Vec::new(),
    };
    let options = OciOptions::new(
        folder.join("layers"),
        scratch.clone(),
        Arc::new(Busybox(layer)),
        init,
    );
    Stage {
        scratch,
        image: Image::container("busybox", container),
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
            Feature::Connection,
            Feature::Shell,
            Feature::Extract,
            Feature::Archive,
        ]
    }

    fn program(&self, actions: &[Action]) -> Program {
        let script = ["sh", "-c", SCRIPT, "act"];
        let words = actions.iter().flat_map(Action::words);
        Program {
            image: STAGE.image.clone(),
            argv: script.into_iter().map(str::to_owned).chain(words).collect(),
            grants: Grants::default(),
        }
    }

    fn typed(&self, actions: &[Action]) -> String {
        let words = actions.iter().flat_map(Action::words);
        let quoted: Vec<_> = words
            .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
            .collect();
        format!("act() {{\n{SCRIPT}}}\nact {}\n", quoted.join(" "))
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
