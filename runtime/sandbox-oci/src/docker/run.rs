//! Runs one container of a daemon and waits for its end.
//!
//! The container is created here and not before: which network it joins is decided by what runs now. Its output is on its way
//! before it starts, so that no line is missed, and has ended before the ending is told.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use bollard::models::{ContainerCreateBody, ContainerState};
use bollard::query_parameters::{
    KillContainerOptionsBuilder, StartContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt as _;
use stepwell_contract::{
    CancelReason, Ending, Limit, LogStream, Place, Sandbox, SandboxError, SandboxErrorKind, StepIo,
    StepName, StepSink,
};
use tokio::io::DuplexStream;

use super::BACKEND;
use super::backend::Host;
use super::create::{self, Network};
use super::daemon::failed;
use super::error::ApiError;
use super::files;
use super::held::{self, Held};
use super::keyboard::{Keyboard, WindowOf};
use super::place::DaemonPlace;
use super::remote::{Remote, Seen};
use super::scope::Shared;
use super::stream::{Attach, Attached, Piece};

/// What Linux says of a program that SIGKILL ended: 128 and the signal.
pub(super) const KILLED: i64 = 137;

/// What shells say of a program that is not there, and of one that cannot be run.
const NOT_STARTED: [i64; 2] = [126, 127];

/// One prepared step.
#[derive(Clone)]
pub(super) struct Container {
    pub(super) host: Arc<Host>,
    pub(super) shared: Arc<Shared>,
    pub(super) held: Arc<Held>,
    pub(super) body: ContainerCreateBody,
    /// `None` for the task's own loopback.
    pub(super) network: Option<Network>,
    /// Volumes on another machine, and which of them the step sees.
    pub(super) sent: Option<(Arc<Remote>, Vec<Seen>)>,
    /// What the daemon calls its image.
    pub(super) image: String,
    pub(super) non_root: bool,
    pub(super) memory: Option<u64>,
    pub(super) name: StepName,
}

/// A keyboard, and what is typed on it.
pub(super) type Typed = (Arc<Keyboard>, DuplexStream);

/// What happens to a container that runs.
enum Event {
    /// Somebody asks it to stop.
    Asked,
    /// It has ended, or the daemon is gone.
    Ended(Result<(), ApiError>),
}

/// A container that was told to start.
enum Started {
    /// It runs, or has run.
    Runs(String, Attached),
    /// Its program cannot be started, which is the step's own end.
    Cannot(i64, String),
}

impl Sandbox for Container {
    fn place(&self) -> Arc<dyn Place> {
        Arc::new(DaemonPlace(self.clone()))
    }

    fn run(self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        self.run_with(&io, None)
    }
}

impl Container {
    /// Runs it, with a keyboard where it is a shell.
    pub(super) fn run_with(
        self,
        io: &StepIo,
        typed: Option<Typed>,
    ) -> Result<Ending, SandboxError> {
        if let Some(reason) = io.cancel.reason() {
            return Ok(of_cancellation(reason));
        }
        if let Some((remote, seen)) = &self.sent {
            remote.send(seen, &self.image)?;
        }
        let mut ended = self.to_its_end(io, typed);
        if let Some((remote, seen)) = &self.sent {
            let fetched = remote.fetch(seen, &self.image);
            ended = ended.and_then(|ending| fetched.map(|()| ending));
        }
        let name = self.name.clone();
        let Self { held, .. } = self;
        // Whoever else holds it looks at it still.
        let removed = Arc::try_unwrap(held).map_or(Ok(()), |held| held.remove());
        let ending = ended?;
        removed.map_err(|error| failed(format!("clean up after step `{name}`"), error))?;
        Ok(ending)
    }

    fn failed(&self, doing: &str, error: ApiError) -> SandboxError {
        failed(format!("{doing} step `{}`", self.name), error)
    }

    fn to_its_end(&self, io: &StepIo, typed: Option<Typed>) -> Result<Ending, SandboxError> {
        let (id, mut attached) = match self.start()? {
            Started::Runs(id, attached) => (id, attached),
            Started::Cannot(code, message) => {
                let line = format!("stepwell: cannot start the program: {message}\n");
                io.sink.log(LogStream::Stderr, line.as_bytes());
                return Ok(match io.cancel.reason() {
                    Some(reason) => of_cancellation(reason),
                    None => exited(code),
                });
            }
        };
        io.sink.started();
        if let Some((keyboard, typed)) = typed {
            let window = keyboard.appears(WindowOf::Container(id.clone()));
            attached.line.speak(typed, window);
        }
        let ended = self.follow(&id, attached, io);
        self.shared.running().retain(|running| *running != id);
        ended.map_err(|error| self.failed("run", error))?;
        let state = held::inspect(&self.host.daemon, &id);
        let state = state.map_err(|error| self.failed("look at the end of", error))?;
        Ok(self.ending(&state, io.cancel.reason()))
    }

    /// Creates and starts the container, in the network of one that runs.
    fn start(&self) -> Result<Started, SandboxError> {
        if let Some(network) = &self.network {
            return self
                .start_in(network)
                .map_err(|error| self.failed("start", error))?;
        }
        let mut running = self.shared.running();
        loop {
            let peer = running.last().cloned();
            let network = peer.map_or(Network::Own, Network::Of);
            match self.start_in(&network) {
                // It ended before it could be joined.
                Err(ApiError::Refused { .. }) if network != Network::Own => {
                    running.pop();
                }
                Err(error) => return Err(self.failed("start", error)),
                Ok(started) => {
                    if let Ok(Started::Runs(id, _)) = &started {
                        running.push(id.clone());
                    }
                    return started;
                }
            }
        }
    }

    fn start_in(&self, network: &Network) -> Result<Result<Started, SandboxError>, ApiError> {
        let mut body = self.body.clone();
        create::join(&mut body, network);
        let id = self.held.create(body)?;
        let started = self.start_created(&id);
        if !matches!(started, Ok(Ok(Started::Runs(..)))) {
            self.held.remove()?;
        }
        started
    }

    fn start_created(&self, id: &str) -> Result<Result<Started, SandboxError>, ApiError> {
        if let Err(error) = self.check_user(id)? {
            return Ok(Err(error));
        }
        let daemon = &self.host.daemon;
        let stdin = match self.body.open_stdin {
            Some(true) => "&stdin=1",
            _ => "",
        };
        let attach = Attach {
            path: format!("/containers/{id}/attach?stream=1&stdout=1&stderr=1{stdin}"),
            body: String::new(),
            terminal: self.body.tty == Some(true),
        };
        let attached = Attached::new(daemon, attach)?;
        let named = id.to_owned();
        let options = None::<StartContainerOptions>;
        let started =
            daemon.ask(|docker| async move { docker.start_container(&named, options).await });
        match started {
            Ok(()) => Ok(Ok(Started::Runs(id.to_owned(), attached))),
            Err(ApiError::Refused { status, message }) => {
                let code = held::inspect(daemon, id)?.exit_code.unwrap_or_default();
                let programs = message.contains("exec") || message.contains("executable");
                match programs && NOT_STARTED.contains(&code) {
                    true => Ok(Ok(Started::Cannot(code, message))),
                    false => Err(ApiError::Refused { status, message }),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Refuses a step that is not to be root and would be.
    fn check_user(&self, id: &str) -> Result<Result<(), SandboxError>, ApiError> {
        if !self.non_root {
            return Ok(Ok(()));
        }
        let user = self.body.user.as_deref().unwrap_or_default();
        let user = user.split(':').next().unwrap_or_default();
        let number = match user {
            "" => Some(0),
            user => user.parse().ok(),
        };
        // A name is the image's own, and only its own list says whose it is.
        let number = match number {
            Some(number) => Some(number),
            None => files::user_of(&self.host.daemon, id, user)?,
        };
        let bad = |cause: &str| {
            let doing = format!("choose a user for step `{}`", self.name);
            Ok(Err(SandboxError::new(
                BACKEND,
                doing,
                SandboxErrorKind::BadGuest,
            )
            .because(cause)))
        };
        match number {
            Some(0) => bad(
                "`runAsNonRoot` is set, and the image's user is root: set `runAsUser` to another one",
            ),
            None => bad("`runAsNonRoot` is set, and the image's user is not in its `/etc/passwd`"),
            Some(_) => Ok(Ok(())),
        }
    }

    /// Hands its output on and takes what happens until it has ended.
    fn follow(&self, id: &str, attached: Attached, io: &StepIo) -> Result<(), ApiError> {
        let (events, happens) = channel();
        let docker = self.host.daemon.patient();
        let endpoint = self.host.daemon.endpoint().to_string();
        let (named, ended) = (id.to_owned(), events.clone());
        let waits = self.host.daemon.spawn(async move {
            let options = None::<WaitContainerOptions>;
            let mut answers = docker.wait_container(&named, options);
            let answer = match answers.next().await {
                // How it ended is looked at in one place.
                Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })) => {
                    Ok(())
                }
                Some(Err(error)) => Err(ApiError::of(error, &endpoint)),
                None => Err(ApiError::Malformed(
                    "it does not say how the step ended".into(),
                )),
            };
            let _ = ended.send(Event::Ended(answer));
        });
        let asked: Sender<Event> = events;
        let _hook = io.cancel.on_cancel(move || {
            // Nobody listens any more once it has ended.
            let _ = asked.send(Event::Asked);
        });
        let Attached { mut output, line } = attached;
        std::thread::scope(|scope| {
            let listens = scope.spawn(|| forward(&mut output, &*io.sink));
            let ended = self.watch(id, &happens);
            // The daemon closes both with the container.
            let _ = waits.recv();
            let heard = listens.join().unwrap_or(Ok(()));
            drop(line);
            ended.and(heard)
        })
    }

    /// Waits for the end. Asked to stop, it asks the program, and after the grace period no longer asks.
    fn watch(&self, id: &str, happens: &Receiver<Event>) -> Result<(), ApiError> {
        let mut deadline: Option<Instant> = None;
        loop {
            let event = match deadline {
                None => happens.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(end) => happens.recv_timeout(end.saturating_duration_since(Instant::now())),
            };
            match event {
                Ok(Event::Ended(ended)) => return ended,
                Ok(Event::Asked) => {
                    deadline = Some(Instant::now() + self.host.options.grace);
                    let signal = self.body.stop_signal.as_deref().unwrap_or("SIGTERM");
                    self.signal(id, signal)?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    deadline = None;
                    self.signal(id, "SIGKILL")?;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(ApiError::Malformed("nobody waits for the container".into()));
                }
            }
        }
    }

    /// Sends a signal to its program, unless it has ended.
    fn signal(&self, id: &str, signal: &str) -> Result<(), ApiError> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let id = id.to_owned();
        let sent = self
            .host
            .daemon
            .ask(|docker| async move { docker.kill_container(&id, Some(options)).await });
        match sent {
            Err(ApiError::Refused {
                status: 404 | 409, ..
            }) => Ok(()),
            // A signal of the image's own that the daemon does not know.
            Err(ApiError::Refused { status: 400, .. }) => Ok(()),
            sent => sent,
        }
    }

    fn ending(&self, state: &ContainerState, reason: Option<CancelReason>) -> Ending {
        let code = state.exit_code.unwrap_or_default();
        match reason {
            Some(reason) => of_cancellation(reason),
            None if code == KILLED && state.oom_killed == Some(true) => Ending::LimitReached {
                limit: Limit::Memory,
                value: self.memory.unwrap_or(u64::MAX),
                backtrace: Vec::new(),
            },
            None => exited(code),
        }
    }
}

/// Hands on what is said until nothing more is. The sink holds us back, and we the program.
pub(super) fn forward(
    output: &mut tokio::sync::mpsc::Receiver<Piece>,
    sink: &dyn StepSink,
) -> Result<(), ApiError> {
    while let Some(piece) = output.blocking_recv() {
        let (stream, bytes) = piece?;
        sink.log(stream, &bytes);
    }
    Ok(())
}

pub(super) fn exited(code: i64) -> Ending {
    Ending::Exited {
        code: i32::try_from(code).unwrap_or(i32::MAX),
    }
}

pub(super) fn of_cancellation(reason: CancelReason) -> Ending {
    match reason {
        CancelReason::Asked => Ending::Cancelled,
        CancelReason::TimedOut(after) => Ending::TimedOut { after },
    }
}
