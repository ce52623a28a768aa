//! The run's side of one shell: what is typed goes to it, what it says goes out, until one of both sides ends.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use stepwell_contract::power::{Shell, ShellSpec, Terminal, TerminalSize};
use stepwell_contract::{
    Cancel, CancelReason, EmitError, Feature, LogStream, ParamValue, SandboxError,
    SandboxErrorKind, StepIo, StepSink,
};
use stepwell_engine::places::{Breakpoint, Seen, StepState};

use super::ask::{Begun, Ended, Refused};
use super::choose;
use super::frames::{Frame, Kind};
use super::line::Line;

/// Opens a shell beside the step, and serves it to its end.
pub(super) fn shell(
    seen: &Seen,
    spec: ShellSpec,
    stream: &mut UnixStream,
    line: &Line,
) -> io::Result<Result<(), Refused>> {
    let Shell { sandbox, terminal } = match seen.place.shell(spec) {
        Ok(shell) => shell,
        Err(error) => return Ok(Err(refusal(seen, &error))),
    };
    let cancel = Cancel::new();
    let _over = {
        let cancel = cancel.clone();
        seen.over
            .on_cancel(move || cancel.cancel(CancelReason::Asked))
    };
    let begun = Begun {
        step: choose::name(seen),
        folder: false,
    };
    line.say(Kind::Begun, &begun)?;
    let io = StepIo {
        sink: Arc::new(Said {
            line: line.clone(),
            cancel: cancel.clone(),
        }),
        cancel: cancel.clone(),
    };
    let ending = std::thread::Builder::new()
        .name("shell".to_owned())
        .spawn({
            let (line, stream) = (line.clone(), stream.try_clone()?);
            move || {
                let last = match sandbox.run(io) {
                    Ok(ending) => line.say(Kind::Ended, &Ended::of(&ending)),
                    Err(error) => line.say(Kind::Refused, &Refused::because_of(&error)),
                };
                // The other side may have gone; whoever types is told by this that it is over.
                let _ = stream.shutdown(Shutdown::Both);
                last
            }
        })?;
    listen(stream, &*terminal);
    // Nobody types any more: a shell is nothing without a keyboard.
    cancel.cancel(CancelReason::Asked);
    match ending.join() {
        Ok(_) => Ok(Ok(())),
        Err(_) => Err(io::Error::other("a shell panicked")),
    }
}

/// Hands on what is typed until the other side goes away or says what makes no sense.
fn listen(stream: &mut UnixStream, terminal: &dyn Terminal) {
    while let Ok(Some(Frame { kind, content })) = Frame::read(stream) {
        match (kind, &content[..]) {
            // It may have ended; then so does this conversation.
            (Kind::Input, bytes) => drop(terminal.write(bytes)),
            (Kind::EndInput, _) => terminal.end_input(),
            (Kind::Resize, &[r0, r1, c0, c1]) => terminal.resize(TerminalSize {
                rows: u16::from_be_bytes([r0, r1]),
                columns: u16::from_be_bytes([c0, c1]),
            }),
            _ => return,
        }
    }
}

/// Why there is no shell, and where the files of the step are instead.
fn refusal(seen: &Seen, error: &SandboxError) -> Refused {
    let mut refused = Refused::because_of(error);
    let none = matches!(error.kind, SandboxErrorKind::Unsupported(Feature::Shell));
    let not_yet = seen.state == StepState::Paused(Breakpoint::BeforeStep);
    if none || not_yet {
        for line in choose::workspaces(seen) {
            refused.message += &format!("\n{line}");
        }
    }
    refused
}

/// What a shell says.
struct Said {
    line: Line,
    cancel: Cancel,
}

impl StepSink for Said {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let kind = match stream {
            LogStream::Stdout => Kind::Stdout,
            LogStream::Stderr => Kind::Stderr,
        };
        if self.line.send(kind, bytes).is_err() {
            self.cancel.cancel(CancelReason::Asked);
        }
    }

    fn emit(&self, name: &str, _: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}

#[cfg(test)]
mod tests;
