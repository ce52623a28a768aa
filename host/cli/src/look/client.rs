//! A client's side of a conversation: finds the run, connects, asks, and understands a refusal.

use std::io;
use std::os::unix::net::UnixStream;

use anyhow::{Context as _, anyhow};
use stepwell_store::runs::{KeptRun, Runs};

use super::ask::{Ask, Refused, VERSION, What};
use super::frames::{self, Frame, Kind, LONGEST};
use super::socket;
use crate::exit::Coded;
use crate::runs::find;

/// What is said where a command line asks for more than a frame holds.
const TOO_LONG: &str = "what is asked for is longer than 64 KiB";

/// Connects to the process of the run that `text` begins with, and asks for `what` of the step that the rest means:
/// `RUN/TASK/STEP`, of which any part may be left out.
///
/// # Errors
///
/// There is no such run, or nobody answers for it.
pub(super) fn ask(runs: &Runs, text: &str, what: What) -> anyhow::Result<UnixStream> {
    let (id, part) = find::split(text);
    let run = match id {
        "" => latest(runs)?,
        id => find::run(runs, id)?,
    };
    let id = &run.record().id;
    if run.pid().is_none() {
        let mend = "`stepwell run --keep` holds what fails until somebody has looked";
        return Err(Coded::usage(format!("the run `{id}` is over; {mend}")).into());
    }
    let mut stream = socket::connect(run.folder(), run.path()).with_context(|| {
        Coded::usage(format!(
            "nobody answers for the run `{id}`: it is just beginning or ending"
        ))
    })?;
    let ask = Ask {
        version: VERSION,
        part: part.map(str::to_owned),
        what,
    };
    let ask = serde_json::to_vec(&ask).context("failed to write JSON")?;
    if ask.len() > LONGEST {
        return Err(Coded::usage(TOO_LONG).into());
    }
    match frames::write(&mut stream, Kind::Ask, &ask) {
        // It has refused before it was asked, and that is what is read next.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        asked => asked.context("failed to ask the run")?,
    }
    Ok(stream)
}

/// The newest run that has a process.
fn latest(runs: &Runs) -> anyhow::Result<KeptRun> {
    let mut alive = runs.list()?.into_iter().filter(|run| run.pid().is_some());
    let none = "no run is under way, nor kept";
    alive.next().ok_or_else(|| Coded::usage(none).into())
}

/// The next frame of a run's that serves us. One that refuses is an error, and so is the end of what it says.
///
/// # Errors
///
/// Why the run refuses; that it has gone.
pub(super) fn next(stream: &mut UnixStream) -> anyhow::Result<Frame> {
    let frame = match Frame::read(stream) {
        Ok(Some(frame)) => frame,
        Ok(None) => return Err(anyhow!("the run has ended, and this with it")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
            return Err(anyhow!("the run has ended, and this with it"));
        }
        Err(error) => return Err(error).context("failed to understand the run"),
    };
    match frame.kind {
        Kind::Refused => {
            let refused: Refused = frame.parse().context("failed to understand the run")?;
            Err(refused.into_error())
        }
        _ => Ok(frame),
    }
}

/// That a run says what it never says.
pub(super) fn odd(frame: &Frame) -> anyhow::Error {
    anyhow!(
        "failed to understand the run: {:?} is not expected here",
        frame.kind
    )
}
