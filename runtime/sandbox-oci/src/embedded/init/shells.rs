//! Programs beside the step's own, which the parent asks for one by one: each has a socket over which its life is told.
//!
//! They are children of this process, after it gave up every power; so they are no more than the step's program is. Each
//! leads a session of its own, and is ended with all of it.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use rustix_namespaces::fs::{CWD, Mode, OFlags, openat};
use rustix_namespaces::process::{
    Pid, Signal, ioctl_tiocsctty, kill_process, kill_process_group, setsid,
};
use rustix_namespaces::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix_namespaces::termios::{Winsize, tcsetwinsize};

use super::identity::Person;
use super::program::{command, complain, not_started, spawn};
use crate::embedded::handles;
use crate::embedded::request::{Failure, Reply, Request, ShellRequest};

/// At once: each costs this process a socket.
const MOST: usize = 256;

/// A request is shorter.
const REQUEST_BYTES: u64 = 1 << 20;

/// What programs take a terminal for, if nothing else is said.
const TERM: &str = "xterm";

/// The programs that run, and what is needed to start more.
pub(super) struct Shells<'a> {
    request: &'a Request,
    person: &'a Person,
    /// Where terminals are made; `None` where the kernel has none.
    terminals: Option<OwnedFd>,
    running: Vec<Running>,
}

struct Running {
    leader: Pid,
    socket: UnixStream,
    /// All of its session is to end with it.
    is_killed: bool,
    /// How it ended.
    end: Option<Reply>,
}

/// A terminal: our end, and the program's.
struct Terminal {
    ours: OwnedFd,
    theirs: OwnedFd,
}

impl<'a> Shells<'a> {
    /// Called before a program runs that could put something else in the place of `/dev/pts`.
    pub(super) fn new(request: &'a Request, person: &'a Person) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self {
            request,
            person,
            terminals: openat(CWD, "/dev/pts", flags, Mode::empty()).ok(),
            running: Vec::new(),
        }
    }

    /// What to listen to, in the order in which [`hear`](Self::hear) is told of it.
    pub(super) fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.running.iter().map(|shell| shell.socket.as_fd())
    }

    /// Starts what is asked for over the first of `handles`; the others are its streams.
    pub(super) fn take(&mut self, handles: Vec<OwnedFd>) {
        let mut handles = handles.into_iter();
        let Some(socket) = handles.next().map(UnixStream::from) else {
            return;
        };
        // Where it does not listen any more, it is not interested.
        let _ = match self.start(&socket, handles.collect()) {
            Ok(Started::Runs(leader)) => say(&socket, &Reply::Started).map(|()| {
                self.running.push(Running {
                    leader,
                    socket,
                    is_killed: false,
                    end: None,
                });
            }),
            Ok(Started::Not(reply)) => say(&socket, &reply),
            Err(error) => say(
                &socket,
                &Reply::Failed(Failure::host("start a shell", error)),
            ),
        };
    }

    fn start(&self, socket: &UnixStream, streams: Vec<OwnedFd>) -> io::Result<Started> {
        let mut line = String::new();
        BufReader::new(socket.take(REQUEST_BYTES)).read_line(&mut line)?;
        let asked: ShellRequest = serde_json::from_str(&line)?;
        let terminal = match asked.terminal {
            None => Ok(None),
            Some(size) => self.terminal(size).map(Some),
        };
        let ours = terminal.iter().flatten();
        let ours: Vec<_> = ours.map(|terminal| terminal.ours.as_fd()).collect();
        handles::send(socket, &[0], &ours)?;
        let terminal = terminal?;
        if self.running.len() >= MOST {
            let cause = format!("there are {MOST} in the container");
            return Err(io::Error::other(cause));
        }
        let streams: [OwnedFd; 3] = match &terminal {
            None => streams
                .try_into()
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?,
            Some(Terminal { theirs, .. }) => [
                theirs.try_clone()?,
                theirs.try_clone()?,
                theirs.try_clone()?,
            ],
        };
        let mut stderr = fs::File::from(streams[2].try_clone()?);
        match self.spawn(&asked, terminal.map(|terminal| terminal.theirs), streams) {
            Ok(leader) => Ok(Started::Runs(leader)),
            Err(error) => {
                complain(&asked.argv, &error, &mut stderr);
                Ok(Started::Not(not_started(&error)))
            }
        }
    }

    fn spawn(
        &self,
        asked: &ShellRequest,
        terminal: Option<OwnedFd>,
        [stdin, stdout, stderr]: [OwnedFd; 3],
    ) -> io::Result<Pid> {
        let mut command = command(self.request, self.person, &asked.argv)?;
        // The step may have removed it.
        let working_dir = Path::new(&self.request.working_dir);
        command.current_dir(match working_dir.is_dir() {
            true => working_dir,
            false => Path::new("/"),
        });
        if terminal.is_some() && !self.request.env.iter().any(|(name, _)| name == "TERM") {
            command.env("TERM", TERM);
        }
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        #[expect(
            unsafe_code,
            reason = "the standard library gives no session and no terminal to a child otherwise"
        )]
        // SAFETY: between fork and exec this makes two system calls and nothing else.
        unsafe {
            command.pre_exec(move || {
                setsid()?;
                if let Some(terminal) = &terminal {
                    ioctl_tiocsctty(terminal)?;
                }
                Ok(())
            });
        }
        spawn(command)
    }

    fn terminal(&self, (rows, columns): (u16, u16)) -> io::Result<Terminal> {
        let folder = self
            .terminals
            .as_ref()
            .ok_or_else(|| io::Error::other("this machine's kernel has no terminals"))?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let ours = openat(folder, "ptmx", flags, Mode::empty())?;
        unlockpt(&ours)?;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let theirs = ioctl_tiocgptpeer(&ours, flags)?;
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, size)?;
        Ok(Terminal { ours, theirs })
    }

    /// Hands signals on to those that `ready` says have one. One whose parent has let go of it is killed.
    pub(super) fn hear(&mut self, ready: &[bool]) {
        let mut index = 0;
        self.running.retain_mut(|shell| {
            let is_ready = ready.get(index).copied().unwrap_or_default();
            index += 1;
            if !is_ready {
                return true;
            }
            let mut number = [0];
            let read = (&shell.socket).read(&mut number);
            let is_held = matches!(read, Ok(1));
            let signal = match is_held {
                true => Signal::from_raw(i32::from(number[0])),
                false => Some(Signal::Kill),
            };
            match signal {
                Some(Signal::Kill) => {
                    shell.is_killed = true;
                    kill_session(shell.leader);
                }
                Some(signal) => {
                    // One that has just ended needs no signal.
                    let _ = kill_process_group(shell.leader, signal);
                }
                None => {}
            }
            is_held
        });
    }

    /// Takes note of the end of a process, and tells whoever waits for it; of one that was killed, once all of its session is
    /// gone.
    pub(super) fn ended(&mut self, pid: Pid, reply: Reply) {
        if let Some(shell) = self.running.iter_mut().find(|shell| shell.leader == pid) {
            shell.end = Some(reply);
        }
        self.running.retain(|shell| {
            let Some(end) = &shell.end else { return true };
            if shell.is_killed && kill_session(shell.leader) {
                return true;
            }
            // Who does not listen any more is not interested.
            let _ = say(&shell.socket, end);
            false
        });
    }
}

/// Whether a program runs, or how it ended before it did.
enum Started {
    Runs(Pid),
    Not(Reply),
}

fn say(mut socket: &UnixStream, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    socket.write_all(&line)
}

/// Kills all that has not left the session of `leader`, for each job of a shell with a terminal is a process group of its
/// own: whether there was anybody.
fn kill_session(leader: Pid) -> bool {
    let mut found = false;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if session(&stat) == Some(leader.as_raw_nonzero().get())
            && let Some(pid) = Pid::from_raw(pid)
        {
            found |= kill_process(pid, Signal::Kill).is_ok();
        }
    }
    found
}

/// The session that `/proc/PID/stat` names, of one that still runs. A program chooses the name in it, parentheses included.
fn session(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    fields.next().filter(|state| !["Z", "X"].contains(state))?;
    fields.nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::session;

    #[test]
    fn attack_a_programs_name_does_not_choose_its_session() {
        assert_eq!(session("7 (sh) S 1 7 5 34816 7 0"), Some(5));
        assert_eq!(session("7 (a) S 1 2 3 (b) S 1 7 5 0 7 0"), Some(5));
        assert_eq!(session("7 (sh) Z 1 7 5 34816 7 0"), None);
        assert_eq!(session("7 (sh"), None);
        assert_eq!(session(""), None);
    }
}
