//! What `image:` names, once it is resolved.
//!
//! It does not know where the code was found, nor how a container's layers are kept: whoever runs one asks for them by
//! their digests.

use std::fmt;
use std::sync::Arc;

use crate::{ContainerImage, Digest};

/// What kind of code an image is. Decided once, before anything runs; kinds are never tried in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageKind {
    /// A WebAssembly component, or a core module that will be wrapped into one; binary or text.
    Component,
    /// A container image, as the image specification of OCI has it.
    Container,
}

/// The code itself.
#[derive(Debug, Clone)]
pub enum Code {
    /// The component or module, as read.
    Component(Arc<Vec<u8>>),
    /// What a container is made of; its layers are in the store of images.
    Container(Arc<ContainerImage>),
}

/// The code of a step: resolved, read and digested.
#[derive(Clone)]
pub struct Image {
    /// What the document said.
    pub reference: Arc<str>,
    /// What runs in its place, where the user says that something stands for it.
    pub substitute: Option<Arc<str>>,
    /// Of the bytes of a component; of the text of a container's manifest digest, which decides every byte of it.
    pub digest: Digest,
    /// What runs.
    pub code: Code,
}

impl Image {
    /// A component (or core module) that was read from where `reference` points.
    pub fn component(reference: impl Into<Arc<str>>, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            reference: reference.into(),
            substitute: None,
            digest: Digest::of(&bytes),
            code: Code::Component(Arc::new(bytes)),
        }
    }

    /// A container image that was found where `reference` points.
    pub fn container(
        reference: impl Into<Arc<str>>,
        container: impl Into<Arc<ContainerImage>>,
    ) -> Self {
        let container = container.into();
        Self {
            reference: reference.into(),
            substitute: None,
            digest: Digest::of(container.manifest.as_bytes()),
            code: Code::Container(container),
        }
    }

    /// What kind of code it is.
    pub fn kind(&self) -> ImageKind {
        match self.code {
            Code::Component(_) => ImageKind::Component,
            Code::Container(_) => ImageKind::Container,
        }
    }

    /// The component, where it is one.
    pub fn as_component(&self) -> Option<&[u8]> {
        match &self.code {
            Code::Component(bytes) => Some(bytes),
            Code::Container(_) => None,
        }
    }

    /// The container image, where it is one.
    pub fn as_container(&self) -> Option<&Arc<ContainerImage>> {
        match &self.code {
            Code::Component(_) => None,
            Code::Container(container) => Some(container),
        }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} {} ", self.reference, self.digest)?;
        match &self.code {
            Code::Component(bytes) => write!(f, "{} bytes)", bytes.len()),
            Code::Container(container) => write!(f, "{} layers)", container.layers.len()),
        }
    }
}
