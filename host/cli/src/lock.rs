//! `stepwell.lock`: what the names of images meant when a project first used them, so that they mean it everywhere.
//!
//! Knows no image: a name is a reference with no digest of its own, its meaning a digest. What a digest names can be nothing else,
//! so whoever pulls by it need not be trusted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use serde::Deserialize;
use stepwell_registry::{Reference, Sha256};

use crate::exit::{Coded, ExitCode};
use crate::inputs::bounded_text;

/// What the file is called.
pub(crate) const NAME: &str = "stepwell.lock";

/// The form of the file.
const VERSION: u32 = 1;

/// No project uses as many images; a file of something else that was named so by mistake does.
const MOST: u64 = 1 << 20;

/// What names mean here.
#[derive(Debug, Default, Clone)]
pub(crate) struct Lock {
    /// Where it is kept; `None` where nothing is locked.
    path: Option<PathBuf>,
    /// Whether a name that is not locked is refused.
    strict: bool,
    /// Shared by all copies.
    known: Arc<Mutex<BTreeMap<String, Sha256>>>,
}

/// A name that is not locked, where it has to be.
#[derive(Debug, thiserror::Error)]
#[error("`{NAME}` does not have `{0}`, and with `--locked` nothing else is used")]
pub(crate) struct NotLocked(String);

/// The file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    image: Vec<Entry>,
}

/// One name of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reference: String,
    digest: Sha256,
}

impl Lock {
    /// Reads the lock of a project, whose place is `path`. Where it is not there yet, the first name that is used makes it.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not what Stepwell writes.
    pub(crate) fn read(path: Option<PathBuf>) -> anyhow::Result<Self> {
        let known = match &path {
            Some(path) if path.exists() => entries(path)?,
            _ => BTreeMap::new(),
        };
        Ok(Self {
            path,
            strict: false,
            known: Arc::new(Mutex::new(known)),
        })
    }

    /// The same, but nothing is used that is not in it, and it is left as it is.
    #[must_use]
    pub(crate) fn strict(self) -> Self {
        Self {
            strict: true,
            ..self
        }
    }

    /// The same, kept at `path` where it has no place yet.
    #[must_use]
    pub(crate) fn or_at(self, path: &str) -> Self {
        let path = self.path.unwrap_or_else(|| path.into());
        Self {
            path: Some(path),
            ..self
        }
    }

    /// What `reference` means here: itself with the digest that is locked, or itself.
    ///
    /// # Errors
    ///
    /// It is not locked, and has to be.
    pub(crate) fn pin(&self, reference: &Reference) -> Result<Reference, NotLocked> {
        if reference.digest().is_some() {
            return Ok(reference.clone());
        }
        let name = reference.to_string();
        match self.known().get(&name) {
            Some(digest) => Ok(reference.locked(*digest)),
            None if self.strict => Err(NotLocked(name)),
            None => Ok(reference.clone()),
        }
    }

    /// Locks what `reference` was found to mean, where it is a name that is not locked, and keeps that.
    ///
    /// # Errors
    ///
    /// It cannot be kept.
    pub(crate) fn learn(&self, reference: &Reference, digest: Sha256) -> anyhow::Result<()> {
        if reference.digest().is_some() || self.strict {
            return Ok(());
        }
        let mut known = self.known();
        let name = reference.to_string();
        if self.path.is_none() || known.contains_key(&name) {
            return Ok(());
        }
        known.insert(name, digest);
        self.keep(&mut known)
    }

    /// Locks a name anew: what it meant before.
    ///
    /// # Errors
    ///
    /// It cannot be kept.
    pub(crate) fn update(
        &self,
        reference: &Reference,
        digest: Sha256,
    ) -> anyhow::Result<Option<Sha256>> {
        let mut known = self.known();
        let before = known.insert(reference.to_string(), digest);
        if before != Some(digest) {
            self.keep(&mut known)?;
        }
        Ok(before)
    }

    /// All names.
    pub(crate) fn names(&self) -> Vec<(String, Sha256)> {
        let known = self.known();
        known
            .iter()
            .map(|(name, digest)| (name.clone(), *digest))
            .collect()
    }

    /// Writes the file: whole or not at all. What another process has locked meanwhile stays.
    fn keep(&self, known: &mut BTreeMap<String, Sha256>) -> anyhow::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        if path.exists() {
            for (name, digest) in entries(path)? {
                known.entry(name).or_insert(digest);
            }
        }
        let mut text = format!(
            "# Which images this project uses; `stepwell update` looks for newer ones.\nversion = {VERSION}\n"
        );
        for (name, digest) in &*known {
            // References have no character that would have to be quoted.
            let _ = write!(
                text,
                "\n[[image]]\nreference = \"{name}\"\ndigest = \"{digest}\"\n"
            );
        }
        let failed = || format!("failed to write `{}`", path.display());
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .with_context(failed)?;
        file.write_all(text.as_bytes()).with_context(failed)?;
        file.persist(path).with_context(failed)?;
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Sha256>> {
        // One insertion at a time.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entries(path: &Path) -> anyhow::Result<BTreeMap<String, Sha256>> {
    let text = bounded_text(path, MOST)?;
    let bad = || {
        let message = format!("`{}` is not what stepwell writes", path.display());
        Coded::new(ExitCode::DocumentInvalid, message)
    };
    let written: Written = toml::from_str(&text).with_context(bad)?;
    if written.version != VERSION {
        let cause = format!(
            "it is of version {}, and {VERSION} is known",
            written.version
        );
        return Err(anyhow::anyhow!(cause).context(bad()));
    }
    let mut known = BTreeMap::new();
    for Entry { reference, digest } in written.image {
        let parsed = reference.parse::<Reference>().ok();
        let is_name = parsed
            .is_some_and(|parsed| parsed.digest().is_none() && parsed.to_string() == reference);
        if !is_name || known.insert(reference.clone(), digest).is_some() {
            let cause = format!("`{reference}` is no name in full, or is there twice");
            return Err(anyhow::anyhow!(cause).context(bad()));
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_used_first_is_what_is_used_from_then_on() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join(NAME);
        let lock = Lock::read(Some(path.clone())).unwrap();
        let tool = reference("reg.example/tool:1");
        let (first, second) = (Sha256::of(b"1"), Sha256::of(b"2"));
        assert_eq!(lock.pin(&tool).unwrap(), tool);
        lock.learn(&tool, first).unwrap();
        lock.learn(&tool, second).unwrap();
        let again = Lock::read(Some(path.clone())).unwrap().strict();
        assert_eq!(again.pin(&tool).unwrap(), tool.locked(first));
        assert_eq!(lock.update(&tool, second).unwrap(), Some(first));
        let again = Lock::read(Some(path.clone())).unwrap().strict();
        assert_eq!(again.pin(&tool).unwrap(), tool.locked(second));
        // What another process has locked meanwhile is not lost.
        lock.learn(&reference("reg.example/a"), first).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let names: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("reference"))
            .collect();
        assert_eq!(
            names,
            [
                "reference = \"reg.example/a:latest\"",
                "reference = \"reg.example/tool:1\""
            ]
        );
    }

    #[test]
    fn attack_a_name_that_nobody_locked_is_used_in_ci() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join(NAME);
        for path in [Some(path.clone()), None] {
            let lock = Lock::read(path).unwrap().strict();
            let tool = reference("reg.example/tool:1");
            assert!(lock.pin(&tool).is_err());
            lock.learn(&tool, Sha256::of(b"1")).unwrap();
            assert!(lock.pin(&tool).is_err(), "it is left as it is");
            // The twin: a digest means one thing by itself.
            let pinned = tool.locked(Sha256::of(b"1"));
            assert_eq!(lock.pin(&pinned).unwrap(), pinned);
        }
        assert!(!path.exists());
    }

    #[test]
    fn what_stepwell_did_not_write_is_no_lock() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join(NAME);
        let digest = Sha256::of(b"1");
        let entry =
            |name: &str| format!("[[image]]\nreference = \"{name}\"\ndigest = \"{digest}\"\n");
        let twice = entry("reg.example/a:1") + &entry("reg.example/a:1");
        for text in [
            "",
            "version = 2\n",
            "version = 1\nother = 1\n",
            "version = 1\n[[image]]\nreference = \"reg.example/a:1\"\ndigest = \"sha256:1\"\n",
            &format!("version = 1\n{}", entry("alpine")),
            &format!("version = 1\n{}", entry(&format!("reg.example/a@{digest}"))),
            &format!("version = 1\n{twice}"),
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(Lock::read(Some(path.clone())).is_err(), "{text}");
        }
    }
}
