//! What steps left, and what decided it: kept between runs, and given back only where every byte is as it was stored.
//!
//! ```text
//! CACHE/              0700
//!   blobs/ab/…        bytes of files, each named by its digest
//!   outcomes/ab/…     what a step left behind, each named by its digest
//!   traces/ab/…       for each static key, the questions that its steps asked and the outcomes they led to
//!   digests/ab        digests of files by their state on disk: a shortcut, and nothing is lost with it
//!   live/             a locked file for each process that uses the cache
//!   temp/             what is being written
//! ```
//!
//! A file is written to `temp/` and renamed to its place, so that whoever kills us at any instant leaves whole files and at
//! worst one that nobody looks for. Reading takes no lock: what is torn, altered or swapped is recognised by its digest,
//! counts as missing, and is removed. It does not know steps, nor how a question is answered.

mod blobs;
mod carry;
mod claim;
mod collect;
mod files;
mod index;
mod outcome;
mod report;
mod traces;
mod trie;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use rustix::fs::Mode;

pub use carry::Carried;
pub use collect::Collected;
pub use index::DigestIndex;
pub use outcome::{Left, Outcome, Said};
pub use report::{Amount, Checked, Usage};
pub use traces::{Found, Look};
pub use trie::{Ask, Conflict, Leaf, Missed, Stuck, Trie, Walk};

use crate::error::StoreError;
use crate::layout::{open_private, open_root};
use claim::Claim;
use files::Files;

const FOLDERS: [&str; 6] = ["blobs", "outcomes", "traces", "digests", "live", "temp"];

/// How a cache is opened.
#[derive(Debug, Clone, Default)]
pub struct CacheOptions {
    /// Folders of other caches in which is looked too, and to which nothing is written: somebody else fills them. Their
    /// owners are trusted to say what a step would have done.
    pub shared: Vec<PathBuf>,
}

/// One cache, shared by any number of processes.
#[derive(Debug)]
pub struct Cache {
    own: Files,
    shared: Vec<Files>,
    index: DigestIndex,
    claim: Claim,
    /// Bytes that this process has added since they were last counted.
    grown: AtomicU64,
}

impl Cache {
    /// Opens the cache at `root` and makes what is missing of it. As long as it is open, nothing that it has used is
    /// collected.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exposed`] for a folder that another user could write to, with the command that mends it;
    /// [`StoreError::Io`] for what the file system refused.
    pub fn open(root: &Path, options: &CacheOptions) -> Result<Self, StoreError> {
        let dir = open_root(root)?;
        for name in FOLDERS {
            open_private(&dir, name, &root.join(name))?;
        }
        let own = Files::new(dir, root);
        let shared = options.shared.iter().filter_map(|path| {
            let flags = rustix::fs::OFlags::RDONLY
                | rustix::fs::OFlags::DIRECTORY
                | rustix::fs::OFlags::CLOEXEC;
            match rustix::fs::open(path, flags, Mode::empty()) {
                Ok(dir) => Some(Files::read_only(dir, path)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a shared cache is not there");
                    None
                }
            }
        });
        Ok(Self {
            claim: Claim::make(&own)?,
            index: DigestIndex::new(own.try_clone()?),
            shared: shared.collect(),
            grown: AtomicU64::new(0),
            own,
        })
    }

    /// The digests of files that are known by their state on disk.
    pub fn digests(&self) -> &DigestIndex {
        &self.index
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.own.path()
    }

    /// Everything that may be looked into: its own folder first.
    fn all(&self) -> impl Iterator<Item = &Files> {
        std::iter::once(&self.own).chain(&self.shared)
    }
}

#[cfg(test)]
mod tests;
