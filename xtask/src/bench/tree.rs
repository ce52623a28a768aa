//! The tree that row 3 reads: many small files, the same on every machine.

use std::{fs, path::Path};

use anyhow::{Context, Result};

const FOLDERS: u32 = 200;
const FILES: u32 = 100;

/// How many files the tree has.
pub(super) const TOTAL: u32 = FOLDERS * FILES;

/// Makes the tree of 20,000 files of 200 to 2,000 bytes, unless it is there.
///
/// # Errors
///
/// When it cannot be written.
pub(super) fn make(folder: &Path) -> Result<()> {
    let complete = folder.with_extension("complete");
    if complete.exists() {
        return Ok(());
    }
    let doing = || format!("failed to write the tree `{}`", folder.display());
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for outer in 0..FOLDERS {
        let inner = folder.join(format!("folder-{outer:03}"));
        fs::create_dir_all(&inner).with_context(doing)?;
        for file in 0..FILES {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let size = 200 + (random % 1801) as usize;
            let line = format!("{random:016x} file {file} of folder {outer}\n");
            let text: Vec<u8> = line.bytes().cycle().take(size).collect();
            fs::write(inner.join(format!("file-{file:03}.txt")), text).with_context(doing)?;
        }
    }
    fs::write(complete, "").with_context(doing)
}
