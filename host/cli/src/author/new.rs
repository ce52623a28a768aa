//! `stepwell new`: a project that builds, with fixtures and a pipeline.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::project::{is_name, taken};
use super::template;
use crate::args::NewArgs;
use crate::exit::{Coded, ExitCode};
use crate::text::print;

/// Makes the project.
///
/// # Errors
///
/// The name cannot be one, something is there already, or it cannot be written.
pub(crate) fn new(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.filter(|name| is_name(name)).ok_or_else(|| {
        Coded::usage(format!(
            "`{}` cannot name a plugin: a name has lower-case letters, digits and `-`, begins with a letter, and is at \
             most 40 long",
            folder.display()
        ))
    })?;
    if let Some(why) = taken(args.lang, name) {
        return Err(Coded::usage(why).into());
    }
    // A folder that is there is never written to, not even an empty one: it is somebody's.
    if folder.symlink_metadata().is_ok() {
        let message = format!("`{}` is there already", folder.display());
        return Err(Coded::usage(message).into());
    }
    for (path, text) in template::files(args.lang, name) {
        write(&folder.join(path), &text)?;
    }
    let (shown, lang) = (folder.display(), args.lang.as_str());
    print(&format!(
        "{shown} is a plugin in {lang}\n\n  cd {shown}\n  stepwell test\n"
    ))?;
    Ok(ExitCode::Success)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let doing = || format!("failed to write `{}`", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(doing)?;
    }
    fs::write(path, text).with_context(doing)
}
