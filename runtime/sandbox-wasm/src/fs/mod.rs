//! The observed file system: `wasi:filesystem`, served by our own code.
//!
//! It answers from the mounts that a step was handed, and takes out what would make two runs differ: listings are
//! sorted, times are pinned, inode numbers and metadata hashes come from the path, link counts are hidden. Whether a
//! path stays inside its mount is decided by cap-std and the kernel (`openat2` with `RESOLVE_BENEATH`), not here.
//!
//! Knows nothing of what a mount is for. Every operation runs inline, on the step's own thread.

mod descriptor;
mod error;
mod listing;
mod open;
mod stat;
mod stream;

use std::sync::Arc;

use cap_std::fs::Dir;
use stepwell_contract::Access;
use wasmtime::component::Resource;

pub(crate) use error::{FsError, FsResult};
pub(crate) use open::OpenDir;
#[expect(unreachable_pub, reason = "the generated bindings re-export them")]
pub use {listing::Listing, open::Descriptor};

use crate::bindings::imports::wasi::clocks::wall_clock::Datetime;
use crate::bindings::imports::wasi::filesystem::preopens;
use crate::guest::Guest;

/// One directory that a step was handed.
#[derive(Debug)]
pub(crate) struct MountPoint {
    /// What the step may do under it.
    pub(crate) access: Access,
}

/// What one step sees of files.
pub(crate) struct FileSystem {
    preopens: Vec<Preopen>,
    /// The one time that every file has.
    pinned: Datetime,
    /// How often this step has created, removed or renamed something: what it saw in a listing holds until then.
    changes: u64,
}

/// A directory that is open when a step starts.
struct Preopen {
    /// The name by which the guest knows it: absolute, or relative to its working directory.
    name: String,
    dir: Arc<Dir>,
    mount: Arc<MountPoint>,
    /// Where it is in the step's sight.
    path: Arc<str>,
}

impl FileSystem {
    /// A file system with nothing in it, in which every file is from `epoch_seconds` after 1970.
    pub(crate) fn new(epoch_seconds: u64) -> Self {
        Self {
            preopens: Vec::new(),
            pinned: Datetime {
                seconds: epoch_seconds,
                nanoseconds: 0,
            },
            changes: 0,
        }
    }

    /// Adds a directory under `name`; `path` is where the step sees it.
    pub(crate) fn preopen(
        &mut self,
        name: impl Into<String>,
        dir: Arc<Dir>,
        mount: Arc<MountPoint>,
        path: Arc<str>,
    ) {
        self.preopens.push(Preopen {
            name: name.into(),
            dir,
            mount,
            path,
        });
    }
}

impl preopens::Host for Guest {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = Vec::with_capacity(self.files.preopens.len());
        for preopen in &self.files.preopens {
            let dir = OpenDir::preopened(
                Arc::clone(&preopen.dir),
                Arc::clone(&preopen.mount),
                Arc::clone(&preopen.path),
            );
            directories.push((self.table.push(Descriptor::Dir(dir))?, preopen.name.clone()));
        }
        Ok(directories)
    }
}
