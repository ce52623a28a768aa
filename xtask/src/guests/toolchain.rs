//! Finds a Rust toolchain that builds for `wasm32-wasip1`, or installs one.
//!
//! Three ways, tried in order: the target is installed; `rustup` adds it; Debian's packages. Nothing is installed before a
//! line says what. Where all three fail, one error tells what was tried and why each failed.

mod debian;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    command::{self, say},
    repo,
};

/// What guests are built for.
pub(crate) const TARGET: &str = "wasm32-wasip1";

/// Names one way, so that each can be tried alone.
const FORCED: &str = "STEPWELL_GUEST_TOOLCHAIN";

/// One way to a toolchain, and its name.
type Way = (&'static str, fn() -> Result<Toolchain>);

/// A toolchain that builds guests.
pub(crate) enum Toolchain {
    /// The `cargo` on the path, whose sysroot has the target.
    Installed,
    /// Debian's own compiler, which builds the standard library for the target itself.
    Debian {
        /// A script that links the way wasi-libc wants it.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Tries the three ways in order, or the one that `STEPWELL_GUEST_TOOLCHAIN` names.
    ///
    /// # Errors
    ///
    /// When none of them works; the error says why each did not.
    pub(crate) fn find() -> Result<Toolchain> {
        let ways: [Way; 3] = [
            ("installed", installed),
            ("rustup", rustup),
            ("debian", debian::find),
        ];
        let forced = forced()?;
        let mut failures = String::new();
        for (name, way) in ways {
            if forced.as_ref().is_some_and(|forced| forced != name) {
                continue;
            }
            match way() {
                Ok(toolchain) => return Ok(toolchain),
                Err(error) => failures.push_str(&format!("\n  {name}: {error:#}")),
            }
        }
        bail!(
            "no Rust toolchain here builds for {TARGET}, which every guest needs; tried:{failures}\n\
             install the target `{TARGET}` for the `rustc` on the path and run this again"
        );
    }

    /// The word that names this way.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Toolchain::Installed => "installed toolchain",
            Toolchain::Debian { .. } => "Debian's toolchain",
        }
    }

    /// Everything about this toolchain that decides what comes out, for those that cargo does not watch over.
    pub(crate) fn identity(&self) -> String {
        match self {
            Toolchain::Installed => self.name().to_owned(),
            Toolchain::Debian { linker } => format!("{} {}", self.name(), linker.display()),
        }
    }

    /// What has to stand first on the path for a plain `cargo build --target wasm32-wasip1` to work: nothing, where the target is
    /// installed.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn front(&self) -> Result<Option<PathBuf>> {
        match self {
            Toolchain::Installed => Ok(None),
            Toolchain::Debian { linker } => debian::front(linker).map(Some),
        }
    }

    /// `cargo <subcommand>` for the target, with none of the host build's settings in its environment.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = match self {
            Toolchain::Installed => clean("cargo"),
            Toolchain::Debian { .. } => clean("/usr/bin/cargo"),
        };
        cargo.arg(subcommand);
        if let Toolchain::Debian { linker } = self {
            debian::configure(&mut cargo, linker);
        }
        cargo.args(["--target", TARGET]);
        cargo
    }
}

/// A command without what a host build, or the `cargo run` that started us, put into the environment.
pub(crate) fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    const KEPT: [&str; 7] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
    ];
    const REMOVED: [&str; 8] = [
        "CARGO",
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
    ];
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let is_host_setting =
            text.starts_with("CARGO_") && !KEPT.iter().any(|kept| text.starts_with(kept));
        if is_host_setting || REMOVED.contains(&text.as_ref()) {
            command.env_remove(&name);
        }
    }
    command.current_dir(repo::root());
    command
}

fn forced() -> Result<Option<String>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a tool reads its own setting from the environment"
    )]
    let value = env::var(FORCED).ok();
    match value.as_deref() {
        None | Some("" | "installed" | "rustup" | "debian") => {
            Ok(value.filter(|value| !value.is_empty()))
        }
        Some(other) => {
            bail!("`{FORCED}` is `{other}`; it can be `installed`, `rustup` or `debian`")
        }
    }
}

fn installed() -> Result<Toolchain> {
    let libraries =
        command::capture(clean("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    let libraries = Path::new(libraries.trim());
    let has_std = libraries
        .read_dir()
        .with_context(|| {
            format!(
                "`rustc` has no libraries for {TARGET}: failed to read `{}`",
                libraries.display()
            )
        })?
        .filter_map(Result::ok)
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"));
    if !has_std {
        bail!(
            "`rustc` has no standard library for {TARGET} in `{}`",
            libraries.display()
        );
    }
    Ok(Toolchain::Installed)
}

fn rustup() -> Result<Toolchain> {
    if !command::exists("rustup") {
        bail!("`rustup` is not on the path");
    }
    say(&format!(
        "installing the Rust target {TARGET} with `rustup target add {TARGET}`"
    ));
    let mut rustup = clean("rustup");
    rustup.args(["target", "add", TARGET]);
    let output = command::output(&mut rustup)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`rustup target add {TARGET}` failed: {}",
            said.trim().replace('\n', "; ")
        );
    }
    installed()
}
