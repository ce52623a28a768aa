//! Makes the namespaces that a task's containers are made in, where we are not root, and connects to what listens there,
//! or listens itself.
//!
//! Once they are made it says so, and waits until its parent has handles of them: with it, they would be gone.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};

use rustix_namespaces::process::{getegid, geteuid};
use rustix_namespaces::thread::{UnshareFlags, unshare};

use super::{Parent, join};
use crate::embedded::handles;
use crate::embedded::request::{Failure, Joined, Reply};
use crate::network::{self, raise_loopback};

/// Makes a user namespace, in which user 0 is who started us, and a network with loopback in it.
pub(super) fn make(parent: &Parent) -> Result<(), Failure> {
    let host = |doing: &'static str| move |error: io::Error| Failure::host(doing, error);
    let (user, group) = (geteuid(), getegid());
    unshare(UnshareFlags::NEWUSER).map_err(|error| host("make a user namespace")(error.into()))?;
    // Groups cannot be given up any more: some of them could be there to keep somebody out.
    fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("0 {} 1", user.as_raw())))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("0 {} 1", group.as_raw())))
        .map_err(host("be root of a user namespace"))?;
    unshare(UnshareFlags::NEWNET).map_err(|error| host("make a network")(error.into()))?;
    raise_loopback().map_err(host("make a network"))?;
    parent
        .say(&Reply::Started)
        .and_then(|()| parent.wait_for_end())
        .map_err(host("hand namespaces over"))
}

/// Connects to `port` of the loopback in these namespaces, and hands the socket over.
pub(super) fn connect(joined: &Joined, port: u16, parent: &Parent) -> Result<(), Failure> {
    join::enter(joined)?;
    let doing = "connect inside the task";
    let socket = network::connect(port).map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::TimedOut
        | io::ErrorKind::AddrNotAvailable => Failure::guest(doing, error),
        _ => Failure::host(doing, error),
    })?;
    hand_over(socket.as_fd(), parent).map_err(|error| Failure::host(doing, error))
}

/// Listens on a free port of the loopback in these namespaces, and hands the socket over.
pub(super) fn listen(joined: &Joined, parent: &Parent) -> Result<(), Failure> {
    join::enter(joined)?;
    network::listen()
        .and_then(|socket| hand_over(socket.as_fd(), parent))
        .map_err(|error| Failure::host("listen inside the task", error))
}

fn hand_over(socket: BorrowedFd<'_>, parent: &Parent) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Reply::Started)?;
    line.push(b'\n');
    handles::send(parent.socket(), &line, &[socket])
}
