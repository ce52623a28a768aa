//! A container's first process: our own binary, started again inside the container's process namespace.
//!
//! It hears what to become (`request`), makes the root and the mounts (`root`), finds out who runs (`identity`), gives up
//! every power (`confine`), and only then starts the program and waits for it (`program`), and beside it what its parent
//! wants to have started (`shells`). One that is only looked at shows its root instead (`look`). What it learns it says to
//! its parent and to nobody else. It has one thread, and ends when the socket to its parent closes: with the first process
//! of a namespace, the kernel ends all others.
//!
//! Where we are not root, it joins a user namespace before all that (`join`), which was made by such a process too
//! (`ground`).
//!
//! It must not be called in a process that does anything else.

mod confine;
mod ground;
mod identity;
mod join;
mod look;
mod program;
mod root;
mod shells;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix_namespaces::fs::Mode;
use rustix_namespaces::process::umask;

use crate::embedded::request::{Failure, Order, Purpose, Reply, Request};

/// A request is shorter: it holds a step's arguments and environment, which the kernel bounds to less.
const REQUEST_BYTES: u64 = 16 << 20;

/// Becomes the container that the parent asks for on standard input. Call it first thing in a process that was started
/// for it, with the arguments of [`OciOptions::init`](crate::OciOptions::init).
pub fn container_init() -> ExitCode {
    if close_inherited().is_err() {
        return ExitCode::FAILURE;
    }
    // Whatever the user's is: what is made for a container, and in it, is as on any other machine.
    umask(Mode::from_raw_mode(0o022));
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let parent = Parent(UnixStream::from(socket));
    let reply = match obey(&parent) {
        Ok(Some(reply)) => reply,
        Ok(None) => return ExitCode::SUCCESS,
        Err(failure) => Reply::Failed(failure),
    };
    match parent.say(&reply) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Closes whatever the process that started Stepwell has left open: no program of a guest's is to have it.
fn close_inherited() -> std::io::Result<()> {
    const FIRST: libc::c_uint = 3;
    #[expect(
        unsafe_code,
        reason = "no crate that we use closes handles that nobody owns"
    )]
    // SAFETY: this is the first thing that the process does, so that no handle of its own is among them.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
    match closed {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Does what it was started for; `None` where somebody else answers.
fn obey(parent: &Parent) -> Result<Option<Reply>, Failure> {
    let request = match parent.hear()? {
        Order::Ground => return ground::make(parent).map(|()| None),
        Order::Connect(joined, port) => {
            return ground::connect(&joined, port, parent).map(|()| None);
        }
        Order::Listen(joined) => return ground::listen(&joined, parent).map(|()| None),
        Order::Container(request) => request,
    };
    let found = match &request.joined {
        None => None,
        Some(joined) => match join::join(joined, &request.volumes)? {
            None => return Ok(None),
            found => found,
        },
    };
    become_container(&request, found.as_deref(), parent).map(Some)
}

fn become_container(
    request: &Request,
    found: Option<&[join::Found]>,
    parent: &Parent,
) -> Result<Reply, Failure> {
    if request.purpose == Purpose::Look {
        return look::run(request, found, parent);
    }
    let unplaced = root::enter(request, found)?;
    let mut person = identity::resolve(&request.identity)?;
    if request.joined.is_some() {
        identity::alone(&mut person)?;
    }
    root::furnish(request, unplaced)?;
    confine::confine(request, &person)?;
    program::run(request, &person, parent)
}

/// The socket to the process that started us.
pub(super) struct Parent(UnixStream);

impl Parent {
    fn hear(&self) -> Result<Order, Failure> {
        let doing = "hear what to run";
        let mut line = String::new();
        let mut reader = BufReader::new((&self.0).take(REQUEST_BYTES));
        reader
            .read_line(&mut line)
            .map_err(|error| Failure::host(doing, error))?;
        serde_json::from_str(&line).map_err(|error| Failure::host(doing, error))
    }

    pub(super) fn say(&self, reply: &Reply) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        (&self.0).write_all(&line)
    }

    /// Returns when the parent has closed the socket.
    pub(super) fn wait_for_end(&self) -> std::io::Result<()> {
        (&self.0)
            .read_exact(&mut [0])
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => Ok(()),
                _ => Err(error),
            })
    }

    pub(super) fn socket(&self) -> &UnixStream {
        &self.0
    }
}
