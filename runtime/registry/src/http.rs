//! The one way out over HTTP: TLS, redirects, and bounds on size and time.
//!
//! It does not know what is asked for. A redirect is followed by hand: never from TLS to none, never with a login to
//! another place than the one it was for. Bodies are taken as they are sent, with no decompression, so what is counted is
//! what is held.
//!
//! reqwest is asynchronous; this blocks, on a small runtime of its own, because whoever fetches has nothing else to do.

mod url;

use std::{
    fmt, io,
    path::PathBuf,
    sync::OnceLock,
    time::{Duration, Instant},
};

use reqwest::{
    Certificate, Client, Method, Response, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE},
    redirect::Policy,
};
use tokio::runtime::Runtime;

use url::{encoded, next};
pub(crate) use url::{is_same_place, place, read_url, scheme_and_host, with_query};

/// How often an answer may point elsewhere. Stops two servers that point at each other.
const REDIRECTS: usize = 5;

/// Bounds what a list of trusted certificates is read up to.
const CERTIFICATES_BYTES: u64 = 8 << 20;

/// What all questions have in common.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// Files of certificates (PEM) to trust besides the system's.
    pub certificates: Vec<PathBuf>,
}

/// Asks servers.
pub struct Http {
    /// Made for the first question: it reads all that the system trusts, which takes longer than many a run.
    client: OnceLock<Client>,
    /// What is trusted beside that.
    certificates: Vec<Certificate>,
    /// Taken only when this is dropped.
    pub(crate) runtime: Option<Runtime>,
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Where: `http` or `https`.
    pub url: &'a str,
    /// Which media types will do.
    pub accept: Option<&'a str>,
    /// Who asks. It goes to the host of `url` and to no other.
    pub authorization: Option<&'a str>,
    /// A form to send; without one, and without `upload`, it is a plain `GET`.
    pub form: Option<&'a [(&'a str, &'a str)]>,
    /// Something that is sent, or asked about.
    pub upload: Option<Upload<'a>>,
    /// With which byte of the body to begin. A server may begin with the first one all the same.
    pub from: u64,
    /// The most bytes that the answer may have.
    pub most: u64,
    /// When the answer has to be there, whole.
    pub deadline: Instant,
}

impl<'a> Ask<'a> {
    /// A plain question.
    pub fn new(url: &'a str, most: u64, deadline: Instant) -> Self {
        Self {
            url,
            accept: None,
            authorization: None,
            form: None,
            upload: None,
            from: 0,
            most,
            deadline,
        }
    }
}

/// A question that is not a plain `GET`.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// What is done with it.
    pub verb: Verb,
    /// Of the body.
    pub media_type: &'a str,
    /// What is sent.
    pub body: &'a [u8],
}

/// What is done with what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Nothing is sent, and no body is wanted.
    Head,
    /// Something begins.
    Post,
    /// It is kept under the URL.
    Put,
}

/// What a server answered, good or bad.
#[derive(Debug)]
pub struct Answer {
    /// HTTP's number for how it went.
    pub status: u16,
    /// What it says about logging in: the headers `WWW-Authenticate`.
    pub challenges: Vec<String>,
    /// Where to go on, as a whole URL, where it says so.
    pub(crate) location: Option<String>,
    /// Whether it says that a list goes on: the header `Link`.
    pub(crate) has_more: bool,
    /// Whether it has understood to which other manifest this one belongs: the header `OCI-Subject`.
    pub(crate) knows_subject: bool,
    /// The body.
    pub body: Vec<u8>,
}

/// No answer, or none that can be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// It is no URL, or one that is not for HTTP.
    #[error("`{url}` is not a URL that starts with `https://` or `http://` and names a host")]
    Url {
        /// What it is.
        url: String,
    },
    /// A login stands in the URL, from where it would end up in logs and records.
    #[error("there is a user name or password in the URL of `{host}`; leave it out")]
    Login {
        /// For which host. The URL itself is not repeated.
        host: String,
    },
    /// Certificates cannot be used.
    #[error("failed to use the certificates of `{}`", path.display())]
    Certificates {
        /// Their file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The client cannot be made.
    #[error("failed to set up TLS")]
    SetUp(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody there, or what is there does not speak HTTP, or has no certificate that is trusted.
    #[error("failed to reach `{place}`")]
    Unreachable {
        /// Scheme, host and port.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The time was up.
    #[error("`{place}` did not answer in time")]
    TooSlow {
        /// Scheme, host and port.
        place: String,
    },
    /// The answer is too long.
    #[error("the answer of `{place}` has more than {most} bytes")]
    TooLarge {
        /// Scheme, host and port.
        place: String,
        /// The most it may have.
        most: u64,
    },
    /// What came cannot be kept.
    #[error("failed to keep what `{place}` sent")]
    Keep {
        /// Scheme, host and port.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("it was cancelled")]
    Cancelled,
    /// It points elsewhere, and nobody goes there.
    #[error("`{place}` redirects {why}")]
    Redirect {
        /// Scheme, host and port.
        place: String,
        /// What is wrong with that.
        why: &'static str,
    },
}

impl Http {
    /// Reads the certificates. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When certificates cannot be read.
    pub fn new(options: &HttpOptions) -> Result<Self, HttpError> {
        let mut trusted = Vec::new();
        for path in &options.certificates {
            trusted.extend(certificates(path)?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| HttpError::SetUp(error.into()))?;
        Ok(Self {
            client: OnceLock::new(),
            certificates: trusted,
            runtime: Some(runtime),
        })
    }

    fn client(&self) -> Result<&Client, HttpError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // reqwest takes the process's provider of cryptography. Another that is already there will do as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("stepwell/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(Duration::from_secs(20))
            .tls_certs_merge(self.certificates.clone())
            .build()
            .map_err(|error| HttpError::SetUp(error.into()))?;
        // Two that are made at once are alike.
        Ok(self.client.get_or_init(|| client))
    }

    /// Asks, and waits for the answer. A bad status is an answer too.
    ///
    /// # Errors
    ///
    /// When there is no answer, or it breaks a bound.
    pub fn ask(&self, ask: &Ask<'_>) -> Result<Answer, HttpError> {
        let url = read_url(ask.url)?;
        let place = place(&url);
        let Some(runtime) = &self.runtime else {
            return Err(HttpError::TooSlow { place });
        };
        let deadline = tokio::time::Instant::from_std(ask.deadline);
        runtime.block_on(async {
            let answer = async {
                let (response, url) = self.open(url, ask).await?;
                read(response, &url, ask.most).await
            };
            tokio::time::timeout_at(deadline, answer)
                .await
                .unwrap_or(Err(HttpError::TooSlow { place }))
        })
    }

    /// Asks, and follows where that leads, until an answer begins.
    pub(crate) async fn open(
        &self,
        mut url: Url,
        ask: &Ask<'_>,
    ) -> Result<(Response, Url), HttpError> {
        let asked = url.origin();
        for _ in 0..=REDIRECTS {
            let is_at_home = url.origin() == asked;
            let response = self.send(&url, ask, is_at_home).await?;
            let target = response
                .status()
                .is_redirection()
                .then(|| response.headers().get(LOCATION).cloned())
                .flatten();
            let Some(target) = target else {
                return Ok((response, url));
            };
            let to = next(&url, &target)?;
            let why = match (&ask.form, &ask.upload) {
                // What a form holds may be secret, and it is for the place it was meant for.
                (Some(_), _) => Some("a login, which is not followed"),
                (_, Some(upload)) if upload.verb != Verb::Head => {
                    Some("what is sent to it, which is not followed")
                }
                _ => None,
            };
            if let Some(why) = why {
                let place = place(&to);
                return Err(HttpError::Redirect { place, why });
            }
            url = to;
        }
        Err(HttpError::Redirect {
            place: place(&url),
            why: "again and again",
        })
    }

    async fn send(
        &self,
        url: &Url,
        ask: &Ask<'_>,
        is_at_home: bool,
    ) -> Result<Response, HttpError> {
        let mut headers = HeaderMap::new();
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|error| unreachable(url, error));
        if let Some(accept) = ask.accept {
            headers.insert(ACCEPT, value(accept)?);
        }
        if let Some(authorization) = ask.authorization.filter(|_| is_at_home) {
            let mut authorization = value(authorization)?;
            authorization.set_sensitive(true);
            headers.insert(AUTHORIZATION, authorization);
        }
        if ask.from > 0 {
            headers.insert(RANGE, value(&format!("bytes={}-", ask.from))?);
        }
        let method = match (ask.form, ask.upload.map(|upload| upload.verb)) {
            (Some(_), _) | (None, Some(Verb::Post)) => Method::POST,
            (None, Some(Verb::Put)) => Method::PUT,
            (None, Some(Verb::Head)) => Method::HEAD,
            (None, None) => Method::GET,
        };
        let mut request = self.client()?.request(method, url.clone()).headers(headers);
        if let Some(form) = ask.form {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(encoded(form));
        }
        if let Some(upload) = ask.upload.filter(|upload| upload.verb != Verb::Head) {
            request = request
                .header(CONTENT_TYPE, value(upload.media_type)?)
                .body(upload.body.to_vec());
        }
        request
            .send()
            .await
            .map_err(|error| unreachable(url, error.without_url()))
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for it is forbidden where another runtime drives the thread.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

/// The whole answer.
pub(crate) async fn read(
    mut response: Response,
    url: &Url,
    most: u64,
) -> Result<Answer, HttpError> {
    let too_large = || HttpError::TooLarge {
        place: place(url),
        most,
    };
    if response
        .content_length()
        .is_some_and(|length| length > most)
    {
        return Err(too_large());
    }
    let status = response.status().as_u16();
    let challenges = response
        .headers()
        .get_all(reqwest::header::WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok().map(str::to_owned))
        .collect();
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    let location = header("location").and_then(|to| url.join(to).ok());
    let location = location.map(String::from);
    let has_more = header("link").is_some();
    let knows_subject = header("oci-subject").is_some();
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| unreachable(url, error.without_url()))?
    {
        if (body.len() + chunk.len()) as u64 > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        challenges,
        location,
        has_more,
        knows_subject,
        body,
    })
}

fn certificates(path: &std::path::Path) -> Result<Vec<Certificate>, HttpError> {
    let bad = |source: Box<dyn std::error::Error + Send + Sync>| HttpError::Certificates {
        path: path.to_owned(),
        source,
    };
    let bytes = crate::files::read(path, CERTIFICATES_BYTES).map_err(|error| bad(error.into()))?;
    Certificate::from_pem_bundle(&bytes).map_err(|error| bad(error.into()))
}

pub(crate) fn unreachable(
    url: &Url,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> HttpError {
    HttpError::Unreachable {
        place: place(url),
        source: source.into(),
    }
}
