//! Builds the C guest with the C compiler of PyPI's `ziglang`, which brings wasi-libc along.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use super::{pypi, shelf::Shelf, stamp::Stamp};
use crate::{
    command::{self, say},
    repo,
};

const VERSION: &str = "0.17.1";
const NAME: &str = "c-count";
const FLAGS: [&str; 6] = ["-target", "wasm32-wasi", "-O2", "-s", "-Wall", "-Werror"];

/// Builds `tests/guests/foreign/c`.
///
/// # Errors
///
/// When the compiler cannot be installed or the program does not compile.
pub(crate) fn build(shelf: &mut Shelf) -> Result<()> {
    let source = repo::root().join("tests/guests/foreign/c");
    let made = repo::guest_build().join(format!("{NAME}.wasm"));
    let stamp = Stamp::new(NAME, &format!("zig {VERSION} {FLAGS:?}"), Some(&source))?;
    if !stamp.is_current(&made) {
        let zig = pypi::install("ziglang", VERSION)?;
        say(&format!("building the C guest (zig cc {VERSION})"));
        fs::create_dir_all(repo::guest_build()).context("failed to create `target/guest-build`")?;
        let mut cc = Command::new(zig.join("ziglang/zig"));
        cc.arg("cc")
            .args(FLAGS)
            .arg("-o")
            .arg(&made)
            .arg(source.join("count.c"))
            .env("ZIG_GLOBAL_CACHE_DIR", repo::guest_build().join("zig"))
            .env("ZIG_LOCAL_CACHE_DIR", repo::guest_build().join("zig"));
        command::run(&mut cc)?;
        stamp.set()?;
    }
    let wasm = fs::read(&made).with_context(|| format!("failed to read `{}`", made.display()))?;
    shelf.put(NAME, &wasm)
}
