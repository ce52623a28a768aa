//! One more program in a step's container, with a keyboard: what `docker exec` is.
//!
//! While the step runs, the daemon starts it beside the step's program, as the same user and with the same powers. Nothing
//! can be started in a container that has ended: then what it left in its root becomes an image, and the shell the program of
//! a container of that image, with the step's volumes. What such a shell changes in its root is gone when it ends.
//!
//! A daemon has no way to signal what it started beside a program. On its own machine, root signals the process: the daemon
//! says which one it is, and the kernel whether it is in that container. Elsewhere a shell bears a mark in its environment,
//! and the image's own `sh` and `grep` look for it. What neither reaches, or does not end by SIGKILL, is let go after a
//! second grace period, and ends with its container.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use bollard::models::{ContainerStateStatusEnum, ExecConfig, ExecInspectResponse};
use bollard::query_parameters::WaitContainerOptions;
use futures_util::StreamExt as _;
use stepwell_contract::power::{Shell, ShellSpec};
use stepwell_contract::{
    Cancel, CancelReason, Ending, NoPowers, Place, Sandbox, SandboxError, SandboxErrorKind, StepIo,
};

use super::BACKEND;
use super::daemon::failed;
use super::error::ApiError;
use super::held::{self, Held};
use super::keyboard::{Keyboard, WindowOf};
use super::run::{Container, KILLED, Typed, exited, forward, of_cancellation};
use super::shell_signal::{Mark, Stop};
use super::stream::{Attach, Attached};

/// What runs where nothing is said: every image with a shell has it under this name.
const PROGRAM: &str = "sh";

/// Prepares a shell in the container of `step`.
///
/// # Errors
///
/// [`SandboxErrorKind::NotFound`] where the step has not begun or its task has ended.
pub(super) fn open(step: &Container, spec: ShellSpec) -> Result<Shell, SandboxError> {
    if step.shared.ends.reason().is_some() {
        return Err(missing(step, "its task has ended"));
    }
    if step.held.id().is_none() {
        return Err(missing(step, "the step has not begun"));
    }
    let (keyboard, typed) = Keyboard::new(&step.host.daemon, spec.terminal);
    let keyboard = Arc::new(keyboard);
    let argv = match spec.command.is_empty() {
        true => vec![PROGRAM.to_owned()],
        false => spec.command,
    };
    Ok(Shell {
        terminal: Arc::<Keyboard>::clone(&keyboard) as _,
        sandbox: Box::new(DaemonShell {
            step: step.clone(),
            argv,
            terminal: spec.terminal.is_some(),
            keyboard: Arc::clone(&keyboard),
            typed: Some((keyboard, typed)),
        }),
    })
}

fn missing(step: &Container, cause: &'static str) -> SandboxError {
    let doing = format!("open a shell in step `{}`", step.name);
    SandboxError::new(BACKEND, doing, SandboxErrorKind::NotFound).because(cause)
}

/// A shell that was not run yet.
struct DaemonShell {
    step: Container,
    argv: Vec<String>,
    terminal: bool,
    keyboard: Arc<Keyboard>,
    typed: Option<Typed>,
}

impl Drop for DaemonShell {
    fn drop(&mut self) {
        self.keyboard.close();
    }
}

/// What happens to a shell that runs.
enum Event {
    /// Somebody asks it to stop.
    Asked,
    /// It says nothing more.
    Silent,
}

impl Sandbox for DaemonShell {
    fn place(&self) -> Arc<dyn Place> {
        Arc::new(NoPowers(BACKEND))
    }

    fn run(mut self: Box<Self>, io: StepIo) -> Result<Ending, SandboxError> {
        // It ends when it is told to, and when the task ends.
        let cancel = Cancel::new();
        let _hooks = [&io.cancel, &self.step.shared.ends].map(|request| {
            let (cancel, asked) = (cancel.clone(), request.clone());
            request.on_cancel(move || {
                cancel.cancel(asked.reason().unwrap_or(CancelReason::Asked));
            })
        });
        let io = StepIo {
            cancel: cancel.clone(),
            ..io
        };
        let ended = match self.typed.take() {
            Some(typed) if cancel.reason().is_none() => self.enter(&io, typed),
            _ => Ok(Ending::Cancelled),
        };
        match (cancel.reason(), ended) {
            // Its container may be gone, and whatever was asked about it has failed.
            (Some(reason), _) => Ok(of_cancellation(reason)),
            (None, ended) => ended,
        }
    }
}

impl DaemonShell {
    fn failed(&self, error: ApiError) -> SandboxError {
        failed(format!("open a shell in step `{}`", self.step.name), error)
    }

    /// Runs in whatever container there is.
    fn enter(&self, io: &StepIo, typed: Typed) -> Result<Ending, SandboxError> {
        let daemon = &self.step.host.daemon;
        let Some(id) = self.step.held.id() else {
            return Err(missing(&self.step, "its container has been removed"));
        };
        let mark = Mark::new(&self.step.host);
        let mark = mark.map_err(|error| self.failed(ApiError::Unread(error.into())))?;
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(self.terminal),
            cmd: Some(self.argv.clone()),
            env: mark.environment(),
            ..ExecConfig::default()
        };
        let named = id.clone();
        let made = daemon.ask(|docker| async move { docker.create_exec(&named, config).await });
        match made {
            Ok(exec) => self
                .beside(&id, &exec.id, &mark, io, typed)
                .map_err(|error| self.failed(error)),
            Err(error) if error.is_conflict() => {
                let state = held::inspect(daemon, &id).map_err(|error| self.failed(error))?;
                match state.status {
                    Some(ContainerStateStatusEnum::EXITED) => self.after(io, typed),
                    Some(ContainerStateStatusEnum::CREATED) => {
                        Err(missing(&self.step, "the step has not begun"))
                    }
                    _ => Err(self.failed(error)),
                }
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Runs beside the step's program.
    fn beside(
        &self,
        id: &str,
        exec: &str,
        mark: &Mark,
        io: &StepIo,
        (keyboard, typed): Typed,
    ) -> Result<Ending, ApiError> {
        let daemon = &self.step.host.daemon;
        let attach = Attach {
            path: format!("/exec/{exec}/start"),
            body: format!("{{\"Detach\":false,\"Tty\":{}}}", self.terminal),
            terminal: self.terminal,
        };
        let mut attached = Attached::new(daemon, attach)?;
        let window = keyboard.appears(WindowOf::Exec(exec.to_owned()));
        attached.line.speak(typed, window);
        io.sink.started();
        let (events, happens) = channel();
        let asked = events.clone();
        let _hook = io.cancel.on_cancel(move || {
            // Nobody listens any more once it has ended.
            let _ = asked.send(Event::Asked);
        });
        let Attached { mut output, line } = attached;
        let heard = std::thread::scope(|scope| {
            let listens = scope.spawn(move || {
                let heard = forward(&mut output, &*io.sink);
                let _ = events.send(Event::Silent);
                heard
            });
            let stop = Stop {
                host: &self.step.host,
                container: id,
                exec,
                mark,
                terminal: self.terminal,
            };
            let attended = self.attend(&happens, &stop);
            keyboard.close();
            drop(line);
            attended.and(listens.join().unwrap_or(Ok(())))
        });
        heard?;
        let named = exec.to_owned();
        let found = daemon.ask(|docker| async move { docker.inspect_exec(&named).await });
        match found {
            // The container has ended around it.
            Err(error) if error.is_missing() || error.is_conflict() => Ok(Ending::Cancelled),
            found => self.ending(id, &found?),
        }
    }

    /// Waits until it says nothing more. Asked to stop, it asks the shell, then no longer asks, and then no longer waits.
    fn attend(&self, happens: &Receiver<Event>, stop: &Stop<'_>) -> Result<(), ApiError> {
        let grace = self.step.host.options.grace;
        let mut deadline: Option<Instant> = None;
        let mut killed = false;
        loop {
            let event = match deadline {
                None => happens.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(end) => happens.recv_timeout(end.saturating_duration_since(Instant::now())),
            };
            match event {
                Ok(Event::Asked) => {
                    deadline = Some(Instant::now() + grace);
                    stop.politely()?;
                }
                Err(RecvTimeoutError::Timeout) if !killed => {
                    killed = true;
                    deadline = Some(Instant::now() + grace);
                    stop.kill()?;
                }
                Err(RecvTimeoutError::Timeout) => {
                    tracing::warn!(step = %self.step.name, "a shell that does not stop ends with its step");
                    return Ok(());
                }
                Ok(Event::Silent) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn ending(&self, id: &str, found: &ExecInspectResponse) -> Result<Ending, ApiError> {
        match found.exit_code {
            // Either it was killed alone, or everything in its container is, which the daemon hears of a moment later.
            Some(KILLED) | None => match self.has_ended(id)? {
                true => Ok(Ending::Cancelled),
                false => Ok(exited(KILLED)),
            },
            Some(code) => Ok(exited(code)),
        }
    }

    /// Whether the container ends within a grace period.
    fn has_ended(&self, id: &str) -> Result<bool, ApiError> {
        let daemon = &self.step.host.daemon;
        let (docker, named) = (daemon.docker(), id.to_owned());
        let grace = self.step.host.options.grace;
        daemon.wait(async move {
            let mut answers = docker.wait_container(&named, None::<WaitContainerOptions>);
            Ok(tokio::time::timeout(grace, answers.next()).await.is_ok())
        })
    }

    /// Runs in a container of what the step left.
    fn after(&self, io: &StepIo, typed: Typed) -> Result<Ending, SandboxError> {
        let step = &self.step;
        let image = step.held.commit(step.host.owner.labels());
        let image = image.map_err(|error| self.failed(error))?;
        let mut body = step.body.clone();
        let (program, arguments) = self.argv.split_at(1);
        body.image = Some(image);
        body.entrypoint = Some(program.to_vec());
        body.cmd = Some(arguments.to_vec());
        body.attach_stdin = Some(true);
        body.open_stdin = Some(true);
        body.stdin_once = Some(true);
        body.tty = Some(self.terminal);
        body.stop_signal = self.terminal.then(|| "SIGHUP".to_owned());
        let held = Held::new(&step.host.daemon);
        step.shared.hold(&held);
        let shell = Container {
            held,
            body,
            ..step.clone()
        };
        shell.run_with(io, Some(typed))
    }
}
