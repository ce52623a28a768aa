//! Carries entries from one cache to another: to take along, to hand to somebody, or to fill a shared one.
//!
//! What comes in is read as if it were hostile: each byte is compared with its digest, and a trace that could leave its volume
//! or goes in circles is none. What a step *would* have done cannot be checked but by running it: whoever takes entries in
//! trusts whoever made them that far.

use std::path::Path;

use rustix::fs::{Mode, OFlags};
use stepwell_contract::Digest;

use super::files::{Files, name, named};
use super::{Cache, blobs};
use crate::error::StoreError;

/// What was carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// Traces that are there now, with their outcomes and every blob.
    pub traces: usize,
    /// Traces that were left out, because something that they need is missing or damaged.
    pub incomplete: usize,
}

impl Cache {
    /// Takes entries from the cache at `from`: those of `keys`, or all.
    ///
    /// # Errors
    ///
    /// What the file system refused, a full disk among it.
    pub fn take_from(&self, from: &Path, keys: Option<&[Digest]>) -> Result<Carried, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(from, flags, Mode::empty());
        let from = Files::read_only(dir.map_err(StoreError::io("open", from))?, from);
        let keys = match keys {
            Some(keys) => keys.to_vec(),
            None => {
                let mut keys = Vec::new();
                from.each("traces", &mut |path, _| keys.extend(named(path)))?;
                keys
            }
        };
        let mut carried = Carried::default();
        for key in keys {
            let Some(trie) = self.trie_of(&from, key)? else {
                carried.incomplete += 1;
                continue;
            };
            for (observations, leaf) in trie.traces() {
                match self.take_outcome(&from, leaf.outcome)? {
                    true => {
                        self.keep_trace(key, &observations, leaf)?;
                        carried.traces += 1;
                    }
                    false => carried.incomplete += 1,
                }
            }
        }
        Ok(carried)
    }

    /// Takes an outcome with all that it needs: whether it is there now.
    fn take_outcome(&self, from: &Files, digest: Digest) -> Result<bool, StoreError> {
        let path = name("outcomes", digest);
        let Some(file) = from.open(&path)? else {
            return Ok(false);
        };
        let bytes = from.read(file, &path)?;
        let outcome = bytes.and_then(|bytes| super::outcome::of_file(digest, &bytes));
        let Some(outcome) = outcome else {
            return Ok(false);
        };
        for blob in outcome.blobs() {
            if self.uses_blob(blob)? {
                continue;
            }
            let path = name("blobs", blob);
            let Some(mut file) = from.open(&path)? else {
                return Ok(false);
            };
            let found = blobs::digest_of(&mut file).map_err(from.io("read", &path))?;
            // Read again to be kept; were it changed in between, it would be kept by another name.
            if found != blob || self.keep_blob(&mut file)?.0 != blob {
                return Ok(false);
            }
        }
        Ok(self.keep_outcome(&outcome)? == Some(digest))
    }
}
