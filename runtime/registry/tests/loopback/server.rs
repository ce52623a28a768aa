//! A web server on this machine, as small as one can be, that answers what a test tells it to, with or without TLS.
//!
//! It knows nothing of what is tested; the tests of `stepwell-fetch` use it too.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// What somebody asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// What it gets.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A whole answer.
    Whole(u16, Vec<(String, String)>, Vec<u8>),
    /// The beginning of an answer that should have so many bytes.
    #[allow(dead_code, reason = "the tests of `stepwell-fetch` do not use it")]
    Cut(usize, Vec<u8>),
    /// An answer without a length that does not end.
    Endless,
    /// Nothing, for as long as somebody waits.
    Silence,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole(200, Vec::new(), body.into())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Whole(status, Vec::new(), Vec::new())
    }

    pub(crate) fn with(self, name: &str, value: impl Into<String>) -> Self {
        match self {
            Self::Whole(status, mut headers, body) => {
                headers.push((name.to_owned(), value.into()));
                Self::Whole(status, headers, body)
            }
            other => other,
        }
    }

    pub(crate) fn redirect(to: impl Into<String>) -> Self {
        Self::status(302).with("Location", to)
    }
}

/// A server that lives as long as this does.
pub(crate) struct Server {
    address: SocketAddr,
    is_tls: bool,
    stopped: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Request>>>,
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

impl Server {
    pub(crate) fn plain(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(answer))
    }

    pub(crate) fn tls(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let certificate = CertificateDer::from_pem_file(tls_file("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(tls_file("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::start(Some(Arc::new(config)), Arc::new(answer))
    }

    fn start(tls: Option<Arc<ServerConfig>>, answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            is_tls: tls.is_some(),
            stopped: Arc::default(),
            asked: Arc::default(),
        };
        let stopped = Arc::clone(&server.stopped);
        let asked = Arc::clone(&server.asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (tls, answer, asked) = (tls.clone(), Arc::clone(&answer), Arc::clone(&asked));
                // Whoever asks may hang up at any time: that is the test's business.
                thread::spawn(move || match tls {
                    None => serve(stream?, &*answer, &asked),
                    Some(config) => {
                        let connection =
                            ServerConnection::new(config).map_err(std::io::Error::other)?;
                        serve(StreamOwned::new(connection, stream?), &*answer, &asked)
                    }
                });
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.host())
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the one who waits for somebody to come.
        let _ = TcpStream::connect(self.address);
    }
}

/// A file of certificates or keys. The authority that signed them was thrown away; they are of use to nobody.
pub(crate) fn tls_file(name: &str) -> PathBuf {
    let registry = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../registry");
    registry.join("tests/loopback/tls").join(name)
}

fn serve(
    mut stream: impl Read + Write,
    answer: &Answer,
    asked: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let request = read(&mut stream)?;
    asked.lock().unwrap().push(request.clone());
    match answer(&request) {
        Reply::Whole(status, headers, body) => {
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n",
                body.len()
            )?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            stream.write_all(b"\r\n")?;
            stream.write_all(&body)?;
            stream.flush()
        }
        Reply::Cut(length, body) => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            )?;
            stream.write_all(&body)?;
            stream.flush()
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        }
        Reply::Silence => stream.read(&mut [0]).map(drop),
    }
}

fn read(stream: &mut impl Read) -> std::io::Result<Request> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        ..Request::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        request
            .headers
            .push((name.to_owned(), value.trim().to_owned()));
    }
    let length = request
        .header("content-length")
        .and_then(|length| length.parse().ok());
    request.body.resize(length.unwrap_or(0), 0);
    reader.read_exact(&mut request.body)?;
    Ok(request)
}
