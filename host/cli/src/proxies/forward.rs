//! Forwards what a step asks of a proxy to its server: one host, allowed methods and paths, our headers and not the step's.
//!
//! What a step sends is hostile. It chooses method, path, query, headers and body, and never the host; a redirect is handed
//! back and not followed. Both bodies are streamed and bounded. reqwest is asynchronous: each request has a thread with a
//! small runtime of its own, because the step's body is read here, and may come slowly.

use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Body, Certificate, Client, Method, RequestBuilder, Url};
use stepwell_contract::power::{ProxyBody, ProxyHandler, ProxyRequest, ProxyResponse};
use tokio::sync::mpsc;

/// How much of a body is under way at once.
const CHUNK: usize = 64 << 10;

/// How many such pieces wait.
const WAITING: usize = 4;

/// The most that a body may have, either way: stops a step from sending, or fetching, without end.
const MOST_BODY: u64 = 4 << 30;

/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// What is between two hops and no further, what says whom a connection is with, and what only we say about who asks.
const OURS: [&str; 14] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "authorization",
    "cookie",
    "set-cookie",
];

/// What a proxy does and allows.
pub(super) struct Rules {
    /// Where it leads.
    pub(super) url: String,
    /// What it adds.
    pub(super) headers: Vec<(String, String)>,
    /// Which methods it takes; empty for all.
    pub(super) methods: Vec<String>,
    /// What a path has to begin with; empty for all.
    pub(super) paths: Vec<String>,
    /// What is trusted beside what the system trusts.
    pub(super) certificates: Vec<PathBuf>,
}

/// One proxy.
pub(super) struct Forward {
    base: Url,
    headers: HeaderMap,
    methods: Vec<String>,
    paths: Vec<String>,
    certificates: Vec<PathBuf>,
    /// Made for the first request: it reads all that the system trusts.
    client: OnceLock<Client>,
}

/// The status and the headers of an answer, or why there is none.
type Head = Result<(u16, Vec<(String, String)>), String>;

impl Forward {
    /// # Errors
    ///
    /// A URL or a header that cannot be one.
    pub(super) fn new(rules: Rules) -> anyhow::Result<Self> {
        let base = Url::parse(&rules.url).context("its `url` is none")?;
        let mut headers = HeaderMap::new();
        for (name, value) in rules.headers {
            let name = HeaderName::try_from(name).context("a header has a name that is none")?;
            // The value is not said.
            let value = HeaderValue::try_from(value).ok();
            let mut value = value.with_context(|| format!("the value of `{name}` is none"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(Self {
            base,
            headers,
            methods: rules.methods,
            paths: rules.paths,
            certificates: rules.certificates,
            client: OnceLock::new(),
        })
    }

    /// Where a request goes, or why it does not.
    fn target(&self, method: &str, target: &str) -> Result<Url, String> {
        if !self.methods.is_empty() && !self.methods.iter().any(|allowed| allowed == method) {
            return Err(format!("the method {method} is not allowed"));
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let base = self.base.path().trim_end_matches('/');
        let mut url = self.base.clone();
        url.set_path(&format!("{base}{path}"));
        url.set_query(query);
        // Looked at as it is sent: `..` is gone by now.
        let below = url.path().strip_prefix(base).unwrap_or_default();
        let inside = below.starts_with('/');
        let allowed = self
            .paths
            .iter()
            .any(|prefix| below.starts_with(prefix.as_str()));
        match inside && (allowed || self.paths.is_empty()) {
            true => Ok(url),
            false => Err("the path is not allowed".to_owned()),
        }
    }

    fn client(&self) -> anyhow::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // reqwest takes the process's provider of cryptography. Another that is already there will do as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut trusted = Vec::new();
        for path in &self.certificates {
            trusted.extend(Certificate::from_pem_bundle(&std::fs::read(path)?)?);
        }
        let client = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(Duration::from_secs(20))
            .read_timeout(SILENCE)
            // A connection belongs to the runtime of its request.
            .pool_max_idle_per_host(0)
            .tls_certs_merge(trusted)
            .build()?;
        // Two that are made at once are alike.
        Ok(self.client.get_or_init(|| client))
    }

    fn request(&self, request: &ProxyRequest<'_>, url: Url) -> anyhow::Result<RequestBuilder> {
        let method = Method::from_bytes(request.method.as_bytes())?;
        let mut headers = HeaderMap::new();
        for (name, value) in passed_on(&request.headers) {
            let name = HeaderName::try_from(name)?;
            if !self.headers.contains_key(&name) {
                headers.append(name, HeaderValue::try_from(value)?);
            }
        }
        headers.extend(self.headers.clone());
        // One whose length is known needs no pieces, which not every server takes.
        if let Some(length) = request.body.as_ref().and_then(|body| body.length) {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        Ok(self.client()?.request(method, url).headers(headers))
    }
}

impl ProxyHandler for Forward {
    fn handle(&self, request: ProxyRequest<'_>) -> ProxyResponse {
        let url = match self.target(&request.method, &request.target) {
            Ok(url) => url,
            Err(why) => return refusal(403, &why),
        };
        let mut asked = match self.request(&request, url) {
            Ok(asked) => asked,
            Err(error) => return refusal(502, &format!("{error:#}")),
        };
        let (pieces, body) = mpsc::channel(WAITING);
        if request.body.is_some() {
            asked = asked.body(Body::wrap_stream(Pieces(body)));
        } else {
            drop(body);
        }
        let (answer, head) = sync_channel(1);
        let (out, parts) = sync_channel(WAITING);
        let asking = std::thread::Builder::new().name("proxy".to_owned());
        let asking = asking.spawn(move || ask(asked, &answer, &out));
        if let Err(error) = asking {
            return refusal(502, &error.to_string());
        }
        if let Some(ProxyBody { bytes, .. }) = request.body {
            feed(bytes, &pieces);
        }
        drop(pieces);
        match head.recv() {
            Ok(Ok((status, headers))) => ProxyResponse {
                status,
                headers,
                body: Box::new(Parts {
                    parts,
                    part: Vec::new(),
                    at: 0,
                }),
            },
            Ok(Err(why)) => refusal(502, &why),
            Err(_) => refusal(502, "the server was not asked"),
        }
    }
}

/// Asks the server, and sends out what it answers.
fn ask(asked: RequestBuilder, answer: &SyncSender<Head>, out: &SyncSender<io::Result<Vec<u8>>>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        // Whoever waits may have gone, here and below.
        Err(error) => return drop(answer.send(Err(error.to_string()))),
    };
    runtime.block_on(async {
        let mut response = match asked.send().await {
            Ok(response) => response,
            // Without the URL, whose query may be secret.
            Err(error) => {
                let why = format!(
                    "the server was not reached: {:#}",
                    anyhow::Error::new(error.without_url())
                );
                return drop(answer.send(Err(why)));
            }
        };
        let headers: Vec<_> = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let headers = passed_on(&headers).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let head = (response.status().as_u16(), headers.collect());
        if answer.send(Ok(head)).is_err() {
            return;
        }
        let mut left = MOST_BODY;
        loop {
            let part = match response.chunk().await {
                Ok(None) => return,
                Ok(Some(part)) if part.len() as u64 <= left => {
                    left -= part.len() as u64;
                    Ok(part.to_vec())
                }
                Ok(Some(_)) => Err(io::Error::other("the answer is too long")),
                Err(error) => Err(io::Error::other(error.without_url())),
            };
            let last = part.is_err();
            if out.send(part).is_err() || last {
                return;
            }
        }
    });
}

/// Sends the body of a request as the step does, until the server wants no more of it.
fn feed(body: &mut dyn Read, pieces: &mpsc::Sender<io::Result<Vec<u8>>>) {
    let mut left = MOST_BODY;
    loop {
        if pieces.is_closed() {
            return;
        }
        let mut piece = vec![0; CHUNK];
        let piece = match body.read(&mut piece) {
            Ok(0) => return,
            Ok(count) if count as u64 <= left => {
                left -= count as u64;
                piece.truncate(count);
                Ok(piece)
            }
            Ok(_) => Err(io::Error::other("the request is too long")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let last = piece.is_err();
        if pieces.blocking_send(piece).is_err() || last {
            return;
        }
    }
}

/// The headers that concern both ends.
fn passed_on(headers: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    let named: Vec<String> = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    headers
        .iter()
        .filter(move |(name, _)| {
            let name = name.to_ascii_lowercase();
            !OURS.contains(&&*name) && !named.contains(&name)
        })
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

fn refusal(status: u16, why: &str) -> ProxyResponse {
    ProxyResponse {
        status,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: Box::new(io::Cursor::new(format!("stepwell: {why}\n").into_bytes())),
    }
}

/// The pieces of a request's body, as they come.
struct Pieces(mpsc::Receiver<io::Result<Vec<u8>>>);

impl futures_core::Stream for Pieces {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_recv(context)
    }
}

/// The parts of an answer's body, as they come.
struct Parts {
    parts: Receiver<io::Result<Vec<u8>>>,
    part: Vec<u8>,
    /// How much of it was read.
    at: usize,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() {
            match self.parts.recv() {
                Ok(part) => (self.part, self.at) = (part?, 0),
                Err(_) => return Ok(0),
            }
        }
        let mut left = &self.part[self.at..];
        let count = left.read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
