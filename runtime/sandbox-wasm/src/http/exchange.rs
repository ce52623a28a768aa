//! One request and its response: the name looked up, a connection, TLS, and bytes both ways.
//!
//! The name is looked up once, and what it led to is what is connected to: nothing can change in between. A connection
//! serves one request. All of it is one task of the runtime's, which ends when the last part of the response is dropped.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::body::{NotWhole, Outgoing};
use super::request::RequestOptions;
use super::response::{Alive, FutureResponse, Head, Outcome, Rest};
use super::target::{Target, Way};
use crate::bindings::http::wasi::http::types::{DnsErrorPayload, ErrorCode};
use crate::meter::OpenPermit;

/// How long a server is waited for where the guest does not say. Its step's own time-out comes before, mostly.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the head of a response may have: stops a server that sends headers without an end.
const HEAD_BYTES: usize = 128 << 10;

/// How many headers a response may have.
const HEADERS: usize = 256;

/// A request that is granted.
pub(super) struct Ask {
    pub(super) target: Target,
    pub(super) way: Way,
    pub(super) request: http::Request<Outgoing>,
    pub(super) options: RequestOptions,
    pub(super) permit: OpenPermit,
}

/// Sends it, and gives what will come of it.
pub(super) fn start(ask: Ask) -> FutureResponse {
    let (say_head, head) = oneshot::channel();
    let (say_chunk, chunks) = mpsc::channel(1);
    let (say_trailers, trailers) = oneshot::channel();
    let Ask {
        target,
        way,
        request,
        options,
        permit,
    } = ask;
    let task = spawn(async move {
        let (parts, body, _connection) = match send(&target, way, request, options).await {
            Ok(answered) => answered,
            Err(error) => {
                // Nobody may be waiting any more.
                let _ = say_head.send(Err(error));
                return;
            }
        };
        if say_head.send(Ok(parts)).is_ok() {
            let between = options.between_bytes.unwrap_or(PATIENCE);
            hand_on(body, between, say_chunk, say_trailers).await;
        }
    });
    FutureResponse {
        head: Head::Awaited(head),
        rest: Some(Rest {
            chunks,
            trailers,
            alive: Arc::new(Alive {
                _task: task,
                _permit: permit,
            }),
        }),
    }
}

/// Sends the request, and gives the head of its response, and what its body comes over.
async fn send(
    target: &Target,
    way: Way,
    request: http::Request<Outgoing>,
    options: RequestOptions,
) -> Outcome<(Parts, Incoming, AbortOnDropJoinHandle<()>)> {
    let patience = options.connect.unwrap_or(PATIENCE);
    let stream = timeout(patience, connect(target, way)).await;
    let stream = stream.map_err(|_| ErrorCode::ConnectionTimeout)??;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| of_hyper(&error))?;
    let connection = spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(?error, "a connection of a step's ended");
        }
    });
    let patience = options.first_byte.unwrap_or(PATIENCE);
    let response = timeout(patience, sender.send_request(request)).await;
    let response = response
        .map_err(|_| ErrorCode::HttpResponseTimeout)?
        .map_err(|error| of_hyper(&error))?;
    let (parts, body) = response.into_parts();
    Ok((parts, body, connection))
}

/// Hands a body on, a chunk each time that somebody wants one.
async fn hand_on(
    mut body: Incoming,
    patience: Duration,
    chunks: mpsc::Sender<Outcome<Bytes>>,
    trailers: oneshot::Sender<HeaderMap>,
) {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let heard = match timeout(patience, frame).await {
            Err(_) => Err(ErrorCode::ConnectionReadTimeout),
            Ok(None) => return,
            Ok(Some(Err(error))) => Err(of_hyper(&error)),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Ok(data),
                Err(frame) => {
                    if let Ok(map) = frame.into_trailers() {
                        let _ = trailers.send(map);
                    }
                    return;
                }
            },
        };
        let failed = heard.is_err();
        if chunks.send(heard).await.is_err() || failed {
            return;
        }
    }
}

/// A connection, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(target: &Target, way: Way) -> Outcome<Box<dyn Stream>> {
    let stream = match way {
        Way::Network => dial(target).await?,
        Way::Sidecar(loopback) => {
            let port = target.port;
            let connected = tokio::task::spawn_blocking(move || loopback.connect(port)).await;
            let lost = ErrorCode::ConnectionRefused;
            let stream = connected.ok().and_then(Result::ok).ok_or(lost)?;
            stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream))
                .map_err(|error| of_io(&error))?
        }
    };
    // Its latency is the guest's own.
    let _ = stream.set_nodelay(true);
    if !target.tls {
        return Ok(Box::new(stream));
    }
    let config = trusted().map_err(|error| ErrorCode::InternalError(Some(error)))?;
    let name = ServerName::try_from(target.host.clone());
    let name = name.map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let secured = TlsConnector::from(config).connect(name, stream).await;
    Ok(Box::new(secured.map_err(|error| of_tls(&error))?))
}

/// Looks the name up, and connects to the first of its addresses that answers.
async fn dial(target: &Target) -> Outcome<TcpStream> {
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let found = found.map_err(|_| {
        ErrorCode::DnsError(DnsErrorPayload {
            rcode: None,
            info_code: None,
        })
    })?;
    let mut failed = ErrorCode::DestinationNotFound;
    for address in found {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = of_io(&error),
        }
    }
    Err(failed)
}

/// What TLS trusts: the system's authorities. Read once.
fn trusted() -> Result<Arc<ClientConfig>, String> {
    static TRUSTED: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    let read = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(|error| format!("failed to set up TLS: {error}"))?;
        Ok(Arc::new(config.with_no_client_auth()))
    };
    TRUSTED.get_or_init(read).clone()
}

fn of_io(error: &io::Error) -> ErrorCode {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ErrorCode::ConnectionRefused,
        io::ErrorKind::TimedOut => ErrorCode::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            ErrorCode::DestinationIpUnroutable
        }
        _ => ErrorCode::ConnectionTerminated,
    }
}

fn of_tls(error: &io::Error) -> ErrorCode {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => ErrorCode::TlsCertificateError,
        Some(_) => ErrorCode::TlsProtocolError,
        None => of_io(error),
    }
}

fn of_hyper(error: &hyper::Error) -> ErrorCode {
    use std::error::Error as _;
    if error.source().is_some_and(|source| source.is::<NotWhole>()) {
        return ErrorCode::HttpRequestBodySize(None);
    }
    let io = error.source().and_then(|source| source.downcast_ref());
    let cut_off = io.is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof);
    if cut_off || error.is_incomplete_message() {
        return ErrorCode::HttpResponseIncomplete;
    }
    ErrorCode::HttpProtocolError
}
