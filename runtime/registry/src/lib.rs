//! Talks to OCI registries: pulls artifacts by tag and digest.
//!
//! In: a [`Reference`], Docker's `config.json` for who logs in, and a list of registries that may be spoken to without TLS.
//! Out: manifests and blobs, held in memory, bounded, and checked against their digests. [`Http`], on which it stands, is
//! also how documents behind a URL are got: TLS, redirects and bounds are decided once for all of Stepwell.
//!
//! It must not know what is in an artifact, keep anything on disk, or read the environment: [`RegistryOptions`] says all.
//! Whatever a server sends is hostile until its digest has been checked.
//!
//! Held up by reqwest and rustls with ring, on a small runtime of its own, so that its functions simply block. Read next:
//! [`client`], then [`http`].

pub mod auth;
mod challenge;

pub mod client;
pub mod error;
mod files;

pub mod http;
pub mod manifest;
pub mod program;
pub mod reference;
pub mod sha256;
pub mod words;

pub use client::{Registry, RegistryOptions};
pub use error::RegistryError;
pub use http::{Answer, Ask, Http, HttpError, HttpOptions};
pub use manifest::{Descriptor, Manifest, PulledManifest};
pub use reference::{Reference, ReferenceError};
pub use sha256::Sha256;
