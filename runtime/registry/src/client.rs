//! Speaks to registries: who is asked, with which login and with TLS or without; and pulls, from one or from the mirrors that
//! stand before it.
//!
//! It keeps nothing but tokens, for as long as it lives. What it hands out whole has the digest that was asked for; what it
//! hands to a [`Sink`] is for the sink to check. What is sent is in `push`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use stepwell_contract::Cancel;

use crate::{
    auth::Keychain,
    download::Sink,
    error::{Power, RegistryError, said, with_causes},
    http::{Answer, Ask, Http, HttpError},
    manifest::{self, PulledManifest},
    reference::{Mirror, Reference},
    sha256::Sha256,
};

/// The size that registries have to take a manifest up to, by their specification. Stops an endless one.
pub const MANIFEST_BYTES: u64 = 4 << 20;

/// How long a registry may take before a blob begins to come.
const BEGIN: Duration = Duration::from_secs(60);

/// Who logs in where, and what may go unencrypted.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// Where logins are.
    pub keychain: Keychain,
    /// Registries, as `HOST` or `HOST:PORT`, that are spoken to without TLS. Those on this machine are too, but where they
    /// turn out to speak it.
    pub insecure: Vec<String>,
    /// What is asked before a registry: for each registry, by the name that one writes, its mirrors in order.
    pub mirrors: BTreeMap<String, Vec<Mirror>>,
}

/// Pulls from registries, and pushes to them.
pub struct Registry {
    pub(crate) http: Arc<Http>,
    pub(crate) options: RegistryOptions,
    /// The places on this machine that were found to speak TLS.
    speaks_tls: Mutex<BTreeSet<String>>,
    /// What to show for a repository, once it is known that something has to be shown.
    shown: Mutex<Shown>,
}

/// By registry and repository, and what is wanted of it.
type Shown = BTreeMap<(String, String, Power), String>;

impl Registry {
    /// Asks nobody yet.
    pub fn new(http: Arc<Http>, options: RegistryOptions) -> Self {
        Self {
            http,
            options,
            speaks_tls: Mutex::default(),
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
        self.anywhere(reference, |reference| self.manifest_at(reference, deadline))
    }

    /// The manifest that this very place has: no mirror is asked.
    pub(crate) fn manifest_at(
        &self,
        reference: &Reference,
        deadline: Instant,
    ) -> Result<PulledManifest, RegistryError> {
        let path = format!("manifests/{}", reference.wanted());
        let accepted = Some(manifest::ACCEPTED);
        let bytes = self.get(reference, &path, accepted, MANIFEST_BYTES, deadline)?;
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
        self.anywhere(reference, |reference| {
            self.blob_at(reference, digest, most, deadline)
        })
    }

    /// The blob that this very place has.
    pub(crate) fn blob_at(
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

    /// Hands a blob of the reference's repository to `sink`, from its byte `from` on where the registry can do that. A blob
    /// of more than `most` bytes is cut off there. Nobody has checked its digest.
    ///
    /// # Errors
    ///
    /// When there is none, it is too long, it cannot be kept, or the registry cannot be asked.
    pub fn download(
        &self,
        reference: &Reference,
        digest: Sha256,
        (from, most): (u64, u64),
        sink: &mut dyn Sink,
        cancel: &Cancel,
    ) -> Result<(), RegistryError> {
        let path = format!("blobs/{digest}");
        let mut from = from;
        self.anywhere(reference, |place| {
            self.download_from(place, &path, (from, most), sink, cancel)?;
            // What a mirror made up must not stand in the way of the next one.
            if place != reference && !sink.is_right() {
                from = 0;
                return Err(RegistryError::Blob {
                    registry: place.registry().to_owned(),
                    wanted: digest,
                });
            }
            Ok(())
        })
    }

    fn download_from(
        &self,
        reference: &Reference,
        path: &str,
        (mut from, most): (u64, u64),
        sink: &mut dyn Sink,
        cancel: &Cancel,
    ) -> Result<(), RegistryError> {
        let deadline = Instant::now() + BEGIN;
        loop {
            let answer = self.ask(reference, Power::Read, deadline, |scheme, authorization| {
                let url = url(scheme, reference, path);
                let ask = Ask {
                    authorization,
                    from,
                    ..Ask::new(&url, most, deadline)
                };
                self.http.download(&ask, sink, cancel)
            })?;
            match answer.status {
                // It cannot begin there: what was kept is not a part of what it has.
                416 if from > 0 => from = 0,
                206 => return Ok(()),
                _ => return judge(reference, answer).map(drop),
            }
        }
    }

    /// Asks the mirrors in their order and then the registry itself, until one has it.
    pub(crate) fn anywhere<T>(
        &self,
        reference: &Reference,
        mut ask: impl FnMut(&Reference) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mirrors = self.options.mirrors.get(reference.registry());
        let mut failed = Vec::new();
        for mirror in mirrors.into_iter().flatten() {
            match ask(&reference.at(mirror)) {
                Err(error) if error.is_ours() => return Err(error),
                Err(error) => {
                    tracing::debug!(%mirror, %reference, %error, "a mirror does not have it");
                    failed.push(with_causes(&error));
                }
                found => return found,
            }
        }
        ask(reference).map_err(|error| match failed.is_empty() || error.is_ours() {
            true => error,
            false => RegistryError::Mirrors {
                reference: reference.to_string(),
                mirrors: failed.join("; "),
                source: Box::new(error),
            },
        })
    }

    fn get(
        &self,
        reference: &Reference,
        path: &str,
        accept: Option<&str>,
        most: u64,
        deadline: Instant,
    ) -> Result<Vec<u8>, RegistryError> {
        let answer = self.ask(reference, Power::Read, deadline, |scheme, authorization| {
            let url = url(scheme, reference, path);
            self.http.ask(&Ask {
                accept,
                authorization,
                ..Ask::new(&url, most, deadline)
            })
        })?;
        judge(reference, answer)
    }

    /// Asks, and once more with a login where one is wanted.
    pub(crate) fn ask(
        &self,
        reference: &Reference,
        power: Power,
        deadline: Instant,
        mut ask: impl FnMut(&str, Option<&str>) -> Result<Answer, HttpError>,
    ) -> Result<Answer, RegistryError> {
        let key = (
            reference.registry().to_owned(),
            reference.repository().to_owned(),
            power,
        );
        let known = self.lock().get(&key).cloned();
        let mut ask = |scheme: &str, authorization: Option<&str>| {
            ask(scheme, authorization).map_err(|source| http_error(reference, source))
        };
        let mut scheme = self.scheme(reference.host());
        let mut first = ask(scheme, known.as_deref());
        if scheme == "http" && self.may_speak_tls(reference.host(), &first) {
            let second = ask("https", known.as_deref());
            if second.is_ok() {
                self.speaks_tls
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(reference.host().to_owned());
                scheme = "https";
            }
            // Where both fail, what the other side said is of more use than that it said nothing.
            if second.is_ok() || first.is_ok() {
                first = second;
            }
        }
        let mut answer = first?;
        // A token that was known may have run out, so a refusal is looked into in either case.
        if answer.status == 401 {
            let login = self.log_in(reference, power, &answer.challenges, deadline)?;
            let Some(authorization) = login else {
                return Err(denied(reference, power, "without a login"));
            };
            answer = ask(scheme, Some(&authorization))?;
            if matches!(answer.status, 401 | 403) {
                return Err(denied(reference, power, "with the login there is"));
            }
            self.lock().insert(key, authorization);
        }
        Ok(answer)
    }

    fn scheme(&self, host: &str) -> &'static str {
        let speaks_tls = self
            .speaks_tls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(host);
        match self.is_insecure(host) && !speaks_tls {
            true => "http",
            false => "https",
        }
    }

    /// Whether this place, spoken to without TLS because it is on this machine, looks as if it wanted TLS after all.
    fn may_speak_tls(&self, host: &str, answer: &Result<Answer, RegistryError>) -> bool {
        let looks_so = match answer {
            Ok(answer) => answer.status == 400,
            Err(RegistryError::Http { source, .. }) => {
                matches!(source, HttpError::Unreachable { .. })
            }
            Err(_) => false,
        };
        looks_so && !self.options.insecure.iter().any(|listed| listed == host)
    }

    /// Whether this place is spoken to without TLS.
    pub(crate) fn is_insecure(&self, host: &str) -> bool {
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
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

pub(crate) fn url(scheme: &str, reference: &Reference, path: &str) -> String {
    let (host, repository) = (reference.host(), reference.repository());
    format!("{scheme}://{host}/v2/{repository}/{path}")
}

/// The body of a good answer.
pub(crate) fn judge(reference: &Reference, answer: Answer) -> Result<Vec<u8>, RegistryError> {
    match answer.status {
        200 => Ok(answer.body),
        401 | 403 => Err(denied(reference, Power::Read, "without a login")),
        404 => Err(RegistryError::NotFound(reference.to_string())),
        status => Err(refused(reference, status, &answer.body)),
    }
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

pub(crate) fn http_error(reference: &Reference, source: HttpError) -> RegistryError {
    RegistryError::Http {
        registry: reference.registry().to_owned(),
        source,
    }
}

pub(crate) fn denied(reference: &Reference, to: Power, with: &'static str) -> RegistryError {
    RegistryError::Denied {
        registry: reference.registry().to_owned(),
        to,
        repository: reference.repository().to_owned(),
        with,
    }
}

pub(crate) fn refused(reference: &Reference, status: u16, body: &[u8]) -> RegistryError {
    RegistryError::Answer {
        registry: reference.registry().to_owned(),
        status,
        said: said(body),
    }
}
