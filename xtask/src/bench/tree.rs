//! The trees that rows read: the same on every machine.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::tools;

/// What a tree is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    name: &'static str,
    folders: u32,
    files: u32,
    /// A file's size lies between these.
    bytes: (u64, u64),
}

/// Row 3 reads it: many small files.
pub(super) const SMALL: Shape = Shape {
    name: "tree",
    folders: 200,
    files: 100,
    bytes: (200, 2_000),
};

/// Row 5 reads it too: half a gigabyte in few files.
pub(super) const LARGE: Shape = Shape {
    name: "large",
    folders: 1,
    files: 16,
    bytes: (32 << 20, 32 << 20),
};

/// The sources of a large repository.
pub(super) const MANY: Shape = Shape {
    name: "many/src",
    folders: 990,
    files: 100,
    bytes: (200, 2_000),
};

/// What else is in that repository.
pub(super) const BESIDE: Shape = Shape {
    name: "many/docs",
    folders: 10,
    files: 100,
    bytes: (200, 2_000),
};

impl Shape {
    /// How many files the tree has.
    pub(super) fn total(self) -> u32 {
        self.folders * self.files
    }

    /// Makes the tree, unless it is there: where it is.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn make(self) -> Result<PathBuf> {
        let folder = tools::folder().join(self.name);
        let complete = folder.with_extension("complete");
        if !complete.exists() {
            let doing = || format!("failed to write the tree `{}`", folder.display());
            self.fill(&folder).with_context(doing)?;
            fs::write(complete, "").with_context(doing)?;
        }
        Ok(folder)
    }

    fn fill(self, folder: &Path) -> std::io::Result<()> {
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for outer in 0..self.folders {
            let inner = folder.join(format!("folder-{outer:03}"));
            fs::create_dir_all(&inner)?;
            for file in 0..self.files {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let (least, most) = self.bytes;
                let size = least + random % (most - least + 1);
                let line = format!("{random:016x} file {file} of folder {outer}\n");
                write(&inner.join(format!("file-{file:03}.txt")), &line, size)?;
            }
        }
        Ok(())
    }
}

/// A file of `size` bytes that are `line`, again and again.
fn write(path: &Path, line: &str, size: u64) -> std::io::Result<()> {
    let block = line.repeat((64 << 10) / line.len());
    let mut file = fs::File::create(path)?;
    let mut left = size;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        file.write_all(&block.as_bytes()[..part])?;
        left -= part as u64;
    }
    Ok(())
}
