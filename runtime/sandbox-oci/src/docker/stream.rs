//! What a program in a container says, over one connection that stops speaking HTTP.
//!
//! Docker puts a head of eight bytes in front of each piece of output: which of the two it is, and how long. A terminal has
//! none. Pieces are handed on as they come, never gathered: the channel is all the memory that a program which prints without
//! end can have. Done here and not by `bollard`, whose decoder gathers whole pieces, and lines of a terminal.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use stepwell_contract::LogStream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::daemon::Daemon;
use super::error::ApiError;

/// Pieces that wait for a slow listener: with `PIECE_BYTES`, what one program can make us hold.
const PIECES: usize = 16;

/// What is read at once.
const PIECE_BYTES: usize = 32 << 10;

/// What is read of a refusal.
const REFUSAL_BYTES: usize = 64 << 10;

/// What ends the input of a terminal; twice, for what is typed before it in a line only ends the line.
const END: [u8; 2] = [4, 4];

/// Some of what a program said.
pub(super) type Piece = Result<(LogStream, Bytes), ApiError>;

/// A connection to a program.
pub(super) struct Attached {
    /// What it says; ends when the program has ended.
    pub(super) output: mpsc::Receiver<Piece>,
    /// The connection itself.
    pub(super) line: Line,
}

/// The connection behind what a program says: dropped, it is closed, and what it says has ended.
pub(super) struct Line {
    daemon: Arc<Daemon>,
    /// Kept open: a half that is closed would end the whole for some daemons.
    writer: Option<WriteHalf<TokioIo<Upgraded>>>,
    terminal: bool,
    tasks: Vec<JoinHandle<()>>,
}

/// What is wanted of a connection.
pub(super) struct Attach {
    /// Path and query of the request.
    pub(super) path: String,
    /// Its body.
    pub(super) body: String,
    /// Whether both outputs are one.
    pub(super) terminal: bool,
}

impl Attached {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the daemon says.
    pub(super) fn new(daemon: &Arc<Daemon>, attach: Attach) -> Result<Self, ApiError> {
        let dial = daemon.dial();
        let endpoint = daemon.endpoint().to_string();
        let (say, output) = mpsc::channel(PIECES);
        let Attach {
            path,
            body,
            terminal,
        } = attach;
        let (task, writer) = daemon.wait(async move {
            let request = Request::builder()
                .method(Method::POST)
                .uri(path)
                .header(CONNECTION, HeaderValue::from_static("Upgrade"))
                .header(UPGRADE, HeaderValue::from_static("tcp"))
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(Full::new(Bytes::from(body)))
                .map_err(|error| ApiError::Malformed(error.into()))?;
            let response = dial.send(request).await?;
            let status = response.status();
            if status != StatusCode::SWITCHING_PROTOCOLS {
                let said = Limited::new(response.into_body(), REFUSAL_BYTES);
                let said = said.collect().await.map_err(ApiError::Malformed)?;
                let said = String::from_utf8_lossy(&said.to_bytes()).into_owned();
                return Err(ApiError::refused(status.as_u16(), &said));
            }
            let upgraded = hyper::upgrade::on(response).await;
            let upgraded = upgraded.map_err(|error| ApiError::Gone {
                endpoint: endpoint.clone(),
                source: error.into(),
            })?;
            let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
            let listens = tokio::spawn(async move {
                let ended = match terminal {
                    true => plain(reader, &say).await,
                    false => framed(reader, &say).await,
                };
                if let Err(source) = ended {
                    let source = source.into();
                    let _ = say.send(Err(ApiError::Gone { endpoint, source })).await;
                }
            });
            Ok((listens, writer))
        })?;
        let line = Line {
            daemon: Arc::clone(daemon),
            writer: Some(writer),
            terminal,
            tasks: vec![task],
        };
        Ok(Self { output, line })
    }
}

impl Line {
    /// Once `first` has ended, the program is told what is read from `typed`, and in the end that this is all.
    pub(super) fn speak(
        &mut self,
        typed: impl AsyncRead + Send + Unpin + 'static,
        first: impl Future<Output = ()> + Send + 'static,
    ) {
        let Some(writer) = self.writer.take() else {
            return;
        };
        let terminal = self.terminal;
        let task = self.daemon.start(async move {
            first.await;
            type_on(typed, writer, terminal).await;
        });
        self.tasks.push(task);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        let ended = self.daemon.spawn(async move {
            for task in tasks {
                task.abort();
                let _ = task.await;
            }
        });
        // Nothing to wait for where the daemon's thread has ended.
        let _ = ended.recv();
    }
}

/// Types what comes out of `typed`. A program that has ended takes nothing, and then nothing more is read.
async fn type_on(
    mut typed: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    terminal: bool,
) {
    let copied = tokio::io::copy(&mut typed, &mut writer).await;
    drop(typed);
    let ended = match (copied, terminal) {
        (Err(_), _) => return,
        (Ok(_), true) => match writer.write_all(&END).await {
            Ok(()) => writer.flush().await,
            failed => failed,
        },
        (Ok(_), false) => writer.shutdown().await,
    };
    if ended.is_ok() {
        // The other half is still read.
        std::future::pending::<()>().await;
    }
}

async fn plain(
    mut reader: impl AsyncRead + Unpin,
    say: &mpsc::Sender<Piece>,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = reader.read(&mut piece).await?;
        let bytes = Bytes::copy_from_slice(&piece[..read]);
        if read == 0 || say.send(Ok((LogStream::Stdout, bytes))).await.is_err() {
            return Ok(());
        }
    }
}

async fn framed(
    mut reader: impl AsyncRead + Unpin,
    say: &mpsc::Sender<Piece>,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let mut head = [0; 8];
        if reader.read(&mut head[..1]).await? == 0 {
            return Ok(());
        }
        reader.read_exact(&mut head[1..]).await?;
        let stream = match head {
            [1, 0, 0, 0, ..] => LogStream::Stdout,
            [2, 0, 0, 0, ..] => LogStream::Stderr,
            _ => return Err(std::io::ErrorKind::InvalidData.into()),
        };
        let mut left = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        while left > 0 {
            let most = PIECE_BYTES.min(left as usize);
            let read = reader.read(&mut piece[..most]).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            left -= read as u32;
            let bytes = Bytes::copy_from_slice(&piece[..read]);
            if say.send(Ok((stream, bytes))).await.is_err() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(bytes: &'static [u8]) -> (Vec<(LogStream, Vec<u8>)>, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (say, mut output) = mpsc::channel(PIECES);
            let ended = framed(bytes, &say).await.is_ok();
            drop(say);
            let mut heard = Vec::new();
            while let Some(piece) = output.recv().await {
                let (stream, bytes) = piece.unwrap();
                heard.push((stream, bytes.to_vec()));
            }
            (heard, ended)
        })
    }

    #[test]
    fn outputs_are_told_apart() {
        let (said, ended) = heard(b"\x01\0\0\0\0\0\0\x02ab\x02\0\0\0\0\0\0\x01c\x01\0\0\0\0\0\0\0");
        let expected = [
            (LogStream::Stdout, b"ab".to_vec()),
            (LogStream::Stderr, b"c".to_vec()),
        ];
        assert_eq!(said, expected);
        assert!(ended);
    }

    #[test]
    fn attack_a_head_that_lies_costs_nothing() {
        // Four gigabytes are announced; what is there is handed on.
        let (said, ended) = heard(b"\x01\0\0\0\xff\xff\xff\xffab");
        assert_eq!(said, [(LogStream::Stdout, b"ab".to_vec())]);
        assert!(!ended);
        for bytes in [
            b"\x07\0\0\0\0\0\0\x01a".as_slice(),
            b"\x01\0\0",
            b"HTTP/1.1 ",
        ] {
            assert!(!heard(bytes).1);
        }
    }
}
