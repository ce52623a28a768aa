//! The resolver `bundles`: a document in an artifact of a registry, one layer for each object, named by annotations.
//!
//! It does not know how registries are spoken to, nor what an object means: it finds the layer and unpacks it.

use std::time::Instant;

use stepwell_registry::{Descriptor, Reference, Registry, RegistryError, manifest::ManifestError};

use crate::{
    cache::Asked,
    error::{ParamError, is_bad_reference},
    fetcher::Fetched,
    params::Params,
    text::{NotText, text},
    unpack::{UnpackError, unpack},
};

const API_VERSION: &str = "dev.tekton.image.apiVersion";
const KIND: &str = "dev.tekton.image.kind";
const NAME: &str = "dev.tekton.image.name";

/// The most objects that a bundle may have, as in Tekton.
pub const OBJECTS: usize = 20;

/// What to get.
#[derive(Debug)]
pub(crate) struct Request {
    bundle: Reference,
    kind: String,
    name: String,
}

/// A document in a bundle cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Its manifest.
    #[error("`{bundle}` is no bundle")]
    Manifest {
        /// Which one.
        bundle: String,
        /// Why not.
        #[source]
        source: ManifestError,
    },
    /// Too many objects.
    #[error("`{bundle}` has {count} objects; a bundle has at most {OBJECTS}")]
    Objects {
        /// Which one.
        bundle: String,
        /// How many.
        count: usize,
    },
    /// A layer does not say what it is.
    #[error("`{bundle}` is no bundle: its layer {layer} has no annotation `{annotation}`")]
    Annotation {
        /// Which one.
        bundle: String,
        /// The place of the layer, from 0.
        layer: usize,
        /// What is not there.
        annotation: &'static str,
    },
    /// No such object.
    #[error("`{bundle}` has no {kind} `{name}`; it has {known}")]
    NoObject {
        /// Which one.
        bundle: String,
        /// What was looked for.
        kind: String,
        /// By which name.
        name: String,
        /// What is there.
        known: String,
    },
    /// The layer cannot be unpacked.
    #[error("failed to unpack `{name}` of `{bundle}`")]
    Unpack {
        /// Which one.
        bundle: String,
        /// Which object.
        name: String,
        /// Why.
        #[source]
        source: UnpackError,
    },
    /// It is no text.
    #[error(transparent)]
    NotText(#[from] NotText),
}

impl BundleError {
    pub(crate) fn is_document(&self) -> bool {
        match self {
            Self::Registry(error) => is_bad_reference(error),
            _ => true,
        }
    }
}

impl Request {
    pub(crate) fn read(params: Params<'_>, kind: &str) -> Result<Self, ParamError> {
        let text = params.get("bundle")?;
        let bundle = text.parse().map_err(|source| ParamError::Reference {
            name: "bundle",
            value: stepwell_registry::words::quoted(text),
            source,
        })?;
        Ok(Self {
            bundle,
            kind: params.find("kind")?.unwrap_or(kind).to_lowercase(),
            name: params.get("name")?.to_owned(),
        })
    }

    pub(crate) fn asked(&self) -> Asked {
        let bundle = self.bundle.to_string();
        let params = [
            ("bundle", bundle.as_str()),
            ("kind", &self.kind),
            ("name", &self.name),
        ];
        Asked::new("bundles", self.bundle.digest().is_some(), &params)
    }

    pub(crate) fn fetch(
        &self,
        registry: &Registry,
        most: u64,
        deadline: Instant,
    ) -> Result<Fetched, BundleError> {
        let pulled = registry.manifest(&self.bundle, deadline)?;
        let manifest = pulled.read().map_err(|source| BundleError::Manifest {
            bundle: self.bundle.to_string(),
            source,
        })?;
        let layer = self.find(&manifest.layers)?;
        // What was packed may be longer than its contents by what packing adds.
        let packed = registry.blob(
            &self.bundle,
            layer.digest,
            most.saturating_add(1 << 16),
            deadline,
        )?;
        let unpacked = unpack(&packed, most).map_err(|source| BundleError::Unpack {
            bundle: self.bundle.to_string(),
            name: self.name.clone(),
            source,
        })?;
        let pinned = self.bundle.pinned(pulled.digest);
        Ok(Fetched {
            name: format!("{pinned}#{}/{}", self.kind, self.name),
            text: text(unpacked)?,
            provenance: serde_json::json!({
                "uri": format!("{}/{}", pinned.registry(), pinned.repository()),
                "digest": { "sha256": pulled.digest.to_hex() },
                "entryPoint": self.name,
            }),
        })
    }

    /// The layer that is the object. Every layer has to say what it is, or it is no bundle.
    fn find<'a>(&self, layers: &'a [Descriptor]) -> Result<&'a Descriptor, BundleError> {
        if layers.len() > OBJECTS {
            return Err(BundleError::Objects {
                bundle: self.bundle.to_string(),
                count: layers.len(),
            });
        }
        for (at, layer) in layers.iter().enumerate() {
            for annotation in [API_VERSION, KIND, NAME] {
                if !layer.annotations.contains_key(annotation) {
                    return Err(BundleError::Annotation {
                        bundle: self.bundle.to_string(),
                        layer: at,
                        annotation,
                    });
                }
            }
        }
        let object = |layer: &Descriptor| {
            (
                layer.annotations[KIND].clone(),
                layer.annotations[NAME].clone(),
            )
        };
        layers
            .iter()
            .find(|layer| object(layer) == (self.kind.clone(), self.name.clone()))
            .ok_or_else(|| {
                let known: Vec<String> = layers
                    .iter()
                    .map(object)
                    .map(|(kind, name)| {
                        stepwell_registry::words::quoted(&format!("{kind} `{name}`"))
                    })
                    .collect();
                BundleError::NoObject {
                    bundle: self.bundle.to_string(),
                    kind: self.kind.clone(),
                    name: self.name.clone(),
                    known: if known.is_empty() {
                        "none at all".to_owned()
                    } else {
                        known.join(", ")
                    },
                }
            })
    }
}
