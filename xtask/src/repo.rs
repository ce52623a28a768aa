//! Where things are in the checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies one folder below the root")
}

/// Where built guests go, whatever `CARGO_TARGET_DIR` says: tests look for them here.
pub(crate) fn guests() -> PathBuf {
    root().join("target/guests")
}

/// Where guests are compiled, apart from the host's own builds.
pub(crate) fn guest_build() -> PathBuf {
    root().join("target/guest-build")
}

/// Tools that come from a package registry, one folder a tool and version.
pub(crate) fn tools() -> PathBuf {
    root().join("target/tools")
}

/// The workspaces whose code we own: the main one, the benchmark's, then those of guests and examples.
pub(crate) fn manifests() -> [PathBuf; 4] {
    [
        root().join("Cargo.toml"),
        root().join("tests/bench/Cargo.toml"),
        root().join("tests/guests/Cargo.toml"),
        root().join("examples/Cargo.toml"),
    ]
}

/// Where cargo puts what it builds for the host.
///
/// # Errors
///
/// When cargo cannot say.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("failed to ask cargo for its target folder")?;
    Ok(metadata.target_directory.into_std_path_buf())
}
