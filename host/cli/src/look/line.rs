//! The run's end of one conversation: frames go out from any thread, and never keep a task from ending.

use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use stepwell_contract::Cancel;

use super::frames::{self, Kind};

/// How long a last word may take to be taken once the task has ended: it fits into the socket's own buffer, or nobody reads.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Where frames go out.
#[derive(Clone)]
pub(super) struct Line {
    stream: Arc<Mutex<UnixStream>>,
    over: Cancel,
}

impl Line {
    /// A line that waits for its reader as long as it takes.
    pub(super) fn new(stream: &UnixStream) -> io::Result<Self> {
        let stream = stream.try_clone()?;
        stream.set_write_timeout(Some(LAST_WORD))?;
        Ok(Self {
            stream: Arc::new(Mutex::new(stream)),
            over: Cancel::new(),
        })
    }

    /// The same line, on which nobody waits for the other side once `over` is asked for.
    pub(super) fn until(self, over: Cancel) -> Self {
        Self { over, ..self }
    }

    fn writer(&self) -> Writer<'_> {
        Writer {
            // A frame goes out as a whole, or the line is dead.
            stream: self.stream.lock().unwrap_or_else(PoisonError::into_inner),
            over: &self.over,
        }
    }

    /// Sends `content`, in as many frames as it takes. Blocks while the other side does not read.
    pub(super) fn send(&self, kind: Kind, content: &[u8]) -> io::Result<()> {
        let mut writer = self.writer();
        for part in content.chunks(frames::LONGEST) {
            frames::write(&mut writer, kind, part)?;
        }
        Ok(())
    }

    /// Sends one frame with what `said` is in JSON.
    pub(super) fn say(&self, kind: Kind, said: &impl Serialize) -> io::Result<()> {
        frames::say(&mut self.writer(), kind, said)
    }
}

/// Waits for a reader while there is something to wait for.
struct Writer<'a> {
    stream: MutexGuard<'a, UnixStream>,
    over: &'a Cancel,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.stream.write(bytes) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
                        && self.over.reason().is_none() => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends what is written as the parts of a file.
pub(super) struct Parts<'a>(pub(super) &'a Line);

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(Kind::Data, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
