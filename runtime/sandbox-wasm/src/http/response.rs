//! A response as a guest reads it: its head when it comes, its body chunk by chunk, then its trailers.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::Resource;
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};
use wasmtime_wasi_io::streams::{DynInputStream, InputStream, StreamError, StreamResult};

use super::Fields;
use super::fields::too_many;
use crate::bindings::http::wasi::http::types::{
    ErrorCode, HostFutureIncomingResponse, HostFutureTrailers, HostIncomingBody,
    HostIncomingResponse,
};
use crate::guest::Guest;
use crate::meter::OpenPermit;

/// What comes of one exchange.
pub(super) type Outcome<T> = Result<T, ErrorCode>;

/// Keeps an exchange going; the last of its parts that is dropped ends it.
pub(super) struct Alive {
    pub(super) _task: AbortOnDropJoinHandle<()>,
    pub(super) _permit: OpenPermit,
}

/// What comes after the head.
pub(super) struct Rest {
    pub(super) chunks: mpsc::Receiver<Outcome<Bytes>>,
    pub(super) trailers: oneshot::Receiver<HeaderMap>,
    pub(super) alive: Arc<Alive>,
}

/// A response that may not be there yet.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct FutureResponse {
    pub(super) head: Head,
    pub(super) rest: Option<Rest>,
}

/// What there is of a response.
pub(super) enum Head {
    Awaited(oneshot::Receiver<Outcome<http::response::Parts>>),
    Here(Outcome<http::response::Parts>),
    Taken,
}

#[async_trait]
impl Pollable for FutureResponse {
    async fn ready(&mut self) {
        if let Head::Awaited(head) = &mut self.head {
            let lost = |_| Err(ErrorCode::InternalError(None));
            self.head = Head::Here(head.await.unwrap_or_else(lost));
        }
    }
}

/// A response whose head is there.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct IncomingResponse {
    status: u16,
    headers: Fields,
    rest: Option<Rest>,
}

impl HostFutureIncomingResponse for Guest {
    fn subscribe(
        &mut self,
        future: Resource<FutureResponse>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, future)
    }

    fn get(
        &mut self,
        future: Resource<FutureResponse>,
    ) -> wasmtime::Result<Option<Result<Outcome<Resource<IncomingResponse>>, ()>>> {
        let future = self.table.get_mut(&future)?;
        if let Head::Awaited(head) = &mut future.head {
            match head.try_recv() {
                Ok(outcome) => future.head = Head::Here(outcome),
                Err(oneshot::error::TryRecvError::Empty) => return Ok(None),
                Err(oneshot::error::TryRecvError::Closed) => {
                    future.head = Head::Here(Err(ErrorCode::InternalError(None)));
                }
            }
        }
        let rest = future.rest.take();
        let parts = match std::mem::replace(&mut future.head, Head::Taken) {
            Head::Here(Ok(parts)) => parts,
            Head::Here(Err(error)) => return Ok(Some(Ok(Err(error)))),
            Head::Awaited(_) | Head::Taken => return Ok(Some(Err(()))),
        };
        let Some(headers) = Fields::received(parts.headers, self.http.room()) else {
            return Ok(Some(Ok(Err(ErrorCode::HttpResponseHeaderSectionSize(
                None,
            )))));
        };
        let response = IncomingResponse {
            status: parts.status.as_u16(),
            headers,
            rest,
        };
        Ok(Some(Ok(Ok(self.table.push(response)?))))
    }

    fn drop(&mut self, future: Resource<FutureResponse>) -> wasmtime::Result<()> {
        self.table.delete(future)?;
        Ok(())
    }
}

impl HostIncomingResponse for Guest {
    fn status(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<u16> {
        Ok(self.table.get(&response)?.status)
    }

    fn headers(
        &mut self,
        response: Resource<IncomingResponse>,
    ) -> wasmtime::Result<Resource<Fields>> {
        let headers = &self.table.get(&response)?.headers;
        let copy = headers.copy(self.http.room(), true);
        Ok(self.table.push(copy.ok_or_else(too_many)?)?)
    }

    fn consume(
        &mut self,
        response: Resource<IncomingResponse>,
    ) -> wasmtime::Result<Result<Resource<IncomingBody>, ()>> {
        match self.table.get_mut(&response)?.rest.take() {
            Some(rest) => {
                let body = IncomingBody {
                    chunks: Some(rest.chunks),
                    trailers: rest.trailers,
                    alive: rest.alive,
                };
                Ok(Ok(self.table.push(body)?))
            }
            None => Ok(Err(())),
        }
    }

    fn drop(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<()> {
        self.table.delete(response)?;
        Ok(())
    }
}

/// The body of a response.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct IncomingBody {
    chunks: Option<mpsc::Receiver<Outcome<Bytes>>>,
    trailers: oneshot::Receiver<HeaderMap>,
    alive: Arc<Alive>,
}

impl HostIncomingBody for Guest {
    fn stream(
        &mut self,
        body: Resource<IncomingBody>,
    ) -> wasmtime::Result<Result<Resource<DynInputStream>, ()>> {
        let taken = self.table.get_mut(&body)?;
        let Some(chunks) = taken.chunks.take() else {
            return Ok(Err(()));
        };
        let stream: DynInputStream = Box::new(Reader {
            chunks,
            next: Next::Unknown,
            _alive: Arc::clone(&taken.alive),
        });
        Ok(Ok(self.table.push_child(stream, &body)?))
    }

    fn finish(
        &mut self,
        body: Resource<IncomingBody>,
    ) -> wasmtime::Result<Resource<FutureTrailers>> {
        let body = self.table.delete(body)?;
        Ok(self.table.push(FutureTrailers {
            unread: body.chunks,
            state: Trailing::Awaited(body.trailers),
            _alive: body.alive,
        })?)
    }

    fn drop(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

/// The guest's stream out of a body.
struct Reader {
    chunks: mpsc::Receiver<Outcome<Bytes>>,
    next: Next,
    _alive: Arc<Alive>,
}

/// What a body has next.
enum Next {
    Unknown,
    Chunk(Bytes),
    Failed(ErrorCode),
    End,
}

impl Reader {
    fn heard(&mut self, heard: Option<Outcome<Bytes>>) {
        self.next = match heard {
            Some(Ok(chunk)) => Next::Chunk(chunk),
            Some(Err(error)) => Next::Failed(error),
            None => Next::End,
        };
    }
}

#[async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if let Next::Unknown = self.next {
            match self.chunks.try_recv() {
                Ok(heard) => self.heard(Some(heard)),
                Err(mpsc::error::TryRecvError::Disconnected) => self.heard(None),
                Err(mpsc::error::TryRecvError::Empty) => return Ok(Bytes::new()),
            }
        }
        match std::mem::replace(&mut self.next, Next::End) {
            Next::Chunk(mut chunk) => {
                let part = chunk.split_to(size.min(chunk.len()));
                self.next = match chunk.is_empty() {
                    true => Next::Unknown,
                    false => Next::Chunk(chunk),
                };
                Ok(part)
            }
            Next::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            Next::End | Next::Unknown => Err(StreamError::Closed),
        }
    }
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {
        if let Next::Unknown = self.next {
            let heard = self.chunks.recv().await;
            self.heard(heard);
        }
    }
}

/// What comes after a body.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct FutureTrailers {
    /// Of the body, which has to be read before.
    unread: Option<mpsc::Receiver<Outcome<Bytes>>>,
    state: Trailing,
    _alive: Arc<Alive>,
}

enum Trailing {
    Awaited(oneshot::Receiver<HeaderMap>),
    Here(Outcome<Option<HeaderMap>>),
    Taken,
}

#[async_trait]
impl Pollable for FutureTrailers {
    async fn ready(&mut self) {
        let Trailing::Awaited(trailers) = &mut self.state else {
            return;
        };
        while let Some(unread) = &mut self.unread {
            match unread.recv().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.state = Trailing::Here(Err(error));
                    return;
                }
                None => self.unread = None,
            }
        }
        // None are sent where there are none.
        self.state = Trailing::Here(Ok(trailers.await.ok()));
    }
}

impl HostFutureTrailers for Guest {
    fn subscribe(
        &mut self,
        future: Resource<FutureTrailers>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, future)
    }

    fn get(
        &mut self,
        future: Resource<FutureTrailers>,
    ) -> wasmtime::Result<Option<Result<Outcome<Option<Resource<Fields>>>, ()>>> {
        let future = self.table.get_mut(&future)?;
        let outcome = match std::mem::replace(&mut future.state, Trailing::Taken) {
            Trailing::Here(outcome) => outcome,
            Trailing::Taken => return Ok(Some(Err(()))),
            awaited @ Trailing::Awaited(_) => {
                future.state = awaited;
                return Ok(None);
            }
        };
        let map = match outcome {
            Ok(Some(map)) => map,
            Ok(None) => return Ok(Some(Ok(Ok(None)))),
            Err(error) => return Ok(Some(Ok(Err(error)))),
        };
        Ok(Some(Ok(match Fields::received(map, self.http.room()) {
            Some(fields) => Ok(Some(self.table.push(fields)?)),
            None => Err(ErrorCode::HttpResponseTrailerSectionSize(None)),
        })))
    }

    fn drop(&mut self, future: Resource<FutureTrailers>) -> wasmtime::Result<()> {
        self.table.delete(future)?;
        Ok(())
    }
}
