//! The run's end of one conversation: frames go out from any thread, and never keep a task from ending.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use stepwell_contract::Cancel;
use stepwell_contract::cancel::HookGuard;

use super::frames::{self, Kind};

/// How long a last word may take to be taken once the task ends: it fits into the socket's own buffer, or nobody reads.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Where frames go out.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<UnixStream>>);

impl Line {
    pub(super) fn new(stream: &UnixStream) -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(stream.try_clone()?))))
    }

    fn stream(&self) -> MutexGuard<'_, UnixStream> {
        // A frame goes out as a whole, or the line is dead.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends `content`, in as many frames as it takes. Blocks while the other side does not read.
    pub(super) fn send(&self, kind: Kind, content: &[u8]) -> io::Result<()> {
        let mut stream = self.stream();
        for part in content.chunks(frames::LONGEST) {
            frames::write(&mut *stream, kind, part)?;
        }
        Ok(())
    }

    /// Sends one frame with what `said` is in JSON.
    pub(super) fn say(&self, kind: Kind, said: &impl Serialize) -> io::Result<()> {
        frames::say(&mut *self.stream(), kind, said)
    }

    /// Sees to it that nobody waits for the other side once `over` is asked for. Whoever is in the middle of a frame then
    /// has waited long enough.
    pub(super) fn end_with(&self, over: &Cancel, stream: &UnixStream) -> io::Result<HookGuard> {
        let (line, stream) = (self.clone(), stream.try_clone()?);
        Ok(over.on_cancel(move || {
            let free = line.0.try_lock().is_ok_and(|line| {
                let bounded = line.set_write_timeout(Some(LAST_WORD));
                bounded.is_ok()
            });
            if !free {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }))
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
