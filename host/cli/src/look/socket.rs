//! The socket in a run's folder: made and reached through the folder's handle, and answered to nobody but its owner.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// What it is called in the folder.
pub(super) const NAME: &str = "look.sock";

/// Makes the socket in `folder`, which is at `path`. One that a process left there which had the folder before is replaced.
pub(super) fn listen(folder: BorrowedFd<'_>, path: &Path) -> io::Result<UnixListener> {
    remove(folder);
    UnixListener::bind(name(folder, path))
}

/// Reaches the process that listens in `folder`, which is at `path`.
pub(super) fn connect(folder: BorrowedFd<'_>, path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(name(folder, path))
}

/// Removes the socket; that there is none is fine.
pub(super) fn remove(folder: BorrowedFd<'_>) {
    let _ = rustix::fs::unlinkat(folder, NAME, rustix::fs::AtFlags::empty());
}

/// The socket by a name that is short: a path of more than a hundred bytes is none to a socket, and a run's folder may have
/// a longer one.
fn name(folder: BorrowedFd<'_>, path: &Path) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    match cfg!(target_os = "linux") {
        true => PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd())),
        false => path.join(NAME),
    }
}

/// Whether the other end is this user. The folder lets nobody else in; this holds should its mode be changed.
pub(super) fn is_ours(stream: &UnixStream) -> bool {
    #[cfg(target_os = "linux")]
    {
        let peer = rustix::net::sockopt::socket_peercred(stream.as_fd());
        peer.is_ok_and(|peer| peer.uid == rustix::process::geteuid())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream.as_fd();
        true
    }
}
