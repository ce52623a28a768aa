//! The resolver `http`: a document behind a URL.
//!
//! It does not know how HTTP is spoken. A Secret with a password is a thing of a cluster; params that name one are refused.

use std::time::Instant;

use sha2::{Digest as _, Sha512};
use stepwell_registry::{Ask, Http, HttpError, Sha256};

use crate::{
    cache::Asked,
    error::{ParamError, is_bad_url},
    fetcher::Fetched,
    params::Params,
    text::{NotText, text},
};

/// The params that name a Secret.
const SECRETS: [&str; 3] = [
    "http-password-secret",
    "http-password-secret-key",
    "http-username",
];

/// What to get.
#[derive(Debug)]
pub(crate) struct Request {
    url: String,
    digest: Option<String>,
}

/// A document behind a URL cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// No answer, or none that can be taken.
    #[error("failed to get it over HTTP")]
    Http(#[source] HttpError),
    /// The server has no document there.
    #[error("the server answered with {status}")]
    Status {
        /// HTTP's number.
        status: u16,
    },
    /// Another document is there.
    #[error(
        "what is there has the digest `{found}`, not the one that the param `digest` says; if it may have changed, write that one"
    )]
    Digest {
        /// What is there.
        found: String,
    },
    /// It is no text.
    #[error(transparent)]
    NotText(#[from] NotText),
}

impl WebError {
    pub(crate) fn is_document(&self) -> bool {
        match self {
            Self::Http(error) => is_bad_url(error),
            Self::Status { status } => matches!(status, 404 | 410),
            Self::Digest { .. } | Self::NotText(_) => true,
        }
    }
}

impl Request {
    pub(crate) fn read(params: Params<'_>) -> Result<Self, ParamError> {
        for name in SECRETS {
            if params.find(name)?.is_some() {
                return Err(ParamError::Secret(name));
            }
        }
        let digest = params.find("digest")?;
        if digest.is_some_and(|digest| !is_digest(digest)) {
            let why = "a digest is `sha256:` and 64, or `sha512:` and 128, hexadecimal digits";
            return Err(ParamError::bad("digest", digest.unwrap_or_default(), why));
        }
        Ok(Self {
            url: params.get("url")?.to_owned(),
            digest: digest.map(str::to_ascii_lowercase),
        })
    }

    pub(crate) fn asked(&self) -> Asked {
        let digest = self.digest.as_deref();
        let params = [
            ("url", self.url.as_str()),
            ("digest", digest.unwrap_or_default()),
        ];
        Asked::new(
            "http",
            digest.is_some(),
            &params[..1 + usize::from(digest.is_some())],
        )
    }

    pub(crate) fn fetch(
        &self,
        http: &Http,
        most: u64,
        deadline: Instant,
    ) -> Result<Fetched, WebError> {
        let answer = http
            .ask(&Ask::new(&self.url, most, deadline))
            .map_err(WebError::Http)?;
        if answer.status != 200 {
            return Err(WebError::Status {
                status: answer.status,
            });
        }
        let sha256 = Sha256::of(&answer.body);
        let found = match &self.digest {
            Some(digest) if digest.starts_with("sha512:") => sha512(&answer.body),
            _ => sha256.to_string(),
        };
        if self.digest.as_ref().is_some_and(|digest| *digest != found) {
            return Err(WebError::Digest { found });
        }
        Ok(Fetched {
            name: self.url.clone(),
            text: text(answer.body)?,
            provenance: serde_json::json!({
                "uri": self.url,
                "digest": { "sha256": sha256.to_hex() },
            }),
        })
    }
}

fn is_digest(text: &str) -> bool {
    let is_hex =
        |hex: &str, digits| hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.split_once(':') {
        Some(("sha256", hex)) => is_hex(hex, 64),
        Some(("sha512", hex)) => is_hex(hex, 128),
        _ => false,
    }
}

fn sha512(bytes: &[u8]) -> String {
    let digits = Sha512::digest(bytes);
    let hex: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha512:{hex}")
}
