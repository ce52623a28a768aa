//! Where plugins are named: in a folder, in a lock file, in a registry.
//!
//! Knows no component: what is named need not be one.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use stepwell_registry::{Mirror, Reference};
use stepwell_report::clean::clean;

use crate::config::{Config, as_path};
use crate::exit::{Coded, ExitCode};
use crate::images::Shelf;
use crate::lock::{Lock, NAME};

/// How many plugins are looked at. Each of them is compiled.
const MOST: usize = 1000;

/// Where one component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In a file.
    File(PathBuf),
    /// In a registry.
    Registry(Reference),
}

/// Where the one is that the command line names.
///
/// # Errors
///
/// It is named nowhere.
pub(super) fn place(text: &str) -> anyhow::Result<Place> {
    if let Some(path) = as_path(text) {
        return Ok(Place::File(path));
    }
    if Path::new(text).is_file() {
        return Ok(Place::File(text.into()));
    }
    let reference = text.parse::<Reference>();
    let reference = reference.with_context(|| {
        Coded::usage(format!(
            "`{}` names neither a file nor an artifact",
            clean(text)
        ))
    })?;
    Ok(Place::Registry(reference))
}

/// All places that a folder, a lock or a namespace has, in order.
///
/// # Errors
///
/// It cannot be read or asked, or has too many.
pub(super) fn places(
    source: Option<&str>,
    config: &Config,
    shelf: &Shelf,
) -> anyhow::Result<Vec<Place>> {
    let places = match source {
        None => locked(&config.lock)?,
        Some(source) if Path::new(source).is_dir() => files(Path::new(source))?,
        Some(source) if source.ends_with(".lock") => {
            if !Path::new(source).is_file() {
                return Err(Coded::usage(format!("there is no file `{}`", clean(source))).into());
            }
            locked(&Lock::read(Some(source.into()))?)?
        }
        Some(source) => named(source, shelf)?,
    };
    if places.len() > MOST {
        let message = format!(
            "there are {} plugins, and at most {MOST} are looked at: name fewer of them",
            places.len()
        );
        return Err(Coded::usage(message).into());
    }
    Ok(places)
}

fn locked(lock: &Lock) -> anyhow::Result<Vec<Place>> {
    let names = lock.names();
    if names.is_empty() {
        let message = format!(
            "no `{NAME}` here or above has any image: name a folder, a lock, or a namespace of a registry"
        );
        return Err(Coded::usage(message).into());
    }
    let places = names.into_iter().map(|(name, digest)| {
        let reference: Reference = name.parse()?;
        Ok(Place::Registry(reference.locked(digest)))
    });
    places.collect()
}

/// The files of a folder that are called like WebAssembly; not those of the folders in it, which may be anything.
fn files(folder: &Path) -> anyhow::Result<Vec<Place>> {
    let failed = || Coded::usage(format!("failed to read the folder `{}`", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let is_called_so = path
            .extension()
            .is_some_and(|kind| kind == "wasm" || kind == "wat");
        if is_called_so && path.is_file() {
            files.push(Place::File(path));
        }
    }
    files.sort_by_cached_key(|place| format!("{place:?}"));
    Ok(files)
}

fn named(source: &str, shelf: &Shelf) -> anyhow::Result<Vec<Place>> {
    let namespace = source.parse::<Mirror>();
    let namespace = namespace.with_context(|| {
        let message = format!(
            "`{}` is neither a folder nor a file `*.lock`, and names no registry",
            clean(source)
        );
        Coded::usage(message)
    })?;
    let found = shelf.registry()?.artifacts(&namespace);
    let found = found.with_context(|| {
        let message = format!("failed to list `{namespace}`");
        Coded::new(ExitCode::Environment, message)
    })?;
    Ok(found.into_iter().map(Place::Registry).collect())
}
