//! One more program in a step's container, with a keyboard: what `docker exec` is.
//!
//! The container's first process starts it, so that it is what the step's program is: in its namespaces and its control
//! group, the same user, no more capabilities, under the same filter. Once the step has ended there is no such process; then
//! the container is made again without the step's program (`held`).

use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;
use std::time::Instant;

use rustix_namespaces::fs::{Mode, OFlags, fchmod, fcntl_getfl, fcntl_setfl};
use rustix_namespaces::process::Signal;
use stepwell_contract::power::{Shell, ShellSpec};
use stepwell_contract::{
    Cancel, CancelReason, Ending, LogStream, NoPowers, Place, Sandbox, SandboxError, StepIo,
    StepSink,
};

use crate::BACKEND;
use crate::embedded::events;
use crate::embedded::handles;
use crate::embedded::keyboard::{Keyboard, type_on};
use crate::embedded::output;
use crate::embedded::request::{Reply, ShellRequest};
use crate::embedded::run::of_cancellation;
use crate::embedded::site::{Room, Site};

/// What runs where nothing is said: every image with a shell has it under this name.
const PROGRAM: &str = "sh";

/// Prepares a shell in the container of `site`.
///
/// # Errors
///
/// What the host could not do.
pub(crate) fn open(site: &Arc<Site>, spec: ShellSpec) -> Result<Shell, SandboxError> {
    let (keyboard, typed) =
        Keyboard::new(spec.terminal).map_err(|error| site.failed("open a shell in", error))?;
    let keyboard = Arc::new(keyboard);
    let argv = match spec.command.is_empty() {
        true => vec![PROGRAM.to_owned()],
        false => spec.command,
    };
    let request = ShellRequest {
        argv,
        terminal: spec.terminal.map(|size| (size.rows, size.columns)),
    };
    Ok(Shell {
        terminal: Arc::<Keyboard>::clone(&keyboard) as _,
        sandbox: Box::new(ContainerShell {
            site: Arc::clone(site),
            request,
            keyboard,
            typed,
        }),
    })
}

/// A shell that was not run yet.
struct ContainerShell {
    site: Arc<Site>,
    request: ShellRequest,
    keyboard: Arc<Keyboard>,
    typed: PipeReader,
}

impl Drop for ContainerShell {
    fn drop(&mut self) {
        self.keyboard.close();
    }
}

/// What happens to a shell that runs.
enum Event {
    /// It has this terminal.
    Appears(OwnedFd),
    /// The container's first process says something about it.
    Said(Reply),
    /// No more is said: it is gone, or all of the container is.
    Silent,
    /// Somebody asks it to stop.
    Asked,
}

impl Sandbox for ContainerShell {
    fn place(&self) -> Arc<dyn Place> {
        Arc::new(NoPowers(BACKEND))
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        let occupant = self.site.occupancy.enter();
        // It ends when it is told to, and when the task ends.
        let cancel = Cancel::new();
        let _hooks = [&io.cancel, &self.site.occupancy.ends].map(|request| {
            let (cancel, asked) = (cancel.clone(), request.clone());
            request.on_cancel(move || {
                cancel.cancel(asked.reason().unwrap_or(CancelReason::Asked));
            })
        });
        let failed = |error: io::Error| self.site.failed("open a shell in", error);
        let streams = Streams::new(&self.request, &self.typed).map_err(failed)?;
        let Some((room, socket)) = self.enter(&streams, &cancel)? else {
            return Ok(of_cancellation(
                cancel.reason().unwrap_or(CancelReason::Asked),
            ));
        };
        let site = &self.site;
        let reply = self.follow(socket, streams, &cancel, &*io.sink, move || {
            site.leave(room);
            drop(occupant);
        });
        match (reply.map_err(failed)?, cancel.reason()) {
            (Some(Reply::Failed(failure)), None) => Err(self.site.refused(failure)),
            (_, Some(reason)) => Ok(of_cancellation(reason)),
            (Some(Reply::Exited(code)), None) => Ok(Ending::Exited { code }),
            (Some(Reply::Signalled(signal)), None) => Ok(Ending::Exited { code: 128 + signal }),
            // The container has ended around it.
            (None | Some(Reply::Started), None) => Ok(Ending::Cancelled),
        }
    }
}

/// Both ends of what a shell without a terminal reads and writes.
struct Streams {
    theirs: Vec<OwnedFd>,
    out: Option<(PipeReader, PipeReader)>,
}

impl Streams {
    fn new(request: &ShellRequest, typed: &PipeReader) -> io::Result<Self> {
        if request.terminal.is_some() {
            return Ok(Self {
                theirs: Vec::new(),
                out: None,
            });
        }
        let (out, out_end) = io::pipe()?;
        let (err, err_end) = io::pipe()?;
        for end in [&out_end, &err_end] {
            // Whoever the step's user is opens them by name too. Nobody else has a name for them.
            fchmod(end, Mode::from_raw_mode(0o666))?;
        }
        Ok(Self {
            theirs: vec![typed.try_clone()?.into(), out_end.into(), err_end.into()],
            out: Some((out, err)),
        })
    }
}

impl ContainerShell {
    /// Has it started in whatever container there is; `None` if it is to stop before.
    fn enter(
        &self,
        streams: &Streams,
        cancel: &Cancel,
    ) -> Result<Option<(Room, UnixStream)>, SandboxError> {
        let failed = |error: io::Error| self.site.failed("open a shell in", error);
        loop {
            let Some(room) = self.site.room(cancel)? else {
                return Ok(None);
            };
            let (ours, theirs) = UnixStream::pair().map_err(failed)?;
            let opened = room.live().open(theirs, &streams.theirs);
            let error = match opened {
                Ok(()) => return Ok(Some((room, ours))),
                Err(error) => error,
            };
            let is_own = matches!(room, Room::Own(_));
            self.site.leave(room);
            match error.kind() {
                // The step ended just now, and what it left is looked at instead.
                io::ErrorKind::BrokenPipe if is_own => self.site.wait_for_end(),
                _ => return Err(failed(error)),
            }
        }
    }

    /// Takes what happens until the shell is gone, and calls `gone` then: what was said last.
    fn follow(
        &self,
        socket: UnixStream,
        streams: Streams,
        cancel: &Cancel,
        sink: &dyn StepSink,
        gone: impl FnOnce(),
    ) -> io::Result<Option<Reply>> {
        let Streams { theirs, out } = streams;
        // Its input and outputs are the shell's alone now.
        drop(theirs);
        let (over, over_end) = io::pipe()?;
        let over = OwnedFd::from(over);
        let mut line = serde_json::to_vec(&self.request)?;
        line.push(b'\n');
        let (heard, mut said_to) = (socket.try_clone()?, socket);
        let (events, happens) = channel();
        std::thread::scope(|scope| {
            let over = &over;
            if let Some((out, err)) = out {
                scope.spawn(move || output::forward(&out, over, LogStream::Stdout, sink));
                scope.spawn(move || output::forward(&err, over, LogStream::Stderr, sink));
            }
            let said = events.clone();
            scope.spawn(move || listen(&heard, &said));
            let asked = Mutex::new(events);
            let _hook = cancel.on_cancel(move || {
                // Nobody listens any more once it has ended.
                let events = asked.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = events.send(Event::Asked);
            });
            // A container that is gone says so by its silence.
            let _ = said_to.write_all(&line);
            let reply = self.attend(&happens, &said_to, scope, over, sink);
            let _ = said_to.shutdown(std::net::Shutdown::Both);
            self.keyboard.close();
            gone();
            drop(over_end);
            reply
        })
    }

    /// Takes what happens until no more is said. Asked to stop, it asks the shell, and after the grace period no longer asks.
    fn attend<'scope>(
        &'scope self,
        happens: &Receiver<Event>,
        mut socket: &UnixStream,
        scope: &'scope Scope<'scope, '_>,
        over: &'scope OwnedFd,
        sink: &'scope dyn StepSink,
    ) -> io::Result<Option<Reply>> {
        // What a terminal says to whoever sits at it when it is taken away.
        let polite = match self.request.terminal {
            Some(_) => Signal::Hup,
            None => Signal::Term,
        };
        let mut reply = None;
        let mut deadline: Option<Instant> = None;
        loop {
            let Some(event) = events::next(happens, deadline)? else {
                deadline = None;
                let _ = socket.write_all(&[Signal::Kill as u8]);
                continue;
            };
            match event {
                Event::Appears(terminal) => {
                    fcntl_setfl(&terminal, fcntl_getfl(&terminal)? | OFlags::NONBLOCK)?;
                    let typed_on = terminal.try_clone()?;
                    self.keyboard.appears_on(terminal.try_clone()?);
                    scope.spawn(move || output::forward(&terminal, over, LogStream::Stdout, sink));
                    // A terminal that nobody sits at any more takes nothing.
                    scope.spawn(move || type_on(&self.typed, &typed_on, over));
                }
                Event::Said(Reply::Started) => sink.started(),
                Event::Said(said) => reply = Some(said),
                Event::Silent => return Ok(reply),
                Event::Asked => {
                    deadline = Some(Instant::now() + self.site.options.grace);
                    let _ = socket.write_all(&[polite as u8]);
                }
            }
        }
    }
}

/// Takes what is said about a shell until the socket closes.
fn listen(socket: &UnixStream, events: &Sender<Event>) {
    // Before everything else comes one byte, and with it the terminal.
    if let Ok((1, handles)) = handles::receive(socket, &mut [0]) {
        for terminal in handles {
            let _ = events.send(Event::Appears(terminal));
        }
        for line in BufReader::new(socket).lines() {
            let Ok(line) = line else { break };
            if let Ok(reply) = serde_json::from_str(&line) {
                let _ = events.send(Event::Said(reply));
            }
        }
    }
    let _ = events.send(Event::Silent);
}
