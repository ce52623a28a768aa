//! Calls of WASI 0.1 with exactly the arguments given.
//!
//! The C library resolves a path before it asks the host: an absolute path never arrives, and some flags cannot be
//! combined. A hostile guest has no such manners.

#![expect(
    unsafe_code,
    reason = "wasip1 marks every call unsafe, for a descriptor is a bare number; ours are open files"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

use wasip1::{Errno, Fd, Fdflags, Filestat, Fstflags, Lookupflags, Oflags, Rights};

fn error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.raw().into())
}

fn fd(dir: &File) -> Fd {
    dir.as_raw_fd() as Fd
}

/// Opens `path` as seen from `dir`, following a link at its end.
pub fn open_at(dir: &File, path: &str, oflags: Oflags, rights: Rights) -> io::Result<File> {
    const NO_FLAGS: Fdflags = 0;
    let follow: Lookupflags = wasip1::LOOKUPFLAGS_SYMLINK_FOLLOW;
    // SAFETY: `dir` is open, and the descriptor that comes back belongs to nobody else.
    unsafe {
        wasip1::path_open(fd(dir), follow, path, oflags, rights, rights, NO_FLAGS)
            .map(|opened| File::from_raw_fd(opened as _))
            .map_err(error)
    }
}

/// Creates a folder.
pub fn create_dir_at(dir: &File, path: &str) -> io::Result<()> {
    // SAFETY: `dir` is open.
    unsafe { wasip1::path_create_directory(fd(dir), path) }.map_err(error)
}

/// Creates a symbolic link at `link` that says `target`, whatever that is.
pub fn symlink_at(target: &str, dir: &File, link: &str) -> io::Result<()> {
    // SAFETY: `dir` is open.
    unsafe { wasip1::path_symlink(target, fd(dir), link) }.map_err(error)
}

/// Says everything about what is at `path`, without following a link at its end.
pub fn stat_at(dir: &File, path: &str) -> io::Result<Filestat> {
    // SAFETY: `dir` is open.
    unsafe { wasip1::path_filestat_get(fd(dir), 0, path) }.map_err(error)
}

/// Sets the times of access and change, in nanoseconds since 1970.
pub fn set_times_at(dir: &File, path: &str, access: u64, change: u64) -> io::Result<()> {
    let which: Fstflags = wasip1::FSTFLAGS_ATIM | wasip1::FSTFLAGS_MTIM;
    // SAFETY: `dir` is open.
    unsafe { wasip1::path_filestat_set_times(fd(dir), 0, path, access, change, which) }
        .map_err(error)
}

/// A clock's reading in nanoseconds.
pub fn clock(id: wasip1::Clockid) -> io::Result<u64> {
    // SAFETY: the call takes no address.
    unsafe { wasip1::clock_time_get(id, 1) }.map_err(error)
}

/// Fills `bytes` from the host's source of random bytes.
pub fn random(bytes: &mut [u8]) -> io::Result<()> {
    // SAFETY: the address and the length are those of `bytes`.
    unsafe { wasip1::random_get(bytes.as_mut_ptr(), bytes.len()) }.map_err(error)
}
