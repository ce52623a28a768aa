//! Builds or installs what the rows run: Stepwell, its peers, and the programs that both run.

use std::{
    cell::OnceCell,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use super::boxes::Containers;
use crate::{
    command::{self, say},
    guests::{self, Toolchain},
    repo,
};

/// A peer, or why it is not there.
pub(super) type Peer = std::result::Result<PathBuf, String>;

/// Everything that the rows run: what several of them need is made when the first of them asks for it.
pub(super) struct Tools {
    pub(super) stepwell: PathBuf,
    pub(super) wasmtime_version: String,
    /// The `wasmtime` of the command line.
    given: Option<PathBuf>,
    wasm: OnceCell<Wasm>,
    containers: OnceCell<Containers>,
}

/// What the rows of WebAssembly run.
pub(super) struct Wasm {
    pub(super) wasmtime: Peer,
    /// The static native program of row 2.
    pub(super) native: Peer,
    /// Starts it many times.
    pub(super) spawn: PathBuf,
    pub(super) hello: Program,
    pub(super) walk: Program,
    pub(super) copy: Program,
    /// A guest that sleeps for as long as it is told.
    pub(super) sleep: PathBuf,
}

/// One guest, in all the forms that a row needs.
pub(super) struct Program {
    pub(super) component: PathBuf,
    /// The component, compiled by `wasmtime compile`; absent without it.
    pub(super) compiled: PathBuf,
    /// The core module it was made of, compiled the same way.
    pub(super) compiled_module: PathBuf,
}

impl Tools {
    /// Finds or builds Stepwell.
    ///
    /// # Errors
    ///
    /// When it does not build.
    pub(super) fn prepare(stepwell: Option<&Path>, wasmtime: Option<&Path>) -> Result<Tools> {
        let folder = folder();
        fs::create_dir_all(&folder)
            .with_context(|| format!("failed to create `{}`", folder.display()))?;
        Ok(Tools {
            stepwell: match stepwell {
                Some(program) => program.to_owned(),
                None => build_stepwell()?,
            },
            wasmtime_version: engine_version()?,
            given: wasmtime.map(Path::to_owned),
            wasm: OnceCell::new(),
            containers: OnceCell::new(),
        })
    }

    /// What the rows of WebAssembly run.
    ///
    /// # Errors
    ///
    /// When something of ours does not build. A peer that cannot be had is only noted.
    pub(super) fn wasm(&self) -> Result<&Wasm> {
        if let Some(wasm) = self.wasm.get() {
            return Ok(wasm);
        }
        let wasm = Wasm::prepare(self.given.as_deref(), &self.wasmtime_version)?;
        Ok(self.wasm.get_or_init(|| wasm))
    }

    /// What the rows of containers run.
    ///
    /// # Errors
    ///
    /// When something of ours cannot be written. A peer that cannot be had is only noted.
    pub(super) fn containers(&self) -> Result<&Containers> {
        if let Some(containers) = self.containers.get() {
            return Ok(containers);
        }
        let containers = Containers::prepare()?;
        Ok(self.containers.get_or_init(|| containers))
    }
}

impl Wasm {
    fn prepare(wasmtime: Option<&Path>, version: &str) -> Result<Self> {
        let wasmtime = match wasmtime {
            Some(program) => Ok(program.to_owned()),
            None => install_wasmtime(version).map_err(|error| format!("{error:#}")),
        };
        let own = build_own()?;
        let modules = build_guests()?;
        let program = |name: &str| {
            Program::prepare(
                &modules.join(name),
                &own.join("wrap"),
                wasmtime.as_ref().ok(),
            )
        };
        Ok(Self {
            hello: program("bench_hello.wasm")?,
            walk: program("bench_walk.wasm")?,
            copy: program("bench_copy.wasm")?,
            sleep: modules.join("limit_sleep.wasm"),
            native: build_native().map_err(|error| format!("{error:#}")),
            spawn: own.join("spawn"),
            wasmtime,
        })
    }
}

impl Program {
    fn prepare(module: &Path, wrap: &Path, wasmtime: Option<&PathBuf>) -> Result<Program> {
        let stem = module.file_stem().unwrap_or_default().to_string_lossy();
        let program = Program {
            component: folder().join(format!("{stem}.component.wasm")),
            compiled: folder().join(format!("{stem}.component.cwasm")),
            compiled_module: folder().join(format!("{stem}.module.cwasm")),
        };
        command::run(Command::new(wrap).arg(module).arg(&program.component))?;
        if let Some(wasmtime) = wasmtime {
            for (from, to) in [
                (program.component.as_path(), &program.compiled),
                (module, &program.compiled_module),
            ] {
                command::run(
                    Command::new(wasmtime)
                        .arg("compile")
                        .arg("-o")
                        .arg(to)
                        .arg(from),
                )?;
            }
        }
        Ok(program)
    }
}

/// Where the benchmark keeps its things.
pub(super) fn folder() -> PathBuf {
    repo::root().join("target/bench")
}

/// The version of wasmtime that the workspace is locked to.
fn engine_version() -> Result<String> {
    let metadata = MetadataCommand::new()
        .manifest_path(repo::root().join("Cargo.toml"))
        .exec()
        .context("failed to read the workspace's crates")?;
    let engine = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "wasmtime");
    Ok(engine
        .context("the workspace does not use wasmtime")?
        .version
        .to_string())
}

fn install_wasmtime(version: &str) -> Result<PathBuf> {
    let root = repo::root().join("target/bench-tools");
    let program = root.join("bin/wasmtime");
    let is_there = command::capture(Command::new(&program).arg("--version"))
        .is_ok_and(|said| said.split_whitespace().nth(1) == Some(version));
    if is_there {
        return Ok(program);
    }
    say(&format!(
        "installing wasmtime-cli {version} from crates.io into target/bench-tools (some minutes)"
    ));
    let mut cargo = guests::clean("cargo");
    cargo
        .args(["install", "--quiet", "--locked", "--force", "--root"])
        .arg(&root)
        .arg("--target-dir")
        .arg(root.join("build"))
        .arg(format!("wasmtime-cli@={version}"));
    command::run(&mut cargo)?;
    Ok(program)
}

fn build_stepwell() -> Result<PathBuf> {
    say("building stepwell, release profile (some minutes)");
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(repo::root())
        .args(["build", "--release"])
        // Both in one go: built apart, they would want the engine with different features, twice.
        .args(["--package", "stepwell-cli", "--bin", "stepwell"])
        .args([
            "--package",
            "stepwell-sandbox-wasm",
            "--example",
            "waiting_sandboxes",
        ]);
    command::run(&mut cargo)?;
    Ok(repo::target()?.join("release/stepwell"))
}

/// The benchmark's own small tools.
fn build_own() -> Result<PathBuf> {
    let target = repo::root().join("target/bench-build");
    let mut cargo = guests::clean("cargo");
    cargo
        .args([
            "build",
            "--quiet",
            "--release",
            "--manifest-path",
            "tests/bench/Cargo.toml",
            "--target-dir",
        ])
        .arg(&target);
    command::run(&mut cargo)?;
    Ok(target.join("release"))
}

/// The guests as a plain release build makes them: the test guests carry debug information, which no one would ship.
fn build_guests() -> Result<PathBuf> {
    let toolchain = Toolchain::find()?;
    let target = repo::root().join("target/bench-guests");
    let mut cargo = toolchain.cargo("build");
    cargo
        .args([
            "--quiet",
            "--release",
            "--manifest-path",
            "tests/guests/Cargo.toml",
        ])
        .args([
            "--package",
            "stepwell-test-guests",
            "--bin",
            "bench_hello",
            "--bin",
            "bench_walk",
            "--bin",
            "bench_copy",
            "--bin",
            "limit_sleep",
            "--target-dir",
        ])
        .arg(&target)
        .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    command::run(&mut cargo)?;
    Ok(target.join(guests::TARGET).join("release"))
}

/// A static program against musl, the smallest peer there is.
fn build_native() -> Result<PathBuf> {
    let program = folder().join("peer");
    let mut cc = guests::cc("x86_64-linux-musl")?;
    cc.args(["-O2", "-static", "-s", "-o"])
        .arg(&program)
        .arg(repo::root().join("tests/bench/peer.c"));
    command::run(&mut cc)?;
    Ok(program)
}
