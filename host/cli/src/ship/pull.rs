//! `stepwell pull`: the component that a reference means, into a file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use stepwell_contract::{Cancel, ImagePullPolicy, Platform};
use stepwell_registry::{Location, PulledCode, Reference};

use super::{line, reference};
use crate::args::PullArgs;
use crate::config;
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::images::{Shelf, Wanted, not_pulled};
use crate::inputs::Texts;
use crate::text::print;
use crate::trouble::Trouble;

/// Pulls what the command line names.
///
/// # Errors
///
/// It cannot be had, is no component, or cannot be written.
pub(crate) fn pull(args: &PullArgs, env: &Environment) -> Result<ExitCode, Trouble> {
    let reference = reference(&args.reference)?;
    let config = config::load(args.config.as_deref(), &Texts::default(), &[])?;
    let shelf = Shelf::new(env, &config, args.offline)?;
    let location = Location::Registry(reference.clone());
    let wanted = Wanted {
        location: &location,
        platform: &Platform::host(),
        // To ask for it by name is to want what the name means now.
        policy: Some(ImagePullPolicy::Always),
        asks: true,
        components_only: true,
    };
    let pulled = shelf.get(&wanted, &Cancel::new());
    let pulled = pulled.map_err(|error| not_pulled(&args.reference, error))?;
    let PulledCode::Component(bytes) = pulled.code else {
        let message = format!("`{}` is a container image", args.reference);
        return Err(anyhow::Error::from(Coded::new(ExitCode::DocumentInvalid, message)).into());
    };
    let to = args.to.clone().unwrap_or_else(|| file_of(&reference));
    write(&to, &bytes)?;
    let to = to.display().to_string();
    print(&line(
        args.format.output,
        &reference,
        pulled.digest,
        ("file", to),
    ))?;
    Ok(ExitCode::Success)
}

/// The last part of the repository. It has been checked: it has no `/` and does not begin with a dot.
fn file_of(reference: &Reference) -> PathBuf {
    let name = reference.repository().rsplit('/').next();
    PathBuf::from(format!("{}.wasm", name.unwrap_or_default()))
}

/// Whole or not at all, for somebody may be about to run what is there.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("failed to write `{}`", path.display());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}
