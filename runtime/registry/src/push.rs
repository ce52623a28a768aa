//! Pushing: the blobs first, and then the manifest that names them.
//!
//! It does not know what is pushed. Mirrors are never pushed to: they take what they have from the registry. What a registry
//! already has is not sent again.

use std::time::{Duration, Instant};

use crate::{
    client::{Registry, denied, http_error, refused, url},
    error::{Power, RegistryError},
    http::{Answer, Ask, Upload, Verb},
    reference::Reference,
    sha256::Sha256,
};

/// How long a registry may take for a question or a manifest.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);

/// How long it may take to send one blob. Stops a registry that takes a byte now and then.
const UPLOAD: Duration = Duration::from_secs(30 * 60);

/// What a registry may say about something that was sent to it.
const SAID_BYTES: u64 = 64 << 10;

impl Registry {
    /// Sends a blob to the reference's repository, unless that has it.
    pub(crate) fn push_blob(
        &self,
        reference: &Reference,
        bytes: &[u8],
    ) -> Result<Sha256, RegistryError> {
        let digest = Sha256::of(bytes);
        let look = Upload {
            verb: Verb::Head,
            media_type: "",
            body: &[],
        };
        let path = format!("blobs/{digest}");
        let there = self.send(reference, &path, look, Instant::now() + ANSWER)?;
        if there.status == 200 {
            return Ok(digest);
        }
        let begin = Upload {
            verb: Verb::Post,
            media_type: "application/octet-stream",
            body: &[],
        };
        let begun = self.send(reference, "blobs/uploads/", begin, Instant::now() + ANSWER)?;
        taken(reference, &begun)?;
        let location = begun.location.ok_or_else(|| RegistryError::NoUpload {
            registry: reference.registry().to_owned(),
            repository: reference.repository().to_owned(),
        })?;
        let bad = |source| http_error(reference, source);
        let digest_text = digest.to_string();
        let to = crate::http::with_query(&location, &[("digest", &digest_text)]).map_err(bad)?;
        let body = Upload {
            verb: Verb::Put,
            media_type: "application/octet-stream",
            body: bytes,
        };
        let deadline = Instant::now() + UPLOAD;
        let sent = self.ask(
            reference,
            Power::Write,
            deadline,
            |scheme, authorization| {
                // A login is for the registry; where blobs are sent may be another place, which has its own words for who may.
                let home = url(scheme, reference, "");
                let is_home = crate::http::is_same_place(&home, &to);
                self.http.ask(&Ask {
                    authorization: authorization.filter(|_| is_home),
                    upload: Some(body),
                    ..Ask::new(&to, SAID_BYTES, deadline)
                })
            },
        )?;
        taken(reference, &sent)?;
        Ok(digest)
    }

    /// Sends a manifest, or an index, that goes by `name` from then on: a tag, or its digest. Whether the registry knows to
    /// which other manifest it belongs, where it belongs to one.
    pub(crate) fn push_manifest(
        &self,
        reference: &Reference,
        name: &str,
        (media_type, bytes): (&str, &[u8]),
    ) -> Result<bool, RegistryError> {
        let body = Upload {
            verb: Verb::Put,
            media_type,
            body: bytes,
        };
        let path = format!("manifests/{name}");
        let sent = self.send(reference, &path, body, Instant::now() + ANSWER)?;
        taken(reference, &sent)?;
        Ok(sent.knows_subject)
    }

    fn send(
        &self,
        reference: &Reference,
        path: &str,
        upload: Upload<'_>,
        deadline: Instant,
    ) -> Result<Answer, RegistryError> {
        // What is only asked about may be of any size.
        let most = match upload.verb {
            Verb::Head => u64::MAX,
            Verb::Post | Verb::Put => SAID_BYTES,
        };
        self.ask(
            reference,
            Power::Write,
            deadline,
            |scheme, authorization| {
                let url = url(scheme, reference, path);
                self.http.ask(&Ask {
                    authorization,
                    upload: Some(upload),
                    ..Ask::new(&url, most, deadline)
                })
            },
        )
    }
}

/// Whether it was taken.
fn taken(reference: &Reference, answer: &Answer) -> Result<(), RegistryError> {
    match answer.status {
        200..=299 => Ok(()),
        401 | 403 => Err(denied(reference, Power::Write, "without a login")),
        status => Err(refused(reference, status, &answer.body)),
    }
}
