//! What an image is made of, as its maker wrote it down: indexes, manifests, configurations.
//!
//! It does not know where these come from, nor keep anything. Every list is counted and every digest read before anything
//! is made of it.

mod config;
mod manifest;
mod platform;

pub(crate) use config::{container, diff_ids};
pub(crate) use manifest::{Document, Entry, ImageManifest, Made, read};
pub(crate) use platform::choose;

use crate::sha256::Sha256;

/// The most layers. The kernel puts no more folders on top of each other; Docker makes 127 at most.
pub const LAYERS: usize = 500;

/// The most bytes of a configuration. It holds the history and the labels of an image, some kilobytes each.
pub const CONFIG_BYTES: u64 = 8 << 20;

/// The most bytes that an image may have as it is kept. Stops one that fills the disk.
pub const IMAGE_BYTES: u64 = 64 << 30;

/// The most bytes of a component, which is held in memory.
pub const COMPONENT_BYTES: u64 = 512 << 20;

/// How many indexes may stand in front of a manifest. Real images have one, an index inside a layout two.
pub const INDEXES: usize = 3;

/// An image is not what an image has to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageProblem {
    /// No JSON, or a field is not what it has to be.
    #[error("its {part} is malformed")]
    Malformed {
        /// Manifest, configuration, …
        part: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It is none of the documents that there are.
    #[error("it has neither `layers` nor `manifests`, or both")]
    Neither,
    /// Too many indexes, one in the other.
    #[error("it has more than {INDEXES} indexes, one in the other")]
    Indexes,
    /// Nothing for this machine.
    #[error("it is for {known}, and not for {wanted}")]
    Platform {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// Too many layers.
    #[error("it has {0} layers; at most {LAYERS} can be put on top of each other")]
    Layers(usize),
    /// The configuration is of other layers.
    #[error("its configuration names {diff_ids} layers, and its manifest {layers}")]
    Uneven {
        /// In the configuration.
        diff_ids: usize,
        /// In the manifest.
        layers: usize,
    },
    /// A layer is packed in a way that is not known.
    #[error("a layer has the media type `{0}`, which is not known")]
    MediaType(String),
    /// It is larger than an image may be.
    #[error("its {part} has {size} bytes; it may have {most}")]
    TooLarge {
        /// Which part.
        part: &'static str,
        /// How many it has, as its manifest says.
        size: u64,
        /// The most it may have.
        most: u64,
    },
    /// A Wasm artifact of several parts.
    #[error("it has {0} components; an image of a step has one")]
    Components(usize),
    /// A part has other bytes than its descriptor says.
    #[error("`{digest}` has {found} bytes, and not {size}")]
    Size {
        /// Which part.
        digest: Sha256,
        /// How many its descriptor says.
        size: u64,
        /// How many it has.
        found: u64,
    },
}
