//! Small shell scripts that stand between a compiler and those who call it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result};

/// Writes an executable script. One that says the same already is left alone: it may be running.
///
/// # Errors
///
/// When the file cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("failed to write `{}`", path.display());
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(doing)?;
    }
    fs::write(path, text).with_context(doing)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).with_context(doing)
}
