//! The body of a request, from a guest's stream to the wire: one chunk at a time, and exactly as long as was said.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{DynOutputStream, OutputStream, StreamError, StreamResult};

use crate::bindings::http::wasi::http::types::ErrorCode;
use crate::wasi::io::CHUNK_BYTES;

/// The guest let go of its request before it was whole.
#[derive(Debug, thiserror::Error)]
#[error("the body of the request is not whole")]
pub(super) struct NotWhole;

/// The body as the wire sees it.
#[derive(Debug)]
pub(super) struct Outgoing {
    chunks: mpsc::Receiver<Bytes>,
    end: Option<oneshot::Receiver<Option<HeaderMap>>>,
    /// How long it is said to be.
    length: Option<u64>,
}

/// The body as the guest sees it.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct OutgoingBody {
    stream: Option<DynOutputStream>,
    end: oneshot::Sender<Option<HeaderMap>>,
    length: Option<u64>,
    written: Arc<AtomicU64>,
}

/// Both ends of a body of this `length`, where it was said.
pub(super) fn outgoing(length: Option<u64>) -> (OutgoingBody, Outgoing) {
    let (writer, chunks) = mpsc::channel(1);
    let (end, ended) = oneshot::channel();
    let written = Arc::<AtomicU64>::default();
    let stream = Writer {
        chunks: writer,
        length,
        written: Arc::clone(&written),
    };
    let ours = OutgoingBody {
        stream: Some(Box::new(stream)),
        end,
        length,
        written,
    };
    let theirs = Outgoing {
        chunks,
        end: Some(ended),
        length,
    };
    (ours, theirs)
}

impl Outgoing {
    /// No body at all.
    pub(super) fn none() -> Self {
        Self {
            chunks: mpsc::channel(1).1,
            end: None,
            length: Some(0),
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = NotWhole;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NotWhole>>> {
        match self.chunks.poll_recv(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(chunk)) => return Poll::Ready(Some(Ok(Frame::data(chunk)))),
            Poll::Ready(None) => {}
        }
        let Some(end) = &mut self.end else {
            return Poll::Ready(None);
        };
        let ended = match Pin::new(end).poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(ended) => ended,
        };
        self.end = None;
        Poll::Ready(match ended {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            // Dropped, not finished.
            Err(_) => Some(Err(NotWhole)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.end.is_none() && self.chunks.is_closed()
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl OutgoingBody {
    /// Its stream, which there is one of.
    pub(super) fn stream(&mut self) -> Option<DynOutputStream> {
        self.stream.take()
    }

    /// Says that it is whole.
    ///
    /// # Errors
    ///
    /// It is not: what was sent of the request is then never ended.
    pub(super) fn finish(self, trailers: Option<HeaderMap>) -> Result<(), ErrorCode> {
        let written = self.written.load(Ordering::Relaxed);
        if self.length.is_some_and(|length| length != written) {
            return Err(ErrorCode::HttpRequestBodySize(Some(written)));
        }
        // Nobody waits for it where the exchange is over already; its response tells.
        let _ = self.end.send(trailers);
        Ok(())
    }
}

/// The guest's stream into a body.
struct Writer {
    chunks: mpsc::Sender<Bytes>,
    length: Option<u64>,
    written: Arc<AtomicU64>,
}

impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > CHUNK_BYTES {
            return Err(StreamError::trap("more bytes than `check-write` allowed"));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let length = bytes.len() as u64;
        let total = self.written.load(Ordering::Relaxed).saturating_add(length);
        if self.length.is_some_and(|length| total > length) {
            let error = ErrorCode::HttpRequestBodySize(Some(total));
            return Err(StreamError::LastOperationFailed(error.into()));
        }
        match self.chunks.try_send(bytes) {
            Ok(()) => {
                self.written.store(total, Ordering::Relaxed);
                Ok(())
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StreamError::Closed),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(StreamError::trap("more bytes than `check-write` allowed"))
            }
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let is_whole = self.length == Some(self.written.load(Ordering::Relaxed));
        match (self.chunks.is_closed(), self.chunks.capacity()) {
            // Nobody takes more than there is to be; that is no failure of what was written.
            (true, _) if is_whole => Ok(CHUNK_BYTES),
            (true, _) => Err(StreamError::Closed),
            (false, 0) => Ok(0),
            (false, _) => Ok(CHUNK_BYTES),
        }
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        // Where nobody takes any more, the next write says so.
        let _ = self.chunks.reserve().await;
    }
}
