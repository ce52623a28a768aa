//! Opens a folder below another without going through a single symlink.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{Reached, refusal};
use crate::trace::Kind;

const FLAGS: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The folder at `path` below `root`; `path` holds names alone. Where the kernel can, it goes the whole way in one call.
pub(super) fn folder(root: BorrowedFd<'_>, path: &str) -> Reached {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match rustix::fs::openat2(root, path, FLAGS, Mode::empty(), resolve) {
        Ok(dir) => Ok(dir),
        Err(Errno::NOENT) => Err(Kind::Absent),
        // The kernel is too old, or somebody keeps the call from us; or it was a race with a rename; or a link, of which it
        // does not always say that it is one. The slow way tells.
        Err(_) => name_by_name(root, path),
    }
}

/// The same, one name after the other.
pub(super) fn name_by_name(root: BorrowedFd<'_>, path: &str) -> Reached {
    let mut reached: Option<OwnedFd> = None;
    for name in path.split('/') {
        let dir = reached.as_ref().map_or(root, AsFd::as_fd);
        let next = rustix::fs::openat(dir, name, FLAGS, Mode::empty());
        reached = Some(next.map_err(|errno| what_instead(dir, name, errno))?);
    }
    reached.ok_or(Kind::Absent)
}

/// What stands in the way, where `name` in `dir` could not be opened as a folder.
fn what_instead(dir: BorrowedFd<'_>, name: &str, errno: Errno) -> Kind {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => Kind::Astray,
        _ => refusal(errno),
    }
}
