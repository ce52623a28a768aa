//! `cargo xtask demo`: builds this project's own documentation into a site, with three sandboxed steps, and runs the example
//! pipelines.

mod pipelines;

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    command::{self, say},
    guests::{self, Set},
    repo, test,
};

/// Builds what the demonstration needs, and runs it.
///
/// # Errors
///
/// When something does not build, or the run fails.
pub(crate) fn run() -> Result<()> {
    guests::build(&[Set::Examples])?;
    say("building stepwell (the first time, its Wasm engine takes some minutes)");
    test::build()?;
    show()
}

/// Runs the examples with what is built.
///
/// # Errors
///
/// When the run fails, or leaves no site.
pub(crate) fn show() -> Result<()> {
    pipelines::show(&built()?)?;
    let site = repo::root().join("target/demo/site");
    let doing = || format!("failed to make an empty `{}`", site.display());
    if site.exists() {
        fs::remove_dir_all(&site).with_context(doing)?;
    }
    fs::create_dir_all(&site).with_context(doing)?;
    let mut stepwell = Command::new(built()?);
    stepwell.current_dir(repo::root()).args([
        "run",
        "examples/docs-site/task.yaml",
        "-w",
        "docs=docs",
        "-w",
        "site=target/demo/site",
        "-p",
        "title=Stepwell",
    ]);
    say(&format!("$ {}", command::shown(&stepwell)));
    command::run(&mut stepwell)?;
    let index = site.join("index.html");
    if !index.is_file() {
        bail!("the run succeeded, but there is no `{}`", index.display());
    }
    say(&format!("the site is at {}", index.display()));
    Ok(())
}

/// The `stepwell` of the development profile.
fn built() -> Result<PathBuf> {
    Ok(repo::target()?.join("debug/stepwell"))
}
