//! What `image:` names, once it is resolved.

use std::fmt;
use std::sync::Arc;

use crate::Digest;

/// What kind of code an image is. Decided once, before anything runs; kinds are never tried in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageKind {
    /// A WebAssembly component, or a core module that will be wrapped into one; binary or text.
    Component,
}

/// The code of a step: resolved, read and digested.
#[derive(Clone)]
pub struct Image {
    /// What the document said.
    pub reference: Arc<str>,
    /// What kind of code it is.
    pub kind: ImageKind,
    /// The digest of `bytes`.
    pub digest: Digest,
    /// The component or module, as read.
    pub bytes: Arc<[u8]>,
}

impl Image {
    /// A component (or core module) that was read from where `reference` points.
    pub fn component(reference: impl Into<Arc<str>>, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self {
            reference: reference.into(),
            kind: ImageKind::Component,
            digest: Digest::of(&bytes),
            bytes,
        }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Image({} {} {} bytes)",
            self.reference,
            self.digest,
            self.bytes.len()
        )
    }
}
