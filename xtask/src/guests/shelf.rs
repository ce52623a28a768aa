//! The folder that finished guests are put in.

use std::{collections::BTreeSet, ffi::OsStr, fs, path::PathBuf};

use anyhow::{Context, Result, bail};

/// `target/guests`, and which of its files belong to this build.
pub(crate) struct Shelf {
    folder: PathBuf,
    names: BTreeSet<String>,
    changed: usize,
}

impl Shelf {
    /// Starts a build into `folder`, which exists.
    pub(crate) fn new(folder: PathBuf) -> Shelf {
        Shelf {
            folder,
            names: BTreeSet::new(),
            changed: 0,
        }
    }

    /// Puts a guest on the shelf. A file that holds these bytes already keeps its time, so nothing is rebuilt after it.
    ///
    /// # Errors
    ///
    /// When two guests have one name, or the file cannot be written.
    pub(crate) fn put(&mut self, name: &str, wasm: &[u8]) -> Result<()> {
        if !self.names.insert(name.to_owned()) {
            bail!("two guests are called `{name}`");
        }
        let path = self.folder.join(format!("{name}.wasm"));
        if fs::read(&path).is_ok_and(|old| old == wasm) {
            return Ok(());
        }
        let half = self.folder.join(format!(".{name}.part"));
        fs::write(&half, wasm)
            .and_then(|()| fs::rename(&half, &path))
            .with_context(|| format!("failed to write `{}`", path.display()))?;
        self.changed += 1;
        Ok(())
    }

    /// Removes guests that this build did not put here: their source is gone.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read or a file cannot be removed.
    pub(crate) fn sweep(&self) -> Result<()> {
        let doing = || format!("failed to sweep `{}`", self.folder.display());
        for entry in fs::read_dir(&self.folder).with_context(doing)? {
            let path = entry.with_context(doing)?.path();
            let known = path
                .file_stem()
                .and_then(OsStr::to_str)
                .is_some_and(|stem| self.names.contains(stem));
            if path.extension() == Some(OsStr::new("wasm")) && !known {
                fs::remove_file(&path).with_context(doing)?;
            }
        }
        Ok(())
    }

    /// How many guests were put here.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// How many of them differ from what lay here before.
    pub(crate) fn changed(&self) -> usize {
        self.changed
    }
}
