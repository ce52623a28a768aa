//! A proxy of a task: HTTP on the loopback of the task's own network, answered by a handler on the host.
//!
//! Whoever is in that network is in the task, and nobody else is. What is understood as one request is hyper's to say; what is
//! handed on is a path of the proxy's own, in whole lines, and a body that is as long as it was framed. It knows neither what
//! a handler does nor what it knows.

use std::future::poll_fn;
use std::io::{self, Read};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use stepwell_contract::power::{ProxyBody, ProxyHandler, ProxyRequest, ProxyResponse};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Connections at once. More wait: a step that opens thousands has no thread of ours for each.
const CONNECTIONS: usize = 64;

/// Headers of a request: stops one that never ends its head.
const HEADERS: usize = 100;

/// Bytes of a request's head, for the same reason.
const HEAD_BYTES: usize = 64 << 10;

/// Bytes of an answer that are read at once.
const CHUNK_BYTES: usize = 16 << 10;

/// Pieces of a body that wait for whoever reads them: what a body of any length costs.
const CHUNKS: usize = 2;

/// How long a handler that is answering may go on when its task has ended.
const GRACE: Duration = Duration::from_secs(1);

/// What says how a message is framed, and is ours to say.
const FRAMING: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_LENGTH,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// A proxy that answers until it is dropped.
pub(crate) struct Proxy {
    name: String,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Has `handler` answer what comes to `listener` for `name`.
    ///
    /// # Errors
    ///
    /// What the host could not do.
    pub(crate) fn serve(
        name: &str,
        listener: TcpListener,
        handler: Arc<dyn ProxyHandler>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(CONNECTIONS)
            .thread_name("proxy")
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let called = Called {
            hosts: [name.to_owned(), format!("{name}:{port}")],
            handler,
        };
        let (stop, stopped) = oneshot::channel();
        let server = std::thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || run(runtime, listener, Arc::new(called), stopped))?;
        Ok(Self {
            name: name.to_owned(),
            port,
            stop: Some(stop),
            server: Some(server),
        })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What steps are told.
    pub(crate) fn address(&self) -> String {
        format!("http://{}:{}", self.name, self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            // A panic of a handler's is not the task's.
            let _ = server.join();
        }
    }
}

/// Who is asked, and by which names.
struct Called {
    hosts: [String; 2],
    handler: Arc<dyn ProxyHandler>,
}

fn run(
    runtime: Runtime,
    listener: tokio::net::TcpListener,
    called: Arc<Called>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.spawn(accept(listener, called));
    // Nothing is ever sent: it is dropped.
    let _ = runtime.block_on(stopped);
    // Connections end here, and with them what handlers read and write.
    runtime.shutdown_timeout(GRACE);
}

async fn accept(listener: tokio::net::TcpListener, called: Arc<Called>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(?error, "a connection to a proxy was not accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let called = Arc::clone(&called);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&called), request));
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                // Who has nothing more to ask may still listen.
                .half_close(true)
                .max_headers(HEADERS)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(?error, "a connection to a proxy broke off");
            }
            drop(permit);
        });
    }
}

/// Answers one request: the handler's answer, or ours where there is none.
async fn answer(
    called: Arc<Called>,
    request: Request<Incoming>,
) -> Result<Response<Pieces>, std::convert::Infallible> {
    let asked = match Asked::understand(&called.hosts, &request) {
        Ok(asked) => asked,
        Err(status) => return Ok(refusal(status)),
    };
    let (pieces, body) = mpsc::channel(CHUNKS);
    tokio::spawn(pump(request.into_body(), pieces));
    let (head, answered) = oneshot::channel();
    let (written, read) = mpsc::channel(CHUNKS);
    tokio::task::spawn_blocking(move || ask(&*called.handler, asked, body, head, &written));
    // A handler that panics has no answer.
    let response = answered.await.ok().and_then(|head| respond(head, read));
    Ok(response.unwrap_or_else(|| refusal(StatusCode::BAD_GATEWAY)))
}

/// What is asked, without its body.
struct Asked {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    has_body: bool,
    /// Of the body, where it was said.
    length: Option<u64>,
}

impl Asked {
    fn understand(hosts: &[String], request: &Request<Incoming>) -> Result<Self, StatusCode> {
        let headers = request.headers();
        let uri = request.uri();
        // Another host, by the form that is meant for proxies, and no path at all.
        if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
            return Err(StatusCode::BAD_REQUEST);
        }
        let mut named = headers.get_all(HOST).iter();
        let is_ours = match (named.next(), named.next()) {
            (Some(host), None) => hosts
                .iter()
                .any(|ours| host.as_bytes().eq_ignore_ascii_case(ours.as_bytes())),
            _ => false,
        };
        if !is_ours {
            return Err(StatusCode::MISDIRECTED_REQUEST);
        }
        let text = |value: &HeaderValue| {
            let text = std::str::from_utf8(value.as_bytes());
            text.map(str::to_owned).map_err(|_| StatusCode::BAD_REQUEST)
        };
        let handed_on = headers.iter().filter(|(name, _)| !FRAMING.contains(name));
        let handed_on: Result<_, StatusCode> = handed_on
            .map(|(name, value)| Ok((name.as_str().to_owned(), text(value)?)))
            .collect();
        Ok(Self {
            method: request.method().as_str().to_owned(),
            target: uri
                .path_and_query()
                .map_or("/", |target| target.as_str())
                .to_owned(),
            headers: handed_on?,
            has_body: !request.body().is_end_stream(),
            length: request.body().size_hint().exact(),
        })
    }
}

/// A piece of a request's body, its end, or why there is no more of it.
type Piece = io::Result<Option<Bytes>>;

/// Hands the body of a request on, piece by piece.
async fn pump(mut body: Incoming, pieces: mpsc::Sender<Piece>) {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let piece = match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => Ok(Some(data)),
                // Lines after the body, which nobody asked for.
                Err(_) => continue,
            },
            Some(Err(error)) => Err(io::Error::other(error)),
            None => Ok(None),
        };
        let is_last = !matches!(piece, Ok(Some(_)));
        if pieces.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

/// The body of a request as a handler reads it. One that breaks off is an error, and never an end.
struct Asking {
    pieces: mpsc::Receiver<Piece>,
    piece: Bytes,
    is_over: bool,
}

impl Read for Asking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.is_over {
            match self.pieces.blocking_recv() {
                Some(Ok(Some(piece))) => self.piece = piece,
                Some(Ok(None)) => self.is_over = true,
                Some(Err(error)) => return Err(error),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// What a handler answers, without its body.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

/// Asks the handler, on a thread that may wait, and reads its answer.
fn ask(
    handler: &dyn ProxyHandler,
    asked: Asked,
    pieces: mpsc::Receiver<Piece>,
    head: oneshot::Sender<Head>,
    written: &mpsc::Sender<io::Result<Bytes>>,
) {
    let mut body = Asking {
        pieces,
        piece: Bytes::new(),
        is_over: false,
    };
    let ProxyResponse {
        status,
        headers,
        body: mut answer,
    } = handler.handle(ProxyRequest {
        method: asked.method,
        target: asked.target,
        headers: asked.headers,
        body: asked.has_body.then_some(ProxyBody {
            length: asked.length,
            bytes: &mut body,
        }),
    });
    drop(body);
    if head.send(Head { status, headers }).is_err() {
        return;
    }
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let piece = match answer.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => Ok(Bytes::copy_from_slice(&buffer[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = piece.is_err();
        // Who asked may have gone.
        if written.blocking_send(piece).is_err() || is_last {
            return;
        }
    }
}

/// The body of an answer.
struct Pieces(Option<mpsc::Receiver<io::Result<Bytes>>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.0 {
            None => Poll::Ready(None),
            Some(pieces) => pieces
                .poll_recv(context)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

/// What a handler answered; nothing where that is no answer of HTTP's.
fn respond(head: Head, body: mpsc::Receiver<io::Result<Bytes>>) -> Option<Response<Pieces>> {
    let mut response = Response::new(Pieces(Some(body)));
    let status = StatusCode::from_u16(head.status).ok()?;
    // What comes before an answer is none.
    *response.status_mut() = Some(status).filter(|status| !status.is_informational())?;
    for (name, value) in head.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_str(&value).ok()?;
        if !FRAMING.contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    Some(response)
}

/// An answer of our own, after which nothing that was sent with the request is taken for another one.
fn refusal(status: StatusCode) -> Response<Pieces> {
    let mut response = Response::new(Pieces(None));
    *response.status_mut() = status;
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}
