//! Pulls manifests and blobs, and logs in where a registry asks for it.
//!
//! It keeps nothing but tokens, for as long as it lives. What it hands out has the digest that was asked for. Pushing, and
//! streaming to disk what is too large for memory, have their place here when somebody needs them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    auth::{Keychain, Login},
    challenge::Challenge,
    error::{RegistryError, said},
    http::{self, Answer, Ask, Http, HttpError},
    manifest::{self, PulledManifest},
    reference::Reference,
    sha256::Sha256,
};

/// The size that registries have to take a manifest up to, by their specification. Stops an endless one.
pub const MANIFEST_BYTES: u64 = 4 << 20;

/// What the answer of a server for tokens may have. Stops an endless one.
const TOKEN_BYTES: u64 = 256 << 10;

/// Who logs in where, and what may go unencrypted.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// Where logins are.
    pub keychain: Keychain,
    /// Registries, as `HOST` or `HOST:PORT`, that are spoken to without TLS. Those on this machine always are.
    pub insecure: Vec<String>,
}

/// Pulls from registries.
pub struct Registry {
    http: Arc<Http>,
    options: RegistryOptions,
    /// What to show for a repository, once it is known that something has to be shown.
    shown: Mutex<BTreeMap<(String, String), String>>,
}

impl Registry {
    /// Asks nobody yet.
    pub fn new(http: Arc<Http>, options: RegistryOptions) -> Self {
        Self {
            http,
            options,
            shown: Mutex::default(),
        }
    }

    /// Pulls what a reference names: a manifest, of whatever kind.
    ///
    /// # Errors
    ///
    /// When there is none, it is not the one that the digest names, or the registry cannot be asked.
    pub fn manifest(
        &self,
        reference: &Reference,
        deadline: Instant,
    ) -> Result<PulledManifest, RegistryError> {
        let path = format!("manifests/{}", reference.wanted());
        let bytes = self.get(
            reference,
            &path,
            Some(manifest::ACCEPTED),
            MANIFEST_BYTES,
            deadline,
        )?;
        let digest = Sha256::of(&bytes);
        check(reference, reference.digest().unwrap_or(digest), digest)?;
        Ok(PulledManifest { digest, bytes })
    }

    /// Pulls a blob of the reference's repository, of at most `most` bytes.
    ///
    /// # Errors
    ///
    /// When there is none, it is another one or too long, or the registry cannot be asked.
    pub fn blob(
        &self,
        reference: &Reference,
        digest: Sha256,
        most: u64,
        deadline: Instant,
    ) -> Result<Vec<u8>, RegistryError> {
        let bytes = self.get(reference, &format!("blobs/{digest}"), None, most, deadline)?;
        check(reference, digest, Sha256::of(&bytes))?;
        Ok(bytes)
    }

    fn get(
        &self,
        reference: &Reference,
        path: &str,
        accept: Option<&str>,
        most: u64,
        deadline: Instant,
    ) -> Result<Vec<u8>, RegistryError> {
        let scheme = if self.is_insecure(reference.host()) {
            "http"
        } else {
            "https"
        };
        let url = format!(
            "{scheme}://{}/v2/{}/{path}",
            reference.host(),
            reference.repository()
        );
        let key = (
            reference.registry().to_owned(),
            reference.repository().to_owned(),
        );
        let known = self.lock().get(&key).cloned();
        let ask = |authorization: Option<&str>| {
            self.http
                .ask(&Ask {
                    accept,
                    authorization,
                    ..Ask::new(&url, most, deadline)
                })
                .map_err(|source| http_error(reference, source))
        };
        let mut answer = ask(known.as_deref())?;
        let mut with = "without a login";
        // A token that was known may have run out, so a refusal is looked into in either case.
        if answer.status == 401
            && let Some(authorization) = self.log_in(reference, &answer, deadline)?
        {
            answer = ask(Some(&authorization))?;
            with = "with the login there is";
            self.lock().insert(key, authorization);
        }
        match answer.status {
            200 => Ok(answer.body),
            401 | 403 => Err(denied(reference, with)),
            404 => Err(RegistryError::NotFound(reference.to_string())),
            status => Err(refused(reference, status, &answer.body)),
        }
    }

    /// What to show to a registry that wants to see something; nothing where there is nothing to show.
    fn log_in(
        &self,
        reference: &Reference,
        answer: &Answer,
        deadline: Instant,
    ) -> Result<Option<String>, RegistryError> {
        let Some(challenge) = Challenge::find(&answer.challenges) else {
            return Ok(None);
        };
        let login = self
            .options
            .keychain
            .find(reference.registry())
            .map_err(|source| RegistryError::Keychain {
                registry: reference.registry().to_owned(),
                source,
            })?;
        match (challenge, login) {
            (_, Some(Login::Registry(token))) => Ok(Some(format!("Bearer {token}"))),
            (Challenge::Basic, Some(Login::Password { user, secret })) => {
                Ok(Some(basic(&user, &secret)))
            }
            (Challenge::Basic, _) => Ok(None),
            (Challenge::Bearer { realm, service }, login) => self
                .token(reference, &realm, service.as_deref(), login, deadline)
                .map(Some),
        }
    }

    /// Asks the server for tokens. For what everybody may read, it hands one out to everybody.
    fn token(
        &self,
        reference: &Reference,
        realm: &str,
        service: Option<&str>,
        login: Option<Login>,
        deadline: Instant,
    ) -> Result<String, RegistryError> {
        let bad = |source: HttpError| http_error(reference, source);
        let (scheme, host) = http::scheme_and_host(realm).map_err(bad)?;
        if scheme != "https" && !self.is_insecure(&host) {
            return Err(RegistryError::Realm {
                registry: reference.registry().to_owned(),
                realm: format!("{scheme}://{host}"),
            });
        }
        // What to ask for is ours to say: no more than to read this one.
        let scope = format!("repository:{}:pull", reference.repository());
        let mut asked = vec![("scope", scope.as_str())];
        asked.extend(service.map(|service| ("service", service)));
        let (url, form, authorization) = match &login {
            Some(Login::Identity(token)) => {
                asked.extend([
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token.as_str()),
                    ("client_id", "stepwell"),
                ]);
                (realm.to_owned(), Some(asked), None)
            }
            Some(Login::Password { user, secret }) => {
                let url = http::with_query(realm, &asked).map_err(bad)?;
                (url, None, Some(basic(user, secret)))
            }
            Some(Login::Registry(_)) | None => {
                (http::with_query(realm, &asked).map_err(bad)?, None, None)
            }
        };
        let answer = self
            .http
            .ask(&Ask {
                authorization: authorization.as_deref(),
                form: form.as_deref(),
                ..Ask::new(&url, TOKEN_BYTES, deadline)
            })
            .map_err(bad)?;
        match answer.status {
            200 => {}
            400 | 401 | 403 => {
                let with = if login.is_some() {
                    "with the login there is"
                } else {
                    "without a login"
                };
                return Err(denied(reference, with));
            }
            status => return Err(refused(reference, status, &answer.body)),
        }
        let token: Token = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = token
            .token
            .or(token.access_token)
            .filter(|token| !token.is_empty());
        match token {
            Some(token) => Ok(format!("Bearer {token}")),
            None => Err(RegistryError::Answer {
                registry: reference.registry().to_owned(),
                status: answer.status,
                said: ", but without the token that was asked for".to_owned(),
            }),
        }
    }

    /// Whether this place is spoken to without TLS.
    fn is_insecure(&self, host: &str) -> bool {
        let name = match host.rfind(':') {
            Some(at) if !host.ends_with(']') => &host[..at],
            _ => host,
        };
        let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        name == "localhost"
            || address.is_ok_and(|address| address.is_loopback())
            || self
                .options
                .insecure
                .iter()
                .any(|listed| listed == host || listed == name)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), String>> {
        // Whoever panicked left a whole map behind.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// What a server for tokens hands out, under either of two names.
#[derive(Deserialize, Default)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

fn check(reference: &Reference, wanted: Sha256, found: Sha256) -> Result<(), RegistryError> {
    if wanted == found {
        return Ok(());
    }
    Err(RegistryError::Digest {
        registry: reference.registry().to_owned(),
        wanted,
        found,
    })
}

fn http_error(reference: &Reference, source: HttpError) -> RegistryError {
    RegistryError::Http {
        registry: reference.registry().to_owned(),
        source,
    }
}

fn denied(reference: &Reference, with: &'static str) -> RegistryError {
    RegistryError::Denied {
        registry: reference.registry().to_owned(),
        repository: reference.repository().to_owned(),
        with,
    }
}

fn refused(reference: &Reference, status: u16, body: &[u8]) -> RegistryError {
    RegistryError::Answer {
        registry: reference.registry().to_owned(),
        status,
        said: said(body),
    }
}
