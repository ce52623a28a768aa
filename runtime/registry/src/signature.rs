//! Signatures of artifacts: minisign's, made over the bytes of a manifest, and kept in the registry beside it.
//!
//! It does not know who is to be trusted with what: whoever asks brings the keys. A manifest names every byte of an artifact by its
//! digest, so one signature covers all of it. What it is called is signed too, in the trusted comment: an older artifact that is
//! signed as well cannot be passed off under another tag.

mod secret;

pub use secret::SigningKey;

use crate::{
    client::{MANIFEST_BYTES, Registry},
    error::RegistryError,
    pull::PullError,
    reference::Reference,
    sha256::Sha256,
    store::ImageStore,
};

/// The type of what holds a signature: the text that minisign writes.
const KIND: &str = "application/vnd.stepwell.minisign.v1";

/// What stands in the trusted comment before the name of the artifact.
const NAME: &str = "image:";

/// A key that somebody trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey(minisign_verify::PublicKey);

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is no public key.
    #[error(
        "it is no public key of minisign: expected the text of a `.pub` file, or its line that starts with `RW`"
    )]
    Public,
    /// It is no secret key.
    #[error("it is no secret key of minisign")]
    Secret,
    /// It is locked, and nobody gave a password.
    #[error("it is locked by a password")]
    Locked,
    /// It is locked by another password.
    #[error("it is locked by another password")]
    Password,
}

/// No signature speaks for an artifact. Of several, the one that comes closest is told of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureProblem {
    /// There is none.
    #[error("it has no signature")]
    Missing,
    /// What is there is none of minisign's, or one of an older kind, which is easier to forge.
    #[error("its signature is not one that minisign makes today")]
    Malformed,
    /// Somebody else signed it.
    #[error("it is signed by none of the keys that are trusted with it")]
    OtherKey,
    /// The right key's number stands there, and the signature is not of that key or not of this artifact.
    #[error("its signature is of something else, or was altered")]
    Wrong,
    /// The right key signed it under another name.
    #[error("its signature is for `{0}`")]
    OtherName(String),
}

impl TrustedKey {
    /// Reads a public key: what is in a `.pub` file, or the one line of it that counts.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let mut lines = text.lines().map(str::trim);
        let line = lines.rfind(|line| !line.is_empty());
        let key = minisign_verify::PublicKey::from_base64(line.unwrap_or_default());
        key.map(Self).map_err(|_| KeyError::Public)
    }
}

/// Whether one of `signatures` says that one of `keys` stands for this manifest under this reference.
///
/// # Errors
///
/// Why none does.
pub fn check(
    manifest: &[u8],
    reference: &Reference,
    signatures: &[Vec<u8>],
    keys: &[TrustedKey],
) -> Result<(), SignatureProblem> {
    let mut closest = SignatureProblem::Missing;
    for text in signatures {
        for key in keys {
            match check_one(manifest, reference, text, key) {
                Ok(()) => return Ok(()),
                Err(problem) => closest = closest.max(problem),
            }
        }
    }
    Err(closest)
}

fn check_one(
    manifest: &[u8],
    reference: &Reference,
    text: &[u8],
    key: &TrustedKey,
) -> Result<(), SignatureProblem> {
    use minisign_verify::Error;
    let malformed = || SignatureProblem::Malformed;
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    let signature = minisign_verify::Signature::decode(text).map_err(|_| malformed())?;
    key.0
        .verify(manifest, &signature, false)
        .map_err(|error| match error {
            Error::UnexpectedKeyId => SignatureProblem::OtherKey,
            Error::InvalidSignature => SignatureProblem::Wrong,
            _ => SignatureProblem::Malformed,
        })?;
    // From here on the comment is what the holder of the key wrote.
    let comment = signature.trusted_comment();
    let mut fields = comment.split('\t');
    let signed = fields.find_map(|field| field.strip_prefix(NAME));
    let is_it = signed.is_some_and(|signed| match reference.tag() {
        Some(_) => signed == name(reference),
        None => {
            signed.rsplit_once(':').map(|(repository, _)| repository)
                == Some(reference.repository())
        }
    });
    match is_it {
        true => Ok(()),
        false => {
            let other = crate::words::quoted(signed.unwrap_or(comment));
            Err(SignatureProblem::OtherName(other))
        }
    }
}

/// What an artifact is called, wherever its registry is: it may move to another one with its signature.
fn name(reference: &Reference) -> String {
    let tag = reference.tag().unwrap_or_default();
    format!("{}:{tag}", reference.repository())
}

impl Registry {
    /// Keeps a signature beside the artifact with this manifest.
    ///
    /// # Errors
    ///
    /// What the registry does not take.
    pub fn push_signature(
        &self,
        reference: &Reference,
        manifest: &[u8],
        signature: &str,
    ) -> Result<(), RegistryError> {
        self.attach(reference, manifest, (KIND, signature.as_bytes()))
    }
}

impl ImageStore {
    /// Finds out whether one of `keys` stands for the artifact `digest`, which the store has, under `reference`. Signatures that
    /// were good once are kept, and looked at before a registry is asked; where `asks` says so, none is.
    ///
    /// # Errors
    ///
    /// That none does; the registry or the store cannot be asked.
    pub fn check_signature(
        &self,
        registry: &Registry,
        (reference, digest): (&Reference, Sha256),
        keys: &[TrustedKey],
        asks: bool,
    ) -> Result<(), PullError> {
        let manifest = self.read(digest, MANIFEST_BYTES)?;
        let manifest =
            manifest.ok_or_else(|| crate::store::StoreError::Missing(digest.to_string()))?;
        let kept = self.signatures(digest);
        let mut checked = check(&manifest, reference, &kept, keys);
        if checked.is_err() && asks {
            let found = registry.attached(reference, digest, KIND)?;
            checked = check(&manifest, reference, &found, keys);
            if checked.is_ok() {
                self.keep_signatures(digest, &found)?;
            }
        }
        checked.map_err(|problem| PullError::Unsigned {
            image: reference.to_string(),
            problem,
        })
    }
}

#[cfg(test)]
mod tests;
