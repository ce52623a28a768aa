//! One state of one file, as far as the file system tells without its bytes, and who remembers the digests of such states.

use rustix::fs::Stat;
use rustix::time::{ClockId, clock_gettime};

use crate::Digest;

/// How old a file's last change must be for the next one to show: the coarsest clock that a file system in use has, which is
/// FAT's.
const TICK_SECONDS: i64 = 2;

/// One state of one file. A file whose bytes have changed has another version, but for changes within one tick of the file
/// system's clock: see [`Settled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When its bytes changed last: seconds and nanoseconds.
    pub modified: (i64, i64),
    /// When anything of it changed last: seconds and nanoseconds. No program can set it back.
    pub changed: (i64, i64),
}

impl Version {
    /// The version that `stat` shows.
    #[expect(
        clippy::unnecessary_cast,
        reason = "the fields have other types on other processors"
    )]
    pub fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

/// A version that was so old when it was looked at that every change from then on shows: such a file has no two contents. The
/// time of a change cannot be set back by a program, unlike that of a modification, so both count.
///
/// It has to be made before the first byte is read. A file that is changed, read, and changed again within one tick looks
/// afterwards as it did before, however long the reading took; git calls such entries of its index racy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled(Version);

impl Settled {
    /// The version.
    pub fn version(&self) -> &Version {
        &self.0
    }
}

impl Version {
    /// This version of a file that is about to be read, where a later one can be told from it.
    pub fn settled(&self) -> Option<Settled> {
        let now = clock_gettime(ClockId::Realtime);
        self.settled_at((now.tv_sec, now.tv_nsec))
    }

    /// The same at another time: seconds and nanoseconds.
    pub fn settled_at(&self, (seconds, nanoseconds): (i64, i64)) -> Option<Settled> {
        let latest = self.modified.max(self.changed);
        (latest < (seconds - TICK_SECONDS, nanoseconds)).then_some(Settled(*self))
    }
}

/// Remembers the digests of files.
pub trait Digests: Send + Sync {
    /// The digest of the bytes of a file that is at `version`, where it is known beyond doubt.
    fn get(&self, version: &Version) -> Option<Digest>;

    /// A file that was at `version` before and after its bytes were read has `digest`.
    fn put(&self, version: &Settled, digest: Digest);
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDigests;

impl Digests for NoDigests {
    fn get(&self, _: &Version) -> Option<Digest> {
        None
    }

    fn put(&self, _: &Settled, _: Digest) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a_file_that_is_changed_in_the_tick_of_its_reading_passes_for_what_was_read() {
        let version = |modified, changed| Version {
            device: 1,
            inode: 1,
            size: 1,
            modified: (modified, 0),
            changed: (changed, 0),
        };
        for (second, settled) in [
            (97, true),
            (98, false),
            (99, false),
            (100, false),
            (200, false),
        ] {
            for version in [version(second, 50), version(50, second)] {
                let found = version.settled_at((100, 0));
                assert_eq!(found.is_some(), settled, "{version:?}");
                assert!(found.is_none_or(|found| *found.version() == version));
            }
        }
    }
}
