//! One process at a time works on a repository of the cache. Held up by `flock`: the kernel lets go of it when its holder
//! dies.
//!
//! It does not know what is done under it.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// How long to wait before looking again.
const LOOK: Duration = Duration::from_millis(10);

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Waits for the lock until the deadline; `None` when that is over. The file says by its time when it was last held.
    pub(super) fn wait(path: &Path, deadline: Instant) -> std::io::Result<Option<Self>> {
        loop {
            if let Some(lock) = Self::try_now(path)? {
                // Only tells which repository is the oldest.
                let _ = lock.0.set_modified(SystemTime::now());
                return Ok(Some(lock));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(LOOK);
        }
    }

    /// The lock, where nobody else holds it.
    pub(super) fn try_now(path: &Path) -> std::io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lock");
        let held = Lock::wait(&path, Instant::now()).unwrap().unwrap();
        assert!(Lock::wait(&path, Instant::now()).unwrap().is_none());
        drop(held);
        assert!(Lock::try_now(&path).unwrap().is_some());
    }
}
