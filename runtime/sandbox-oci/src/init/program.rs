//! Starts the step's program, hands signals on to it, and reaps what it leaves, until it ends.
//!
//! A container's first process gets only the signals that it asks for, and orphans come to it. A program rarely expects
//! either, so that it is the second one.

use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix_namespaces::event::{PollFd, PollFlags, poll};
use rustix_namespaces::process::{Pid, Signal, WaitOptions, kill_process_group, wait};
use signal_hook::consts::SIGCHLD;

use super::Parent;
use super::identity::Person;
use crate::request::{Failure, Reply, Request};

/// Where a program is looked for if the environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs the program to its end.
pub(super) fn run(request: &Request, person: &Person, parent: &Parent) -> Result<Reply, Failure> {
    let doing = "wait for the program";
    let (mut children, woken) = UnixStream::pair().map_err(|error| Failure::host(doing, error))?;
    children
        .set_nonblocking(true)
        .map_err(|error| Failure::host(doing, error))?;
    signal_hook::low_level::pipe::register(SIGCHLD, woken)
        .map_err(|error| Failure::host(doing, error))?;
    let child = match start(request, person) {
        Ok(child) => child,
        Err(error) => return Ok(not_started(request, &error)),
    };
    parent
        .say(&Reply::Started)
        .map_err(|error| Failure::host(doing, error))?;
    watch(child, &mut children, parent.socket()).map_err(|error| Failure::host(doing, error))
}

fn start(request: &Request, person: &Person) -> io::Result<Pid> {
    let (program, args) = request
        .argv
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there is no program to run"))?;
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", &person.home)
        .env("HOSTNAME", "stepwell")
        .envs(request.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&request.working_dir)
        .process_group(0)
        .stdin(Stdio::null());
    let child = command.spawn()?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// A program that is not there, or cannot be run, is the step's own end, as a shell has it.
#[expect(clippy::print_stderr, reason = "standard error is the step's own here")]
fn not_started(request: &Request, error: &io::Error) -> Reply {
    let program = request.argv.first().map_or("", String::as_str);
    eprintln!(
        "stepwell: cannot start `{}`: {error}",
        program.escape_debug()
    );
    Reply::Exited(match error.kind() {
        io::ErrorKind::NotFound => 127,
        _ => 126,
    })
}

fn watch(child: Pid, children: &mut UnixStream, parent: &UnixStream) -> io::Result<Reply> {
    loop {
        if let Some(reply) = reap(child)? {
            return Ok(reply);
        }
        let (mut ended, mut asked) = (false, false);
        {
            let mut fds = [
                PollFd::from_borrowed_fd(children.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(parent.as_fd(), PollFlags::IN),
            ];
            match poll(&mut fds, -1) {
                Err(rustix_namespaces::io::Errno::INTR) => continue,
                polled => polled?,
            };
            ended |= !fds[0].revents().is_empty();
            asked |= !fds[1].revents().is_empty();
        }
        if ended {
            // How often it woke us is of no interest.
            let mut bytes = [0; 64];
            while matches!(children.read(&mut bytes), Ok(read) if read > 0) {}
        }
        if asked {
            hand_on(child, parent)?;
        }
    }
}

/// Hands a signal on to the program and what it started. A parent that is gone takes the container with it.
fn hand_on(child: Pid, mut parent: &UnixStream) -> io::Result<()> {
    let mut number = [0];
    if parent.read(&mut number)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if let Some(signal) = Signal::from_raw(i32::from(number[0])) {
        // Whoever has become somebody else meanwhile is ended from outside.
        let _ = kill_process_group(child, signal);
    }
    Ok(())
}

/// Reaps all that has ended; gives the program's own end.
fn reap(child: Pid) -> io::Result<Option<Reply>> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => {
                let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
                let ended = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Some(Reply::Exited(number(code))),
                    (None, Some(signal)) => Some(Reply::Signalled(number(signal))),
                    (None, None) => None,
                };
                if ended.is_some() {
                    return Ok(ended);
                }
            }
            Ok(Some(_)) | Err(rustix_namespaces::io::Errno::INTR) => {}
            Ok(None) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}
