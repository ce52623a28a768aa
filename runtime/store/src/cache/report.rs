//! What is in a cache, whether all of it is what it says, and how to empty it.

use std::path::PathBuf;

use rustix::fs::AtFlags;
use stepwell_contract::Digest;

use super::files::{name, named, size, unsealed};
use super::outcome::of_file;
use super::traces::opened;
use super::{Cache, blobs};
use crate::error::StoreError;

/// How much there is of one sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Amount {
    /// How many files.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// What is in a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Usage {
    /// Bytes of files that steps left.
    pub blobs: Amount,
    /// What steps left.
    pub outcomes: Amount,
    /// Traces, by static key.
    pub traces: Amount,
    /// Digests of files by their state on disk.
    pub digests: Amount,
}

impl Usage {
    /// Bytes of all that a size limit counts. The digests of files are bounded by themselves.
    pub fn bytes(&self) -> u64 {
        self.blobs.bytes + self.outcomes.bytes + self.traces.bytes
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// How many files are what they say.
    pub whole: usize,
    /// Files that are not, and were removed.
    pub damaged: Vec<PathBuf>,
    /// Outcomes that need a blob that is not there, and were removed. Not a defect: the blob was damaged or removed by hand.
    pub incomplete: Vec<PathBuf>,
}

impl Cache {
    /// Counts what is there.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        let of = |folder| {
            let mut amount = Amount::default();
            self.own.each(folder, &mut |_, stat| {
                amount.files += 1;
                amount.bytes += size(stat);
            })?;
            Ok(amount)
        };
        usage.blobs = of("blobs")?;
        usage.outcomes = of("outcomes")?;
        usage.traces = of("traces")?;
        for name in self.own.names("digests")? {
            let path = format!("digests/{name}");
            if let Ok(stat) = rustix::fs::statat(self.own.dir(), &path, AtFlags::SYMLINK_NOFOLLOW) {
                usage.digests.files += 1;
                usage.digests.bytes += size(&stat);
            }
        }
        Ok(usage)
    }

    /// Reads every byte, compares it with what it should be, and removes what is not.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn verify(&self) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        for folder in ["blobs", "outcomes", "traces"] {
            let mut paths = Vec::new();
            self.own
                .each(folder, &mut |path, _| paths.push(path.to_owned()))?;
            for path in paths {
                let Some(mut file) = self.own.open(&path)? else {
                    continue;
                };
                let whole = match (folder, named(&path)) {
                    (_, None) => Some(false),
                    ("blobs", Some(digest)) => {
                        let found = blobs::digest_of(&mut file);
                        Some(found.map_err(self.own.io("read", &path))? == digest)
                    }
                    ("outcomes", Some(digest)) => {
                        let bytes = self.own.read(file, &path)?;
                        let outcome = bytes.and_then(|bytes| of_file(digest, &bytes));
                        match outcome {
                            None => Some(false),
                            Some(outcome) => {
                                let mut complete = true;
                                for blob in outcome.blobs() {
                                    complete &= self.own.open(&name("blobs", blob))?.is_some();
                                }
                                complete.then_some(true)
                            }
                        }
                    }
                    (_, Some(key)) => {
                        let bytes = self.own.read(file, &path)?.unwrap_or_default();
                        Some(unsealed(&bytes).is_some_and(|body| opened(key, body).is_some()))
                    }
                };
                match whole {
                    Some(true) => checked.whole += 1,
                    Some(false) => checked.damaged.push(self.own.path().join(&path)),
                    None => checked.incomplete.push(self.own.path().join(&path)),
                }
                if whole != Some(true) {
                    self.own.drop_bad(&path);
                }
            }
        }
        Ok(checked)
    }

    /// Removes everything, what is in use too: whoever uses it finds nothing and runs its steps.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn clear(&self) -> Result<(), StoreError> {
        // What leads to others first.
        for folder in ["traces", "outcomes", "blobs"] {
            let mut paths = Vec::new();
            self.own
                .each(folder, &mut |path, _| paths.push(path.to_owned()))?;
            for path in paths {
                self.remove(&path)?;
            }
        }
        for name in self.own.names("digests")? {
            self.remove(&format!("digests/{name}"))?;
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), StoreError> {
        match rustix::fs::unlinkat(self.own.dir(), path, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(self.own.io("remove", path)(error)),
        }
    }

    /// The keys that have traces.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn keys(&self) -> Result<Vec<Digest>, StoreError> {
        let mut keys = Vec::new();
        self.own
            .each("traces", &mut |path, _| keys.extend(named(path)))?;
        Ok(keys)
    }
}
