//! Waits for what happens to something that runs, up to a moment. It does not know what that is.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

/// What happens next; nothing where `end` comes first.
///
/// # Errors
///
/// Nothing can happen any more.
pub(crate) fn next<E>(happens: &Receiver<E>, end: Option<Instant>) -> io::Result<Option<E>> {
    let Some(end) = end else {
        return happens.recv().map(Some).map_err(io::Error::other);
    };
    match happens.recv_timeout(end.saturating_duration_since(Instant::now())) {
        Ok(event) => Ok(Some(event)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(error) => Err(io::Error::other(error)),
    }
}
