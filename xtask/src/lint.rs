//! `cargo xtask lint`: format, clippy, documentation, licences and the house rules.
//!
//! Every check runs, whatever the ones before it said, so that one run shows all there is to mend.

mod budget;
mod kept;
mod licences;
mod mentions;

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    command::{self, say},
    guests::Toolchain,
    repo, wit,
};

/// One check, and its name.
type Check = (&'static str, fn() -> Result<()>);

const CHECKS: [Check; 12] = [
    ("lock files", lock_files),
    ("format", format),
    ("paths in ARCHITECTURE.md", mentions::check),
    ("file sizes", budget::check),
    ("what git keeps", kept::check),
    ("licences and sources", licences::check),
    ("cargo deny", deny),
    ("vendored WIT", vendored_wit),
    ("reference page of the contract", wit::check),
    ("clippy", clippy),
    ("clippy of guests", clippy_guests),
    ("documentation", documentation),
];

/// Runs every check.
///
/// # Errors
///
/// When one of them fails; the error names which.
pub(crate) fn run() -> Result<()> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        say(&format!("lint: {name}"));
        if let Err(error) = check() {
            say(&format!("error: {name}: {error:#}"));
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("lint failed: {}", failed.join(", "));
    }
    Ok(())
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repo::root());
    cargo
}

/// A lock file that a build would change is not the one that was reviewed.
fn lock_files() -> Result<()> {
    for manifest in repo::manifests() {
        let mut metadata = cargo();
        metadata
            .args([
                "metadata",
                "--locked",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(manifest);
        command::capture(&mut metadata)?;
    }
    Ok(())
}

fn format() -> Result<()> {
    for manifest in repo::manifests() {
        let mut fmt = cargo();
        fmt.args(["fmt", "--all", "--manifest-path"])
            .arg(manifest)
            .args(["--", "--check"]);
        command::run(&mut fmt)?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    let mut clippy = cargo();
    clippy.args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    command::run(&mut clippy)?;
    let mut clippy = cargo();
    clippy
        .args([
            "clippy",
            "--quiet",
            "--release",
            "--manifest-path",
            "tests/bench/Cargo.toml",
        ])
        .args(["--target-dir", "target/bench-build", "--", "-D", "warnings"]);
    command::run(&mut clippy)
}

fn clippy_guests() -> Result<()> {
    let toolchain = Toolchain::find()?;
    if !matches!(toolchain, Toolchain::Installed) {
        say(&format!("skipped: {} has no clippy", toolchain.name()));
        return Ok(());
    }
    for manifest in &repo::manifests()[2..] {
        let mut clippy = toolchain.cargo("clippy");
        clippy
            .args(["--quiet", "--release", "--workspace", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(repo::guest_build())
            .args(["--", "-D", "warnings"]);
        command::run(&mut clippy)?;
    }
    Ok(())
}

fn documentation() -> Result<()> {
    let mut doc = cargo();
    doc.args(["doc", "--quiet", "--no-deps", "--workspace"])
        .env("RUSTDOCFLAGS", "-D warnings");
    command::run(&mut doc)
}

/// The whole of `deny.toml`, advisories apart: their database cannot be had everywhere.
fn deny() -> Result<()> {
    if !command::exists("cargo-deny") {
        say("skipped: cargo-deny is not installed");
        return Ok(());
    }
    let mut deny = cargo();
    deny.args(["deny", "--offline", "check", "licenses", "sources", "bans"]);
    command::run(&mut deny)
}

fn vendored_wit() -> Result<()> {
    let mut check = Command::new("sh");
    check
        .arg("wit/vendor.sh")
        .arg("--check")
        .current_dir(repo::root());
    command::run(&mut check)
}
