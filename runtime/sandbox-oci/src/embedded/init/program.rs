//! Starts the step's program, hands signals on to it, and reaps what it leaves, until it ends. Shells are started beside it.
//!
//! A container's first process gets only the signals that it asks for, and orphans come to it. A program rarely expects
//! either, so that it is the second one.

use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix_namespaces::event::{PollFd, PollFlags, poll};
use rustix_namespaces::io::Errno;
use rustix_namespaces::process::{Pid, Signal, WaitOptions, kill_process_group, wait};
use signal_hook::consts::SIGCHLD;

use super::Parent;
use super::identity::Person;
use super::shells::Shells;
use crate::embedded::handles;
use crate::embedded::request::{Failure, Purpose, Reply, Request, SHELL};

/// Where a program is looked for if the environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs the program to its end, or, where there is none, until the parent ends it.
pub(super) fn run(request: &Request, person: &Person, parent: &Parent) -> Result<Reply, Failure> {
    let doing = "wait for the program";
    let failed = |error: io::Error| Failure::host(doing, error);
    let (children, woken) = UnixStream::pair().map_err(failed)?;
    children.set_nonblocking(true).map_err(failed)?;
    signal_hook::low_level::pipe::register(SIGCHLD, woken).map_err(failed)?;
    // While nothing of the guest has run.
    let shells = Shells::new(request, person);
    let child = match request.purpose {
        Purpose::Shells | Purpose::Look => None,
        Purpose::Program => match start(request, person) {
            Ok(child) => Some(child),
            Err(error) => {
                complain(&request.argv, &error, &mut io::stderr());
                return Ok(not_started(&error));
            }
        },
    };
    parent.say(&Reply::Started).map_err(failed)?;
    let mut watch = Watch {
        child,
        children,
        parent: parent.socket(),
        shells,
    };
    watch.run().map_err(failed)
}

/// A program with these arguments, in the step's surroundings.
pub(super) fn command(request: &Request, person: &Person, argv: &[String]) -> io::Result<Command> {
    let (program, args) = argv
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there is no program to run"))?;
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", &person.home)
        .env("HOSTNAME", "stepwell")
        .envs(request.env.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

fn start(request: &Request, person: &Person) -> io::Result<Pid> {
    let mut command = command(request, person, &request.argv)?;
    command
        .current_dir(&request.working_dir)
        .process_group(0)
        .stdin(Stdio::null());
    spawn(command)
}

/// Starts a program, which is waited for with all others.
pub(super) fn spawn(mut command: Command) -> io::Result<Pid> {
    let child = command.spawn()?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// Says on its own standard error why a program did not start.
pub(super) fn complain(argv: &[String], error: &io::Error, to: &mut dyn io::Write) {
    let program = argv.first().map_or("", String::as_str);
    // Whoever does not listen does not need to know.
    let _ = writeln!(
        to,
        "stepwell: cannot start `{}`: {error}",
        program.escape_debug()
    );
}

/// A program that is not there, or cannot be run, is an end of its own, as a shell has it.
pub(super) fn not_started(error: &io::Error) -> Reply {
    Reply::Exited(match error.kind() {
        io::ErrorKind::NotFound => 127,
        _ => 126,
    })
}

/// Everything that is waited for.
struct Watch<'a> {
    child: Option<Pid>,
    children: UnixStream,
    parent: &'a UnixStream,
    shells: Shells<'a>,
}

impl Watch<'_> {
    fn run(&mut self) -> io::Result<Reply> {
        loop {
            if let Some(reply) = self.reap()? {
                return Ok(reply);
            }
            let ready: Vec<bool> = {
                let fixed = [self.children.as_fd(), self.parent.as_fd()];
                let mut fds: Vec<_> = fixed
                    .into_iter()
                    .chain(self.shells.sockets())
                    .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
                    .collect();
                match poll(&mut fds, -1) {
                    Err(Errno::INTR) => continue,
                    polled => polled?,
                };
                fds.iter().map(|fd| !fd.revents().is_empty()).collect()
            };
            let (fixed, shells) = ready.split_at(2);
            self.shells.hear(shells);
            if fixed[0] {
                // How often it woke us is of no interest.
                let mut bytes = [0; 64];
                while matches!(self.children.read(&mut bytes), Ok(read) if read > 0) {}
            }
            if fixed[1]
                && let Some(reply) = self.hear_parent()?
            {
                return Ok(reply);
            }
        }
    }

    /// Hands a signal on to the program and what it started, or starts one more. A parent that is gone takes the container
    /// with it, and so does a signal a container without a program.
    fn hear_parent(&mut self) -> io::Result<Option<Reply>> {
        let mut number = [0];
        let (read, handles) = handles::receive(self.parent, &mut number)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if number == [SHELL] {
            self.shells.take(handles);
            return Ok(None);
        }
        let Some(child) = self.child else {
            return Ok(Some(Reply::Exited(0)));
        };
        if let Some(signal) = Signal::from_raw(i32::from(number[0])) {
            // Whoever has become somebody else meanwhile is ended from outside.
            let _ = kill_process_group(child, signal);
        }
        Ok(None)
    }

    /// Reaps all that has ended; gives the program's own end.
    fn reap(&mut self) -> io::Result<Option<Reply>> {
        loop {
            let (pid, status) = match wait(WaitOptions::NOHANG) {
                Ok(Some(ended)) => ended,
                Err(Errno::INTR) => continue,
                // Nobody has ended, or there is nobody.
                Ok(None) | Err(Errno::CHILD) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
            let ended = match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Reply::Exited(number(code)),
                (None, Some(signal)) => Reply::Signalled(number(signal)),
                (None, None) => continue,
            };
            if Some(pid) == self.child {
                return Ok(Some(ended));
            }
            self.shells.ended(pid, ended);
        }
    }
}
