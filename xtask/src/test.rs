//! `cargo xtask test`: everything CI runs, and at the end what the test runners themselves counted.
//!
//! Short stages come before long ones; it stops at the first that fails and says which were not run. All of it is one profile
//! and one set of features, so that the Wasm engine is compiled once.

mod examples;
mod tally;

use std::{
    env,
    io::{BufRead, BufReader, Write},
    iter,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    command::{self, say},
    demo, guests, lint, packages, repo,
};
use tally::Tally;

/// One stage, and its name.
type Stage = (&'static str, fn(&mut Tally) -> Result<()>);

const STAGES: [Stage; 8] = [
    ("programs", |_| programs()),
    ("guests", |_| guests::build(guests::Set::value_variants())),
    ("lint", |_| lint::run()),
    ("build", |_| build()),
    ("doctests", doctests),
    ("tests of the guests", guest_tests),
    ("examples", |_| demo::show()),
    ("tests", tests),
];

/// Runs every stage.
///
/// # Errors
///
/// When a stage fails, or no test ran at all.
pub(crate) fn run() -> Result<()> {
    let mut tally = Tally::default();
    let mut failure = None;
    for (at, (name, stage)) in STAGES.into_iter().enumerate() {
        say(&format!("== {name}"));
        let begun = Instant::now();
        let ended = stage(&mut tally);
        say(&format!("== {name} took {} s", begun.elapsed().as_secs()));
        if let Err(error) = ended {
            let rest: Vec<&str> = STAGES[at + 1..].iter().map(|(name, _)| *name).collect();
            if !rest.is_empty() {
                say(&format!(
                    "not run, because {name} failed: {}",
                    rest.join(", ")
                ));
            }
            failure = Some(error.context(format!("{name} failed")));
            break;
        }
    }
    if failure.is_none() && tally.passed == 0 {
        failure = Some(anyhow::anyhow!("no test ran"));
    }
    if tally.ran() {
        write_last(&tally)?;
    }
    failure.map_or(Ok(()), Err)
}

/// Programs that tests use as they are, each with its Debian package: the root of containers, a daemon that runs them too and
/// ways to reach it, a registry to pull from, a compiler, and `git`.
const PROGRAMS: [(&str, &str); 11] = [
    ("bash-static", "bash-static"),
    ("busybox", "busybox-static"),
    ("docker-registry", "docker-registry"),
    ("dockerd", "docker.io"),
    ("git", "git"),
    ("openssl", "openssl"),
    ("podman", "podman"),
    ("runc", "runc"),
    ("ssh", "openssh-client"),
    ("sshd", "openssh-server"),
    ("tcc", "tcc"),
];

/// Installs the programs that are missing. Where that is not possible it says so, and the tests that need one are skipped.
fn programs() -> Result<()> {
    let missing: Vec<&str> = PROGRAMS
        .into_iter()
        .filter(|(name, _)| !command::exists(name))
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    match packages::check_can_install(&missing) {
        Ok(()) => packages::install(&missing),
        Err(error) => {
            say(&format!(
                "tests that need {} are skipped: {error}",
                missing.join(" and ")
            ));
            Ok(())
        }
    }
}

/// Builds programs and tests together: what the runner then runs, and the `stepwell` that the examples use. The demonstration
/// builds the same, because a smaller selection has other features and would compile the Wasm engine once more.
///
/// # Errors
///
/// When something does not build.
pub(crate) fn build() -> Result<()> {
    command::run(cargo().args(["build", "--workspace", "--all-targets"]))
}

fn tests(tally: &mut Tally) -> Result<()> {
    let mut cargo = cargo();
    if command::exists("cargo-nextest") {
        cargo.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        cargo.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    }
    if let Some(folder) = examples::find() {
        cargo.env(examples::VARIABLE, folder);
    }
    // Some of them build plugins as an author does.
    if let Some(front) = guests::Toolchain::find()?.front()? {
        #[expect(
            clippy::disallowed_methods,
            reason = "the tests find programs where this one does"
        )]
        let path = env::var_os("PATH").unwrap_or_default();
        let path = iter::once(front).chain(env::split_paths(&path));
        cargo.env("PATH", env::join_paths(path)?);
    }
    counted(&mut cargo, tally)
}

fn doctests(tally: &mut Tally) -> Result<()> {
    counted(
        cargo().args(["test", "--workspace", "--doc", "--no-fail-fast"]),
        tally,
    )
}

/// The tests of programs that are guests run on the host: what a step does needs no sandbox to be checked.
fn guest_tests(tally: &mut Tally) -> Result<()> {
    counted(
        cargo()
            .args(["test", "--no-fail-fast", "-p", "stepwell-test-shell"])
            .args(["--manifest-path", "tests/guests/Cargo.toml"])
            .args(["--target-dir", "target/examples"]),
        tally,
    )?;
    counted(
        cargo()
            .args(["test", "--workspace", "--no-fail-fast", "--manifest-path"])
            .args(["examples/Cargo.toml", "--target-dir", "target/examples"]),
        tally,
    )
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repo::root());
    cargo
}

/// Runs a test runner, shows what it prints, and keeps its closing lines.
fn counted(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let line = command::shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start `{line}`"))?;
    let (sender, lines) = mpsc::sync_channel(64);
    let out = child
        .stdout
        .take()
        .context("failed to read the runner's output")?;
    let err = child
        .stderr
        .take()
        .context("failed to read the runner's errors")?;
    thread::scope(|scope| {
        let both: [Box<dyn BufRead + Send>; 2] =
            [Box::new(BufReader::new(out)), Box::new(BufReader::new(err))];
        for mut stream in both {
            let sender = sender.clone();
            scope.spawn(move || {
                let mut line = Vec::new();
                while stream
                    .read_until(b'\n', &mut line)
                    .is_ok_and(|read| read > 0)
                {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    line.clear();
                    if sender.send(text).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for line in lines {
            say(&line);
            tally.read(&line);
        }
    });
    let status = child
        .wait()
        .with_context(|| format!("failed to wait for `{line}`"))?;
    if !status.success() {
        bail!("failed to run `{line}`: {status}");
    }
    Ok(())
}

/// The last lines go to standard output, apart from all that was said on the way.
fn write_last(tally: &Tally) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for line in &tally.closing {
        writeln!(out, "{line}").context("failed to write the summary")?;
    }
    writeln!(out, "{tally}").context("failed to write the summary")
}
