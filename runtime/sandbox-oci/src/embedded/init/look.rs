//! A container in which nothing runs: its first process hands its root out, and waits until nobody needs it any more.
//!
//! It gives up no power, for it does nothing with any. The root lives as long as this process does: a root is part of its
//! namespace.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use rustix_namespaces::fs::{CWD, Mode, OFlags, openat};
use rustix_namespaces::process::{Signal, set_parent_process_death_signal};

use super::join::Found;
use super::{Parent, root};
use crate::embedded::handles;
use crate::embedded::request::{Failure, Reply, Request, SHELL};

/// Shows the root to the parent until it wants nothing any more.
pub(super) fn run(
    request: &Request,
    found: Option<&[Found]>,
    parent: &Parent,
) -> Result<Reply, Failure> {
    let failed = |error: io::Error| Failure::host("show the root", error);
    set_parent_process_death_signal(Some(Signal::Kill))
        .map_err(|error| Failure::host("end with its parent", error))?;
    root::enter_to_look(request, found)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, "/", flags, Mode::empty()).map_err(|error| failed(error.into()))?;
    parent.say(&Reply::Started).map_err(failed)?;
    loop {
        let mut byte = [0];
        let (read, handles) = handles::receive(parent.socket(), &mut byte).map_err(failed)?;
        let socket = handles.into_iter().next().map(UnixStream::from);
        match socket {
            Some(socket) if read == 1 && byte == [SHELL] => {
                handles::send(&socket, &[0], &[root.as_fd()]).map_err(failed)?;
            }
            _ => return Ok(Reply::Exited(0)),
        }
    }
}
