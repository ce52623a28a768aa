//! `cargo xtask guests`: builds every guest into `target/guests/<name>.wasm`.
//!
//! Rust guests come from the two nested workspaces; the others are one C program, one Go program, a plugin in Python, one in
//! JavaScript, and a few programs from crates.io, to show that an ordinary WASI program is a step. Knows nothing of what the guests are for.

mod contract;
mod crates;
mod go;
mod js;
mod pypi;
mod python;
mod rust;
mod script;
mod shelf;
mod stamp;
mod toolchain;
mod zig;

use std::fs::{self, File};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{command::say, repo};
use shelf::Shelf;
pub(crate) use toolchain::{TARGET, Toolchain, clean};
pub(crate) use zig::cc;

/// What to build; everything, unless told otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Build only these sets
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Set>,
}

/// One source of guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Set {
    /// The tiny guests of tests/guests
    Tests,
    /// The steps of examples
    Examples,
    /// The C program of tests/guests/foreign/c
    C,
    /// The Go program of tests/guests/foreign/go
    Go,
    /// The plugin in Python of examples/plugins
    Python,
    /// The plugin in JavaScript of examples/plugins
    Js,
    /// Unchanged programs from crates.io
    Crates,
}

/// Runs the command.
///
/// # Errors
///
/// When a guest does not build, or no toolchain for guests can be had.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.only.is_empty() {
        build(Set::value_variants())
    } else {
        build(&arguments.only)
    }
}

/// Builds the named sets.
///
/// # Errors
///
/// When a guest does not build, or no toolchain for guests can be had.
pub(crate) fn build(sets: &[Set]) -> Result<()> {
    let folder = repo::guests();
    for folder in [&folder, &repo::guest_build()] {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to create `{}`", folder.display()))?;
    }
    // Two builds at once would remove each other's guests.
    let lock = File::create(folder.join(".lock"))
        .context("failed to create the lock of `target/guests`")?;
    lock.lock().context("failed to lock `target/guests`")?;

    let mut shelf = Shelf::new(folder);
    let rust = [Set::Tests, Set::Examples, Set::Crates];
    if sets.iter().any(|set| rust.contains(set)) {
        let toolchain = Toolchain::find()?;
        if sets.contains(&Set::Tests) {
            rust::build(&toolchain, "tests/guests", &mut shelf)?;
        }
        if sets.contains(&Set::Examples) {
            rust::build(&toolchain, "examples", &mut shelf)?;
        }
        if sets.contains(&Set::Crates) {
            crates::build(&toolchain, &mut shelf)?;
        }
    }
    if sets.contains(&Set::C) {
        zig::build(&mut shelf)?;
    }
    if sets.contains(&Set::Go) {
        go::build(&mut shelf)?;
    }
    if sets.contains(&Set::Python) {
        python::build(&mut shelf)?;
    }
    if sets.contains(&Set::Js) {
        js::build(&mut shelf)?;
    }
    if sets.len() == Set::value_variants().len() {
        shelf.sweep()?;
    }
    say(&format!(
        "{} guests in target/guests, {} of them new",
        shelf.len(),
        shelf.changed()
    ));
    Ok(())
}
