//! The run's side of a copy: a file, the files of a folder, or all that a step sees, read through its place.

use std::io::{self, Read, Write as _};

use stepwell_contract::SandboxErrorKind;
use stepwell_engine::places::{Breakpoint, Seen, StepState};

use super::ask::{Begun, Ended, Refused};
use super::choose;
use super::frames::Kind;
use super::line::{Line, Parts};

/// How much of a file is read at once.
const CHUNK: usize = 64 << 10;

/// Sends the file at `path`, or the files of the folder there.
pub(super) fn copy(seen: &Seen, path: &str, line: &Line) -> io::Result<Result<(), Refused>> {
    if let Some(refused) = still_runs(seen) {
        return Ok(Err(refused));
    }
    match seen.place.extract_file(path) {
        Ok(mut file) => {
            line.say(Kind::Begun, &begun(seen, false))?;
            line.send(Kind::File, b"-")?;
            send(&mut *file, line)?;
            return line.say(Kind::Ended, &Ended::WELL).map(Ok);
        }
        Err(error) if matches!(error.kind, SandboxErrorKind::NotFound) => {}
        Err(error) => return Ok(Err(Refused::because_of(&error))),
    }
    let mut first = true;
    let extracted = seen.place.extract_folder(path, &mut |path, file| {
        if std::mem::take(&mut first) {
            line.say(Kind::Begun, &begun(seen, true))?;
        }
        line.send(Kind::File, path.as_bytes())?;
        send(file, line)
    });
    match extracted {
        Ok(()) => {
            if first {
                line.say(Kind::Begun, &begun(seen, true))?;
            }
            line.say(Kind::Ended, &Ended::WELL).map(Ok)
        }
        Err(error) => Ok(Err(Refused::because_of(&error))),
    }
}

/// Sends all that the step sees.
pub(super) fn archive(seen: &Seen, line: &Line) -> io::Result<Result<(), Refused>> {
    if let Some(refused) = still_runs(seen) {
        return Ok(Err(refused));
    }
    let mut to = Opening {
        seen,
        line,
        begun: false,
    };
    let archived = seen.place.archive(&mut to);
    match archived {
        Ok(()) => {
            to.flush()?;
            line.say(Kind::Ended, &Ended::WELL).map(Ok)
        }
        Err(error) => Ok(Err(Refused::because_of(&error))),
    }
}

/// Says that it begins with the first bytes: what is refused has not begun.
struct Opening<'a> {
    seen: &'a Seen,
    line: &'a Line,
    begun: bool,
}

impl io::Write for Opening<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.begun, true) {
            self.line.say(Kind::Begun, &begun(self.seen, false))?;
            self.line.send(Kind::File, b"-")?;
        }
        Parts(self.line).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn begun(seen: &Seen, folder: bool) -> Begun {
    Begun {
        step: choose::name(seen),
        folder,
    }
}

/// Nothing is read of a step that may be writing it.
fn still_runs(seen: &Seen) -> Option<Refused> {
    let over = matches!(
        seen.state,
        StepState::Ended { .. } | StepState::Paused(Breakpoint::OnFailure)
    );
    let message = || {
        format!(
            "{} has not ended; its files can be had then",
            choose::name(seen)
        )
    };
    (!over).then(|| Refused::asker(message()))
}

fn send(file: &mut dyn Read, line: &Line) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => line.send(Kind::Data, &chunk[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
