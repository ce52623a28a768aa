//! The contract, where the tools of a language read it from: the project's own world, and beside it what this refers to.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::author::{Project, sdk};
use crate::exit::{Coded, ExitCode};

/// What a project says of itself to those tools.
const OWN: &str = "plugin.wit";

/// What the world in it is called.
pub(super) const WORLD: &str = "plugin";

/// Writes the folder that they read, and gives it back.
///
/// # Errors
///
/// The project has no world, or the folder cannot be written.
pub(super) fn write(project: &Project) -> anyhow::Result<PathBuf> {
    let own = project.root.join(OWN);
    let world = fs::read_to_string(&own).map_err(|error| {
        let message = format!(
            "failed to read `{OWN}`, which says what the plugin uses of its host: {error}; `stepwell new` makes one"
        );
        Coded::new(ExitCode::DocumentInvalid, message)
    })?;
    let folder = project.scratch()?.join("wit");
    let put = |path: PathBuf, text: &str| {
        let doing = || format!("failed to write `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(doing)?;
        }
        fs::write(&path, text).with_context(doing)
    };
    put(folder.join(OWN), &world)?;
    for (path, text) in sdk::contract() {
        // Packages lie in `deps`, all but the one that is built.
        let name = path.trim_start_matches("deps/");
        put(folder.join("deps").join(name), text)?;
    }
    Ok(folder)
}
