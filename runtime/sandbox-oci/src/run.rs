//! Runs one prepared container and waits for its end.
//!
//! A thread that does nothing else enters the task's network, makes a process namespace, and starts our own binary in it,
//! which becomes the container (`init`). The kernel ends that process with the thread, and all of the container with that
//! process: nothing is left however Stepwell ends. How the container ended is heard from its first process; why a signal
//! ended it, from its control group.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use cap_std::fs::Dir;
use rustix_namespaces::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix_namespaces::thread::{UnshareFlags, unshare};
use stepwell_contract::{
    CancelReason, Ending, Limit, LogStream, NoPowers, Place, Resources, Sandbox, SandboxError,
    SandboxErrorKind, StepIo, StepName,
};

use crate::BACKEND;
use crate::backend::OciOptions;
use crate::cgroup::{Group, Groups};
use crate::network::Network;
use crate::output;
use crate::request::{Failure, Reply, Request};
use crate::step_folder::StepFolder;

/// What Linux says of a program that SIGKILL ended: 128 and the signal.
const KILLED: i32 = 137;

/// One prepared step.
pub(crate) struct Container {
    pub(crate) name: StepName,
    pub(crate) options: Arc<OciOptions>,
    pub(crate) groups: Groups,
    pub(crate) request: Request,
    pub(crate) folder: StepFolder,
    /// `None` where it uses the machine's.
    pub(crate) network: Option<Arc<Network>>,
    /// Kept open: the request names them by their handles.
    #[expect(dead_code, reason = "held, and not looked at")]
    pub(crate) volumes: Vec<Arc<Dir>>,
    pub(crate) resources: Resources,
    pub(crate) stop: Signal,
}

/// What happens to a container that runs.
enum Event {
    /// Its first process is there.
    Born(OwnedFd),
    /// Its first process says something.
    Said(Reply),
    /// Its first process says nothing more.
    Silent,
    /// Somebody asks it to stop.
    Asked,
    /// All of it is gone.
    Gone(io::Result<ExitStatus>),
}

impl Sandbox for Container {
    fn place(&self) -> Arc<dyn Place> {
        Arc::new(NoPowers(BACKEND))
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        if let Some(reason) = io.cancel.reason() {
            return Ok(of_cancellation(reason));
        }
        let group = self
            .groups
            .make(self.resources)
            .map_err(|error| self.failed("bound", error))?;
        let ended = self.run_in(&group, &io);
        let memory = group.ran_out_of_memory();
        let removed = group.remove();
        let (reply, status) = ended.map_err(|error| self.failed("run", error))?;
        removed.map_err(|error| self.failed("clean up after", error))?;
        let reason = io.cancel.reason();
        let ending = self.ending(reply, status, memory, reason)?;
        let (name, folder) = (self.name, self.folder);
        folder
            .remove()
            .map_err(|error| failed(&name, "clean up after", error))?;
        Ok(ending)
    }
}

impl Container {
    fn failed(
        &self,
        doing: &str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> SandboxError {
        failed(&self.name, doing, error)
    }

    /// Runs it to its end: what its first process said last, and how that process ended.
    fn run_in(&self, group: &Group, io: &StepIo) -> io::Result<(Option<Reply>, ExitStatus)> {
        let (out, out_end) = io::pipe()?;
        let (err, err_end) = io::pipe()?;
        let (over, over_end) = io::pipe()?;
        let over = OwnedFd::from(over);
        let (ours, theirs) = UnixStream::pair()?;
        let (socket, request) = (ours.try_clone()?, ours.try_clone()?);
        let (events, happens) = channel();
        std::thread::scope(|scope| {
            let over = &over;
            scope.spawn(move || output::forward(out, over, LogStream::Stdout, &*io.sink));
            scope.spawn(move || output::forward(err, over, LogStream::Stderr, &*io.sink));
            let said = events.clone();
            scope.spawn(move || listen(socket, &said));
            let asked = events.clone();
            let _hook = io.cancel.on_cancel(move || {
                // Nobody listens any more once it has ended.
                let _ = asked.send(Event::Asked);
            });
            let keeper = events.clone();
            scope.spawn(move || {
                let status = self.keep(group, theirs, out_end, err_end, request, &keeper);
                let _ = keeper.send(Event::Gone(status));
            });
            let ended = self.follow(&happens, &ours, io);
            // Whoever still waits for what was said, or printed, stops waiting.
            let _ = ours.shutdown(std::net::Shutdown::Both);
            drop(over_end);
            ended
        })
    }

    /// Starts the first process and waits for it, all on one thread: with the thread it would be killed.
    fn keep(
        &self,
        group: &Group,
        socket: UnixStream,
        out: io::PipeWriter,
        err: io::PipeWriter,
        mut request: UnixStream,
        events: &Sender<Event>,
    ) -> io::Result<ExitStatus> {
        if let Some(network) = &self.network {
            network.enter()?;
        }
        // What this thread starts next is the first process of a namespace.
        unshare(UnshareFlags::NEWPID)?;
        let mut command = Command::new(&self.options.init.program);
        command
            .args(&self.options.init.args)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(socket)))
            .stdout(out)
            .stderr(err);
        let mut child = command.spawn()?;
        // The pipes' other ends are the container's alone.
        drop(command);
        let begun = i32::try_from(child.id())
            .ok()
            .and_then(rustix_namespaces::process::Pid::from_raw)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
            .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?))
            .and_then(|process| {
                let _ = events.send(Event::Born(process));
                group.add(child.id())?;
                let mut line = serde_json::to_vec(&self.request)?;
                line.push(b'\n');
                request.write_all(&line)
            });
        if let Err(error) = begun {
            let _ = child.kill();
            child.wait()?;
            return Err(error);
        }
        child.wait()
    }

    /// Takes what happens until all of the container is gone. Asked to stop, it asks the program, and after the grace
    /// period no longer asks.
    fn follow(
        &self,
        happens: &Receiver<Event>,
        mut socket: &UnixStream,
        io: &StepIo,
    ) -> io::Result<(Option<Reply>, ExitStatus)> {
        let mut reply = None;
        let mut process: Option<OwnedFd> = None;
        let (mut asked, mut started) = (false, false);
        let mut deadline: Option<Instant> = None;
        let mut gone = None;
        let mut silent = false;
        loop {
            let event = match deadline {
                None => happens.recv().map_err(io::Error::other)?,
                Some(end) => {
                    match happens.recv_timeout(end.saturating_duration_since(Instant::now())) {
                        Ok(event) => event,
                        Err(RecvTimeoutError::Timeout) => {
                            deadline = None;
                            if let Some(process) = &process {
                                pidfd_send_signal(process, Signal::Kill)?;
                            }
                            continue;
                        }
                        Err(error) => return Err(io::Error::other(error)),
                    }
                }
            };
            match event {
                Event::Born(born) => process = Some(born),
                Event::Said(Reply::Started) => {
                    started = true;
                    io.sink.started();
                    if asked {
                        let _ = socket.write_all(&[self.stop as u8]);
                    }
                }
                Event::Said(said) => reply = Some(said),
                Event::Silent => silent = true,
                Event::Asked => {
                    asked = true;
                    deadline = Some(Instant::now() + self.options.grace);
                    // Before the program runs there is nobody to ask; it is asked when it starts.
                    if started {
                        let _ = socket.write_all(&[self.stop as u8]);
                    }
                }
                Event::Gone(status) => gone = Some(status?),
            }
            if let (Some(status), true) = (gone, silent) {
                return Ok((reply, status));
            }
        }
    }

    fn ending(
        &self,
        reply: Option<Reply>,
        status: ExitStatus,
        out_of_memory: bool,
        reason: Option<CancelReason>,
    ) -> Result<Ending, SandboxError> {
        let killed = matches!(
            reply,
            None | Some(Reply::Signalled(9) | Reply::Exited(KILLED))
        );
        match (reply, reason) {
            (Some(Reply::Failed(failure)), None) => Err(self.refused(failure)),
            (_, Some(reason)) => Ok(of_cancellation(reason)),
            _ if killed && out_of_memory => Ok(Ending::LimitReached {
                limit: Limit::Memory,
                value: self.resources.memory.unwrap_or(u64::MAX),
                backtrace: Vec::new(),
            }),
            (Some(Reply::Exited(code)), None) => Ok(Ending::Exited { code }),
            (Some(Reply::Signalled(signal)), None) => Ok(Ending::Exited { code: 128 + signal }),
            (None | Some(Reply::Started), None) => Err(self.failed(
                "run",
                format!("its first process ended by itself: {status}"),
            )),
        }
    }

    fn refused(&self, failure: Failure) -> SandboxError {
        let kind = match failure.guests {
            true => SandboxErrorKind::BadGuest,
            false => SandboxErrorKind::Host,
        };
        let doing = format!("{} for step `{}`", failure.doing, self.name);
        SandboxError::new(BACKEND, doing, kind).because(failure.cause)
    }
}

/// Takes what the first process says, line by line, until it closes the socket.
fn listen(socket: UnixStream, events: &Sender<Event>) {
    for line in BufReader::new(socket).lines() {
        let Ok(line) = line else { break };
        if let Ok(reply) = serde_json::from_str(&line) {
            let _ = events.send(Event::Said(reply));
        }
    }
    let _ = events.send(Event::Silent);
}

fn failed(
    name: &StepName,
    doing: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SandboxError {
    let doing = format!("{doing} step `{name}`");
    SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
}

fn of_cancellation(reason: CancelReason) -> Ending {
    match reason {
        CancelReason::Asked => Ending::Cancelled,
        CancelReason::TimedOut(after) => Ending::TimedOut { after },
    }
}
