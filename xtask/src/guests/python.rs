//! Builds the plugin in Python of `examples/plugins`, with what its own `requirements.txt` names: componentize-py among it.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use super::{contract, pypi, shelf::Shelf, stamp::Stamp};
use crate::{
    command::{self, say},
    repo,
};

const NAME: &str = "json-schema";
const FILES: [&str; 3] = ["app.py", "plugin.wit", "requirements.txt"];
const START: &str = "from componentize_py import script; script()";

/// Builds `examples/plugins/json-schema`.
///
/// # Errors
///
/// When a package cannot be installed or the plugin does not build.
pub(crate) fn build(shelf: &mut Shelf) -> Result<()> {
    let source = contract::copied(NAME, &FILES)?;
    let made = repo::guest_build().join(format!("{NAME}.wasm"));
    let stamp = Stamp::new(NAME, "python", Some(&source))?;
    if !stamp.is_current(&made) {
        let requirements = fs::read_to_string(source.join("requirements.txt"))
            .context("failed to read the plugin's `requirements.txt`")?;
        let packages = requirements
            .lines()
            .filter_map(|line| line.split_once("=="))
            .map(|(package, version)| pypi::install(package, version))
            .collect::<Result<Vec<PathBuf>>>()?;
        say("building the plugin in Python (componentize-py)");
        let mut python = Command::new("python3");
        python
            .args(["-c", START, "--quiet", "--wit-path", "wit"])
            .args(["--world", "plugin", "componentize", "--python-path", "."]);
        for package in &packages {
            python.arg("--python-path").arg(package);
        }
        python
            .arg("--output")
            .arg(&made)
            .arg("app")
            .current_dir(&source)
            .env("PYTHONPATH", env::join_paths(&packages)?)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("VIRTUAL_ENV");
        command::run(&mut python)?;
        stamp.set()?;
    }
    let wasm = fs::read(&made).with_context(|| format!("failed to read `{}`", made.display()))?;
    shelf.put(NAME, &wasm)
}
