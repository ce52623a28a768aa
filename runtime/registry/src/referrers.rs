//! What belongs to an artifact without being part of it: manifests that name it as their subject.
//!
//! It does not know what they hold. A registry that keeps track of subjects is asked for them; in one that does not, they are
//! listed in an index under a tag that is made of the artifact's digest, as the specification of OCI has it.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    artifact::{MANIFEST, Manifest, Part, written},
    client::{MANIFEST_BYTES, Registry, judge, url},
    error::{Power, RegistryError},
    http::Ask,
    manifest::PulledManifest,
    push::ANSWER,
    reference::Reference,
    sha256::Sha256,
};

/// The media type of a list of manifests.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The media type of a configuration that says nothing, and all of it.
const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");

/// How many manifests are looked at that belong to one artifact. Stops a list that somebody filled to hide or to delay.
const MOST: usize = 64;

/// How much one of them may hold. A signature has some hundred bytes.
const HELD_BYTES: u64 = 64 << 10;

/// What of a list is read.
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Listed>,
}

/// One manifest of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    digest: Sha256,
    artifact_type: Option<String>,
}

impl Registry {
    /// Adds something to the artifact with this manifest: one part of this type, which whoever asks for the type finds.
    ///
    /// # Errors
    ///
    /// What the registry does not take.
    pub(crate) fn attach(
        &self,
        reference: &Reference,
        subject: &[u8],
        (kind, held): (&str, &[u8]),
    ) -> Result<(), RegistryError> {
        for blob in [EMPTY.1, held] {
            self.push_blob(reference, blob)?;
        }
        let manifest = written(&Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            artifact_type: Some(kind),
            config: Part::of(EMPTY.0, EMPTY.1),
            layers: vec![Part::of(kind, held)],
            subject: Some(Part::of(MANIFEST, subject)),
            annotations: Default::default(),
        });
        let digest = Sha256::of(&manifest);
        let name = digest.to_string();
        if self.push_manifest(reference, &name, (MANIFEST, &manifest))? {
            return Ok(());
        }
        let tag = tag_of(Sha256::of(subject));
        let mut index = match self.tagged(reference, &tag)? {
            Some(index) => read::<Value>(reference, &index.bytes)?,
            None => json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }),
        };
        let Some(list) = index["manifests"].as_array_mut() else {
            let source = serde::de::Error::missing_field("manifests");
            return Err(malformed(reference, source));
        };
        if list.len() >= MOST {
            return Err(too_many(reference));
        }
        list.push(json!({
            "mediaType": MANIFEST,
            "digest": digest,
            "size": manifest.len(),
            "artifactType": kind,
        }));
        self.push_manifest(reference, &tag, (INDEX, &written(&index)))
            .map(drop)
    }

    /// What was added to the artifact with this digest and is of this type: mirrors are asked first, and passed over where
    /// they have nothing.
    ///
    /// # Errors
    ///
    /// What cannot be asked, or answers what cannot be read.
    pub(crate) fn attached(
        &self,
        reference: &Reference,
        subject: Sha256,
        kind: &str,
    ) -> Result<Vec<Vec<u8>>, RegistryError> {
        self.anywhere(reference, |place| {
            let mut found = Vec::new();
            for listed in self.listed(place, subject)? {
                if listed.artifact_type.as_deref() == Some(kind) {
                    found.extend(self.held(place, listed.digest, kind)?);
                }
            }
            match found.is_empty() && place != reference {
                true => Err(RegistryError::NotFound(place.to_string())),
                false => Ok(found),
            }
        })
    }

    fn listed(&self, place: &Reference, subject: Sha256) -> Result<Vec<Listed>, RegistryError> {
        let deadline = Instant::now() + ANSWER;
        let path = format!("referrers/{subject}");
        let answer = self.ask(place, Power::Read, deadline, |scheme, authorization| {
            self.http.ask(&Ask {
                accept: Some(INDEX),
                authorization,
                ..Ask::new(&url(scheme, place, &path), MANIFEST_BYTES, deadline)
            })
        })?;
        let bytes = match answer.status {
            // It knows of no subjects.
            400 | 404 | 405 => match self.tagged(place, &tag_of(subject))? {
                Some(index) => index.bytes,
                None => return Ok(Vec::new()),
            },
            _ => judge(place, answer)?,
        };
        let index: Index = read(place, &bytes)?;
        match index.manifests.len() > MOST {
            true => Err(too_many(place)),
            false => Ok(index.manifests),
        }
    }

    /// The one part of this type that a manifest names, where it does.
    fn held(
        &self,
        place: &Reference,
        digest: Sha256,
        kind: &str,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let deadline = Instant::now() + ANSWER;
        let pulled = self.manifest_at(&place.pinned(digest), deadline)?;
        let Ok(manifest) = pulled.read() else {
            return Ok(None);
        };
        match manifest.layers.as_slice() {
            [part] if part.media_type == kind && part.size <= HELD_BYTES => self
                .blob_at(place, part.digest, HELD_BYTES, deadline)
                .map(Some),
            _ => Ok(None),
        }
    }

    fn tagged(
        &self,
        place: &Reference,
        tag: &str,
    ) -> Result<Option<PulledManifest>, RegistryError> {
        let deadline = Instant::now() + ANSWER;
        match self.manifest_at(&place.tagged(tag), deadline) {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some),
        }
    }
}

/// The tag for a registry that knows of no subjects.
fn tag_of(subject: Sha256) -> String {
    format!("sha256-{}", subject.to_hex())
}

fn read<T: serde::de::DeserializeOwned>(
    reference: &Reference,
    bytes: &[u8],
) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes).map_err(|source| malformed(reference, source))
}

fn malformed(reference: &Reference, source: serde_json::Error) -> RegistryError {
    RegistryError::Malformed {
        registry: reference.registry().to_owned(),
        what: "list of what belongs to an artifact",
        source,
    }
}

fn too_many(reference: &Reference) -> RegistryError {
    RegistryError::TooMany {
        registry: reference.registry().to_owned(),
        what: "things that belong to one artifact",
        most: MOST,
    }
}
