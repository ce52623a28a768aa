//! An archive on its way to a daemon: written by a thread that blocks, and sent as it is written.

use std::io::{self, Write};

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use super::error::ApiError;

/// What is sent at once, and how many pieces wait for a slow connection.
const PIECE_BYTES: usize = 256 << 10;
const PIECES: usize = 4;

/// Hands an archive on in pieces, and waits where they are not taken.
pub(super) struct Upload {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

/// What is written on one end, and the pieces that come out of the other.
pub(super) fn upload() -> (
    Upload,
    impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) {
    let (pieces, archive) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    let stream = futures_util::stream::unfold(archive, |mut archive| async move {
        archive.recv().await.map(|piece| (piece, archive))
    });
    let upload = Upload {
        pieces,
        buffer: Vec::with_capacity(PIECE_BYTES),
    };
    (upload, stream)
}

impl Upload {
    /// Writes an archive to its end, and waits for the daemon's answer to it.
    ///
    /// # Errors
    ///
    /// What the daemon says, else what was to be sent could not be read.
    pub(super) fn send(
        mut self,
        answer: &std::sync::mpsc::Receiver<Result<(), ApiError>>,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<(), ApiError> {
        let written = write(&mut self).and_then(|()| self.flush());
        if let Err(error) = &written {
            // Whoever reads the archive hears of it, and gives up.
            let cut = io::Error::new(error.kind(), "the archive was cut short");
            let _ = self.pieces.blocking_send(Err(cut));
        }
        drop(self);
        let answer = answer.recv();
        match (written, answer) {
            (Ok(()), Ok(answer)) => answer,
            (Ok(()), Err(error)) => Err(ApiError::Malformed(error.into())),
            // A daemon that stopped reading has said why.
            (Err(_), Ok(Err(refused @ ApiError::Refused { .. }))) => Err(refused),
            (Err(error), _) => Err(ApiError::Unread(error.into())),
        }
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.buffer);
        let sent = self.pieces.blocking_send(Ok(piece.into()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
