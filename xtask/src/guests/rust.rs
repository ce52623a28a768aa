//! Builds the Rust guests of a nested workspace.
//!
//! cargo decides what is up to date, and its messages say which files it made.

use std::{fs, io::BufReader, process::Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::{Artifact, Message, TargetKind, camino::Utf8PathBuf};

use super::{shelf::Shelf, toolchain::Toolchain};
use crate::{command::say, repo};

/// Builds every program and every typed component of the workspace in `folder`.
///
/// # Errors
///
/// When the workspace is missing or does not build.
pub(crate) fn build(toolchain: &Toolchain, folder: &str, shelf: &mut Shelf) -> Result<()> {
    let manifest = repo::root().join(folder).join("Cargo.toml");
    if !manifest.is_file() {
        bail!("failed to find the guests of `{folder}`: there is no `{folder}/Cargo.toml`");
    }
    say(&format!(
        "building the guests of {folder} ({})",
        toolchain.name()
    ));
    let mut cargo = toolchain.cargo("build");
    cargo
        .args([
            "--release",
            "--workspace",
            "--message-format=json-render-diagnostics",
            "--manifest-path",
        ])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(repo::guest_build())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = cargo
        .spawn()
        .context("failed to start cargo for the guests")?;
    let messages = child
        .stdout
        .take()
        .context("failed to read cargo's messages")?;
    for message in Message::parse_stream(BufReader::new(messages)) {
        if let Message::CompilerArtifact(artifact) =
            message.context("failed to read cargo's messages")?
        {
            put(&artifact, folder, shelf)?;
        }
    }
    let status = child.wait().context("failed to wait for cargo")?;
    if !status.success() {
        bail!("failed to build the guests of `{folder}`: cargo {status}");
    }
    Ok(())
}

/// Puts the Wasm file of an artifact on the shelf, if it is a guest of ours.
fn put(artifact: &Artifact, folder: &str, shelf: &mut Shelf) -> Result<()> {
    if !artifact
        .manifest_path
        .starts_with(repo::root().join(folder))
    {
        return Ok(());
    }
    let name = if artifact.target.is_kind(TargetKind::Bin) {
        artifact.target.name.clone()
    } else if artifact.target.is_kind(TargetKind::CDyLib) {
        // A library's file has underscores where its package has hyphens; guests go by the package's name.
        artifact.target.name.replace('_', "-")
    } else {
        return Ok(());
    };
    let is_wasm = |path: &&Utf8PathBuf| path.extension() == Some("wasm");
    let Some(path) = artifact.filenames.iter().find(is_wasm) else {
        return Ok(());
    };
    let wasm = fs::read(path).with_context(|| format!("failed to read `{path}`"))?;
    shelf.put(&name, &wasm)
}
