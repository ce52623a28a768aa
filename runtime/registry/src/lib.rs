//! Talks to OCI registries: pulls artifacts by tag and digest, and pushes them.
//!
//! In: a [`Reference`], Docker's `config.json` for who logs in, and what may be asked in which way. Out of [`Registry`]:
//! manifests and blobs, bounded, and checked against their digests. Out of [`ImageStore`]: images that are here, whole, with
//! layers that unpack as they are read. [`Http`], on which it stands, is also how documents behind a URL are got: TLS,
//! redirects and bounds are decided once for all of Stepwell.
//!
//! It must not know what runs an image, unpack a layer to disk, or read the environment: [`RegistryOptions`] says all.
//! Whatever a server sends, and whatever an archive holds, is hostile until its digest has been checked, and after that its
//! maker's word and no more.
//!
//! Held up by reqwest and rustls with ring, on a small runtime of its own, so that its functions simply block. Read next:
//! [`client`] and [`http`] for registries, [`pull`] and [`store`] for images.

pub mod artifact;
pub mod auth;
mod catalog;
mod challenge;

pub mod client;
pub mod download;
pub mod error;
mod files;

pub mod http;
pub mod image;
pub mod layer;
mod local;
pub mod location;
mod login;

pub mod manifest;
pub mod policy;
pub mod program;
pub mod pull;
mod push;
pub mod reference;
mod referrers;
pub mod sha256;
pub mod signature;
pub mod store;
pub mod words;

pub use artifact::{About, Artifact, World};
pub use client::{Registry, RegistryOptions};
pub use error::{Power, RegistryError};
pub use http::{Answer, Ask, Http, HttpError, HttpOptions, Upload, Verb};
pub use image::ImageProblem;
pub use layer::{LayerBounds, LayerError, LayerReader, Packing};
pub use location::{Form, Local, Location, LocationError};
pub use manifest::{Descriptor, Manifest, PulledManifest};
pub use policy::default_pull_policy;
pub use pull::{Observer, Pull, PullError, Pulled, PulledCode};
pub use reference::{Mirror, Reference, ReferenceError};
pub use sha256::Sha256;
pub use signature::{SignatureProblem, SigningKey, TrustedKey};
pub use store::{Held, HeldKind, ImageStore, Removed, StoreError};
