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
use stepwell_contract::{Access, Answer, Kind, Observer, Question};
use wasmtime::component::Resource;

pub(crate) use error::{FsError, FsResult};
pub(crate) use listing::raw_entries;
pub(crate) use open::{CountedFile, OpenDir};
#[expect(unreachable_pub, reason = "the generated bindings re-export them")]
pub use {listing::Listing, open::Descriptor};

use crate::bindings::imports::wasi::clocks::wall_clock::Datetime;
use crate::bindings::imports::wasi::filesystem::preopens;
use crate::guest::Guest;
use crate::trace::{At, Tracer};

/// One directory that a step was handed.
#[derive(Debug)]
pub(crate) struct MountPoint {
    /// What the step may do under it.
    pub(crate) access: Access,
    /// The volume that it shows.
    pub(crate) volume: Arc<str>,
    /// The volume's folder.
    pub(crate) dir: Arc<Dir>,
}

/// What one step sees of files.
pub(crate) struct FileSystem {
    preopens: Vec<Preopen>,
    /// The one time that every file has.
    pinned: Datetime,
    /// How often this step has created, removed or renamed something: what it saw in a listing holds until then.
    changes: u64,
    /// The way to the working directory, as it was before that was made.
    home: Option<Home>,
    /// The record of what the step learns, where somebody wants it.
    tracer: Option<Arc<Tracer>>,
}

/// A working directory below a mount's folder: each folder on the way there, and what was at its place.
pub(crate) struct Home {
    /// The mount that it is in.
    pub(crate) mount: Arc<MountPoint>,
    /// The paths from the mount's folder on, outermost first.
    pub(crate) way: Vec<(String, Kind)>,
}

/// A directory that is open when a step starts.
struct Preopen {
    /// The name by which the guest knows it: absolute, or relative to its working directory.
    name: String,
    dir: Arc<Dir>,
    mount: Arc<MountPoint>,
    /// Where it is in the step's sight.
    path: Arc<str>,
    /// Where it is below its mount's folder; empty for that folder itself.
    relative: Arc<str>,
    /// Its true name, where the step is recorded.
    at: Option<At>,
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
            home: None,
            tracer: None,
        }
    }

    /// Adds the folder of a mount under `name`; `path` is where the step sees it.
    pub(crate) fn preopen(
        &mut self,
        name: impl Into<String>,
        mount: Arc<MountPoint>,
        path: Arc<str>,
    ) {
        let dir = Arc::clone(&mount.dir);
        self.preopen_below(name, dir, mount, path, "".into());
    }

    /// Adds a directory that is at `relative` below the folder of its mount.
    pub(crate) fn preopen_below(
        &mut self,
        name: impl Into<String>,
        dir: Arc<Dir>,
        mount: Arc<MountPoint>,
        path: Arc<str>,
        relative: Arc<str>,
    ) {
        self.preopens.push(Preopen {
            name: name.into(),
            dir,
            mount,
            path,
            relative,
            at: None,
        });
    }

    /// Says how the way to the working directory was found.
    pub(crate) fn set_home(&mut self, home: Home) {
        self.home = Some(home);
    }

    /// The step has something done to its files that nobody observes.
    pub(crate) fn unobservable(&self, what: &'static str) {
        if let Some(tracer) = &self.tracer {
            tracer.unobservable(what);
        }
    }

    /// Records for `observer` from now on, which is before the guest has asked for anything.
    pub(crate) fn observe(&mut self, observer: Arc<dyn Observer>) -> Arc<Tracer> {
        let tracer = Tracer::new(observer);
        for preopen in &mut self.preopens {
            let root = tracer.root(&preopen.mount.volume, &preopen.mount.dir);
            preopen.at = Some(At::new(root, Arc::clone(&preopen.relative)));
        }
        if let Some(Home { mount, way }) = self.home.take() {
            let root = tracer.root(&mount.volume, &mount.dir);
            for (path, kind) in way {
                let at = At::new(Arc::clone(&root), path);
                at.note(Question::Kind, Answer::Kind(kind));
                match kind {
                    Kind::Folder => {}
                    // It was made for the step, as a container engine does.
                    Kind::Absent => at.own(kind),
                    _ => tracer.unobservable("has a working directory behind a link"),
                }
            }
        }
        self.tracer = Some(Arc::clone(&tracer));
        tracer
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
                preopen.at.clone(),
            );
            directories.push((self.table.push(Descriptor::Dir(dir))?, preopen.name.clone()));
        }
        Ok(directories)
    }
}
