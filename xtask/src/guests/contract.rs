//! The source of a plugin that is built from its WIT, with the contract where its tools look for it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::repo;

/// A new folder with the named files of `examples/plugins/<name>`, their world and the contract in `wit`.
///
/// The tools leave files beside what they read, and an author's own build does: neither is a change of the source.
///
/// # Errors
///
/// When a file cannot be copied.
pub(super) fn copied(name: &str, files: &[&str]) -> Result<PathBuf> {
    let source = repo::root().join("examples/plugins").join(name);
    let folder = repo::guest_build().join(name).join("source");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("failed to empty `{}`", folder.display()))?;
    }
    let wit = folder.join("wit");
    for file in files {
        let is_world = Path::new(file)
            .extension()
            .is_some_and(|kind| kind == "wit");
        copy(&source.join(file), if is_world { &wit } else { &folder })?;
    }
    let contract = repo::root().join("wit");
    copy(&contract.join("task.wit"), &wit.join("deps"))?;
    let deps = contract.join("deps");
    let doing = || format!("failed to list `{}`", deps.display());
    for entry in fs::read_dir(&deps).with_context(doing)? {
        copy(&entry.with_context(doing)?.path(), &wit.join("deps"))?;
    }
    Ok(folder)
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let doing = || format!("failed to copy `{}`", file.display());
    fs::create_dir_all(folder).with_context(doing)?;
    let name = file.file_name().with_context(doing)?;
    fs::copy(file, folder.join(name)).with_context(doing)?;
    Ok(())
}
