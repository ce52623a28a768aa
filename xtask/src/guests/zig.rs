//! Builds C for guests with the compiler of PyPI's `ziglang`, which brings wasi-libc along: our C guest, and the C that some
//! programs from crates.io have inside.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::{pypi, script, shelf::Shelf, stamp::Stamp};
use crate::{
    command::{self, say},
    repo,
};

const VERSION: &str = "0.17.1";
const TARGET: &str = "wasm32-wasi";
const NAME: &str = "c-count";
const FLAGS: [&str; 4] = ["-O2", "-s", "-Wall", "-Werror"];

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
        say(&format!("building the C guest (zig cc {VERSION})"));
        let mut cc = cc(TARGET)?;
        cc.args(FLAGS)
            .arg("-o")
            .arg(&made)
            .arg(source.join("count.c"));
        command::run(&mut cc)?;
        stamp.set()?;
    }
    let wasm = fs::read(&made).with_context(|| format!("failed to read `{}`", made.display()))?;
    shelf.put(NAME, &wasm)
}

/// The C compiler for a target of zig's.
///
/// # Errors
///
/// When it cannot be installed.
pub(crate) fn cc(target: &str) -> Result<Command> {
    let mut cc = Command::new(zig()?);
    cc.args(["cc", "-target", target])
        .env("ZIG_GLOBAL_CACHE_DIR", cache())
        .env("ZIG_LOCAL_CACHE_DIR", cache());
    Ok(cc)
}

/// The variables that hand this compiler to the build scripts of Rust crates (`cc` reads them).
///
/// # Errors
///
/// When it cannot be installed, or the scripts around it cannot be written.
pub(crate) fn c_tools() -> Result<[(&'static str, PathBuf); 2]> {
    let (zig, cache) = (zig()?, cache());
    let (zig, cache) = (zig.display(), cache.display());
    let caches = format!("export ZIG_GLOBAL_CACHE_DIR='{cache}' ZIG_LOCAL_CACHE_DIR='{cache}'");
    // `cc` names the target the way clang does, which zig does not understand.
    let cc = format!(
        "#!/bin/sh\n{caches}\n\
         for argument in \"$@\"; do\n\
         \x20 shift\n\
         \x20 case $argument in --target=*) ;; *) set -- \"$@\" \"$argument\" ;; esac\n\
         done\n\
         exec '{zig}' cc -target {TARGET} \"$@\"\n"
    );
    let ar = format!("#!/bin/sh\n{caches}\nexec '{zig}' ar \"$@\"\n");
    let (cc_path, ar_path) = (
        repo::guest_build().join("zig-cc"),
        repo::guest_build().join("zig-ar"),
    );
    script::write(&cc_path, &cc)?;
    script::write(&ar_path, &ar)?;
    Ok([("CC_wasm32_wasip1", cc_path), ("AR_wasm32_wasip1", ar_path)])
}

fn zig() -> Result<PathBuf> {
    Ok(pypi::install("ziglang", VERSION)?.join("ziglang/zig"))
}

fn cache() -> PathBuf {
    repo::guest_build().join("zig")
}
