//! Getting an image into the store: what its reference means, its manifest, its parts, and what they make together.
//!
//! It does not know how a registry or an archive is read, but through `Source`, nor what runs an image.

mod parts;
mod registry;

pub(crate) use parts::{Gathering, gather};

use stepwell_contract::ContainerImage;

use crate::{
    download::Sink, error::RegistryError, image::ImageProblem, sha256::Sha256, store::StoreError,
};
use std::{io, sync::Arc};

pub use registry::Pull;

/// An image that is here.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// What its reference named: an index or a manifest.
    pub digest: Sha256,
    /// The manifest that was chosen.
    pub manifest: Sha256,
    /// What it is.
    pub code: PulledCode,
}

/// What an image turned out to be.
#[derive(Debug, Clone)]
pub enum PulledCode {
    /// A component: its bytes, which nobody has looked at.
    Component(Vec<u8>),
    /// A container, whose layers are in the store.
    Container(Arc<ContainerImage>),
}

/// Hears how a pull is going. Called from several threads.
pub trait Observer: Sync {
    /// These are the parts that are not here yet: digest and size.
    fn begins(&self, parts: &[(Sha256, u64)]) {
        let _ = parts;
    }

    /// So many bytes of a part are here.
    fn advanced(&self, part: Sha256, bytes: u64) {
        let _ = (part, bytes);
    }

    /// A part is here, whole and checked.
    fn ends(&self, part: Sha256) {
        let _ = part;
    }
}

/// Hears nothing.
impl Observer for () {}

/// An image cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The image is not what an image has to be.
    #[error("`{image}` cannot be used")]
    Image {
        /// Which one.
        image: String,
        /// Why not.
        #[source]
        problem: ImageProblem,
    },
    /// Nobody may be asked for it, and it is not here.
    #[error("`{image}` is not here, and nothing is pulled with `--offline`")]
    Absent {
        /// Which one.
        image: String,
    },
    /// Its policy is `Never`, and it is not here. The words are those of Kubernetes.
    #[error(
        "ErrImageNeverPull: container image `{image}` is not present with pull policy of Never"
    )]
    NeverPulled {
        /// Which one.
        image: String,
    },
    /// A part ended too early.
    #[error("`{part}` ended after {taken} of {size} bytes; what came is kept")]
    Short {
        /// Which part.
        part: Sha256,
        /// How many bytes came.
        taken: u64,
        /// How many it has.
        size: u64,
    },
    /// A part is another one.
    #[error("what came for `{part}` has the digest `{found}`")]
    Other {
        /// Which part.
        part: Sha256,
        /// What it is.
        found: Sha256,
    },
    /// A layout or an archive cannot be read.
    #[error("failed to read `{path}`")]
    Read {
        /// Which one.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such image in a layout or an archive.
    #[error("`{path}` has no image `{wanted}`; it has {known}")]
    NoImage {
        /// Which layout or archive.
        path: String,
        /// What was looked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// Something that an image refers to is not in the layout or the archive.
    #[error("`{path}` has no `{part}`, which its image needs")]
    NoPart {
        /// Which layout or archive.
        path: String,
        /// What it lacks.
        part: String,
    },
    /// It is an archive of something else.
    #[error("`{path}` is not {what}")]
    NotThat {
        /// Which file.
        path: String,
        /// What was expected.
        what: &'static str,
    },
    /// Somebody demands a signature, and none of those that there are will do.
    #[error("`{image}` is not taken")]
    Unsigned {
        /// Which one.
        image: String,
        /// Why.
        #[source]
        problem: crate::signature::SignatureProblem,
    },
    /// It is a container image, and only components will do. Nothing of it but its manifest was got.
    #[error("`{0}` is a container image")]
    Container(String),
    /// Somebody asked to stop.
    #[error("it was cancelled")]
    Cancelled,
}

impl PullError {
    /// Whether whoever wrote the reference has to mend it, or whoever made the image. All else may mend itself.
    pub fn is_reference(&self) -> bool {
        match self {
            Self::Registry(error) => error.is_not_found(),
            Self::Image { .. }
            | Self::Unsigned { .. }
            | Self::NoImage { .. }
            | Self::NoPart { .. }
            | Self::NotThat { .. }
            | Self::Read { .. } => true,
            _ => false,
        }
    }
}

/// Where the parts of one image come from.
pub(crate) trait Source: Sync {
    /// The image, for messages.
    fn image(&self) -> String;

    /// An index or a manifest, with the digest that was asked for.
    fn document(&self, digest: Sha256) -> Result<Vec<u8>, PullError>;

    /// Hands a blob to `sink`, from its byte `from` on where that is possible. Nobody has checked it.
    fn blob(
        &self,
        digest: Sha256,
        bounds: (u64, u64),
        sink: &mut dyn Sink,
        cancel: &stepwell_contract::Cancel,
    ) -> Result<(), PullError>;
}
