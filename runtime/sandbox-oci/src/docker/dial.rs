//! Connections to a daemon: one for each request, over whichever way its endpoint says.
//!
//! The requests themselves are `bollard`'s, or `stream`'s. Each connection is a task of its own; whoever asks ends it when
//! the answer is read, so that none is left when a call returns.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::ssh::Ssh;
use super::tls;

/// How long a machine may take to be there at all.
const CONNECT: Duration = Duration::from_secs(20);

tokio::task_local! {
    /// The connections that a call has opened.
    pub(super) static OPENED: RefCell<Vec<JoinHandle<()>>>;
}

/// Bytes both ways.
trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// Opens connections to one daemon.
pub(super) struct Dial {
    pub(super) endpoint: Endpoint,
    tls: Option<(TlsConnector, rustls::pki_types::ServerName<'static>)>,
}

impl Dial {
    pub(super) fn new(endpoint: Endpoint) -> io::Result<Self> {
        let tls = match &endpoint {
            Endpoint::Tcp {
                host,
                tls: Some(files),
                ..
            } => {
                let name = rustls::pki_types::ServerName::try_from(host.clone());
                let config = Arc::new(tls::config(files)?);
                Some((config.into(), name.map_err(io::Error::other)?))
            }
            _ => None,
        };
        Ok(Self { endpoint, tls })
    }

    /// Sends one request over a connection of its own, and gives the answer's head.
    pub(super) async fn send<B>(
        &self,
        mut request: Request<B>,
    ) -> Result<Response<Incoming>, ApiError>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let endpoint = || self.endpoint.to_string();
        let connected = tokio::time::timeout(CONNECT, self.connect()).await;
        let line = connected
            .map_err(|_| ApiError::Late(endpoint()))?
            .map_err(|source| ApiError::of_connecting(source, endpoint()))?;
        let gone = |error: hyper::Error| ApiError::of_asking(error, endpoint());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(line))
            .await
            .map_err(gone)?;
        let driven = tokio::spawn(async move {
            // What goes wrong is the answer's error too.
            let _ = connection.with_upgrades().await;
        });
        let _ = OPENED.try_with(|opened| opened.borrow_mut().push(driven));
        let path = request.uri().path_and_query().cloned();
        if let Some(path) = path {
            *request.uri_mut() = Uri::from(path);
        }
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_static("docker"));
        headers
            .entry(CONNECTION)
            .or_insert(HeaderValue::from_static("close"));
        sender.send_request(request).await.map_err(gone)
    }

    async fn connect(&self) -> io::Result<Box<dyn Line>> {
        Ok(match &self.endpoint {
            Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Endpoint::Tcp { host, port, .. } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    Some((connector, name)) => {
                        Box::new(connector.connect(name.clone(), stream).await?)
                    }
                    None => Box::new(stream),
                }
            }
            Endpoint::Ssh { destination, port } => Box::new(Ssh::start(destination, *port)?),
        })
    }
}
