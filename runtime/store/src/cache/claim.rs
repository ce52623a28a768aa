//! What a process that uses the cache holds: a locked file in `live/`, as old as the process's use of the cache.
//!
//! Whatever is used or written is given a newer time than that, and who collects takes nothing that is as new as the oldest
//! claim of a live process. The kernel lets go of the lock when its holder dies, however it dies.

use std::fs::File;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::files::{Files, modified, stat};
use crate::error::StoreError;

/// One process's claim.
#[derive(Debug)]
pub(super) struct Claim {
    files: Files,
    name: String,
    /// Locked.
    _file: File,
    since: (i64, i64),
}

impl Claim {
    pub(super) fn make(files: &Files) -> Result<Self, StoreError> {
        let temporary = files.temporary()?;
        let file = temporary.file.try_clone();
        let file = file.map_err(files.io("open", "temp"))?;
        // Locked before anybody can find it in `live/`.
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(files.io("lock", "temp"))?;
        let stat = stat(&file).map_err(files.io("look at", "temp"))?;
        let name = format!("live/{}-{}", std::process::id(), stat.st_ino);
        files.keep(temporary, &name)?;
        Ok(Self {
            files: files.try_clone()?,
            name,
            _file: file,
            since: modified(&stat),
        })
    }

    /// Since when.
    pub(super) fn since(&self) -> (i64, i64) {
        self.since
    }

    /// The time of the oldest claim of a live process; what a dead one left behind is removed.
    pub(super) fn oldest(files: &Files) -> Result<Option<(i64, i64)>, StoreError> {
        let mut oldest = None;
        for name in files.names("live")? {
            let name = format!("live/{name}");
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = match rustix::fs::openat(files.dir(), &name, flags, Mode::empty()) {
                Err(Errno::NOENT) => continue,
                file => file.map_err(files.io("open", &name))?,
            };
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
                Err(Errno::WOULDBLOCK) => {
                    let stat = stat(&file).map_err(files.io("look at", &name))?;
                    let since = modified(&stat);
                    oldest = Some(oldest.map_or(since, |oldest| since.min(oldest)));
                }
                Ok(()) => {
                    let _ = rustix::fs::unlinkat(files.dir(), &name, AtFlags::empty());
                }
                Err(error) => return Err(files.io("lock", &name)(error)),
            }
        }
        Ok(oldest)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(self.files.dir(), &self.name, AtFlags::empty());
    }
}
