//! Remembers what a guest was built from, for builders that do not know it themselves.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::repo;

/// What one guest was built from.
pub(crate) struct Stamp {
    path: PathBuf,
    digest: String,
}

impl Stamp {
    /// Digests the settings that make a guest and every file of its source folder.
    ///
    /// # Errors
    ///
    /// When a source file cannot be read.
    pub(crate) fn new(name: &str, settings: &str, source: Option<&Path>) -> Result<Stamp> {
        let mut hasher = DefaultHasher::new();
        settings.hash(&mut hasher);
        if let Some(folder) = source {
            digest(folder, &mut hasher)
                .with_context(|| format!("failed to read `{}`", folder.display()))?;
        }
        Ok(Stamp {
            path: repo::guest_build().join("stamps").join(name),
            digest: format!("{:016x}", hasher.finish()),
        })
    }

    /// What it was built from, in one word.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether `made` exists and was built from the same.
    pub(crate) fn is_current(&self, made: &Path) -> bool {
        made.is_file() && fs::read_to_string(&self.path).is_ok_and(|old| old == self.digest)
    }

    /// Notes that the guest is built.
    ///
    /// # Errors
    ///
    /// When the stamp cannot be written.
    pub(crate) fn set(&self) -> Result<()> {
        let doing = || format!("failed to write `{}`", self.path.display());
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).with_context(doing)?;
        }
        fs::write(&self.path, &self.digest).with_context(doing)
    }
}

fn digest(folder: &Path, hasher: &mut DefaultHasher) -> std::io::Result<()> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        path.file_name().hash(hasher);
        if path.is_dir() {
            digest(&path, hasher)?;
        } else {
            fs::read(&path)?.hash(hasher);
        }
    }
    Ok(())
}
