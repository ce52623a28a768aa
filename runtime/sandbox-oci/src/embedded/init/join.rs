//! Joins the namespaces that a task's containers are made in, where we are not root.
//!
//! The process that was started cannot become the first one of a process namespace that it makes. So it makes another, which
//! does, and stays to end it when it is asked to: it is gone only after all of the container is.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix_namespaces::event::{PollFd, PollFlags, poll};
use rustix_namespaces::fs::{AtFlags, CWD, Mode, OFlags, open, openat, readlinkat, statat};
use rustix_namespaces::mount::{OpenTreeFlags, open_tree};
use rustix_namespaces::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, waitpid,
};
use rustix_namespaces::thread::{
    LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare,
};
use signal_hook::consts::SIGTERM;

use crate::embedded::request::{Failure, Joined, VolumeMount};

/// The folder of a volume, and where it was found: a handle of another mount namespace cannot be mounted.
pub(super) struct Found {
    folder: OwnedFd,
    path: PathBuf,
}

impl Found {
    /// Looks where the folder of a volume is, while its handle can still be followed.
    pub(super) fn look(volume: &VolumeMount) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(&volume.source, flags, Mode::empty())?;
        let path = readlinkat(CWD, &volume.source, Vec::new())?;
        Ok(Self {
            folder,
            path: PathBuf::from(OsString::from_vec(path.into_bytes())),
        })
    }

    /// A mount of the folder, and of no other that has its path by now.
    pub(super) fn tree(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let found = openat(CWD, &self.path, flags, Mode::empty())?;
        let same = |folder: &OwnedFd| statat(folder, "", AtFlags::EMPTY_PATH);
        let (here, there) = (same(&found)?, same(&self.folder)?);
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino) {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("`{}` is another folder by now", self.path.display()),
            ));
        }
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        Ok(open_tree(found.as_fd(), "", flags)?)
    }
}

/// Joins the namespaces. Gives the volumes in the process that is to become the container; in the other one `None`, when
/// all of the container is gone.
pub(super) fn join(
    joined: &Joined,
    volumes: &[VolumeMount],
) -> Result<Option<Vec<Found>>, Failure> {
    let host = |doing: &'static str| move |error: io::Error| Failure::host(doing, error);
    let found: Result<Vec<_>, _> = volumes
        .iter()
        .map(|volume| {
            Found::look(volume).map_err(|error| {
                Failure::host(format!("open the volume for `{}`", volume.target), error)
            })
        })
        .collect();
    let found = found?;
    enter(joined)?;
    end_with_parent()?;
    let (asked, asking) = UnixStream::pair().map_err(host("wait for the container"))?;
    signal_hook::low_level::pipe::register(SIGTERM, asking)
        .map_err(host("wait for the container"))?;
    unshare(UnshareFlags::NEWPID)
        .map_err(|error| Failure::host("make a process namespace", error))?;
    match fork().map_err(host("start the container"))? {
        None => end_with_parent().map(|()| Some(found)),
        Some(container) => {
            watch(container, &asked).map_err(host("wait for the container"))?;
            Ok(None)
        }
    }
}

/// Moves this process into the namespaces.
pub(super) fn enter(joined: &Joined) -> Result<(), Failure> {
    let entered = || -> io::Result<()> {
        let user = File::open(&joined.user)?;
        let network = joined.network.as_ref().map(File::open).transpose()?;
        move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
        if let Some(network) = network {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
        }
        Ok(())
    };
    entered().map_err(|error| Failure::host("enter the task's namespaces", error))
}

fn end_with_parent() -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::Kill))
        .map_err(|error| Failure::host("end with its parent", error))
}

/// Becomes two processes: `None` is the new one.
fn fork() -> io::Result<Option<Pid>> {
    #[expect(
        unsafe_code,
        reason = "no safe crate offers it: it is unsound in a process with threads"
    )]
    // SAFETY: this process has one thread, so that nothing is held that nobody would let go of in the new one.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Waits until the container is gone, which it is once its first process is; ends it when it is asked to.
fn watch(container: Pid, asked: &UnixStream) -> io::Result<()> {
    let process = pidfd_open(container, PidfdFlags::empty())?;
    let mut has_asked = false;
    loop {
        let mut fds = vec![PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
        if !has_asked {
            fds.push(PollFd::from_borrowed_fd(asked.as_fd(), PollFlags::IN));
        }
        match poll(&mut fds, -1) {
            Err(rustix_namespaces::io::Errno::INTR) => continue,
            polled => polled?,
        };
        if !fds[0].revents().is_empty() {
            waitpid(Some(container), WaitOptions::empty())?;
            return Ok(());
        }
        if fds.get(1).is_some_and(|asked| !asked.revents().is_empty()) {
            has_asked = true;
            pidfd_send_signal(&process, Signal::Kill)?;
        }
    }
}
