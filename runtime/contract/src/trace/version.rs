//! One state of one file, as far as the file system tells without its bytes, and who remembers the digests of such states.

use rustix::fs::Stat;

use crate::Digest;

/// One state of one file. A file whose bytes have changed has another version, but for changes within one tick of the file
/// system's clock: who remembers digests has to mind that.
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

/// Remembers the digests of files.
pub trait Digests: Send + Sync {
    /// The digest of the bytes of a file that is at `version`, where it is known beyond doubt.
    fn get(&self, version: &Version) -> Option<Digest>;

    /// A file that was at `version` before and after its bytes were read has `digest`. What cannot be told apart from a later
    /// version is not kept.
    fn put(&self, version: &Version, digest: Digest);
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDigests;

impl Digests for NoDigests {
    fn get(&self, _: &Version) -> Option<Digest> {
        None
    }

    fn put(&self, _: &Version, _: Digest) {}
}
