//! What a registry says an artifact is made of.
//!
//! It does not know what the parts are for: media types and annotations are handed on as they were written.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::sha256::Sha256;

/// The media types under which an artifact's manifest is asked for.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest as it came, with its digest.
#[derive(Debug, Clone)]
pub struct PulledManifest {
    /// Of the bytes; equal to the one in the reference, where that has one.
    pub digest: Sha256,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl PulledManifest {
    /// Reads it as the manifest of one artifact.
    ///
    /// # Errors
    ///
    /// When it is a list of manifests, one for each platform, or no manifest at all.
    pub fn read(&self) -> Result<Manifest, ManifestError> {
        let manifest: Either =
            serde_json::from_slice(&self.bytes).map_err(ManifestError::Malformed)?;
        match (manifest.layers, manifest.manifests) {
            (Some(layers), None) => Ok(Manifest { layers }),
            (None, Some(_)) => Err(ManifestError::Index),
            _ => Err(ManifestError::Neither),
        }
    }
}

/// An artifact: its parts in order.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The parts.
    pub layers: Vec<Descriptor>,
}

/// One part of an artifact.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What sort of thing it is said to be.
    pub media_type: String,
    /// What it is.
    pub digest: Sha256,
    /// How many bytes.
    pub size: u64,
    /// What its maker wrote on it.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// The fields that tell the two kinds of manifest apart.
#[derive(Deserialize)]
struct Either {
    layers: Option<Vec<Descriptor>>,
    manifests: Option<serde::de::IgnoredAny>,
}

/// The bytes are not the manifest of one artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// No JSON, or a field is not what it has to be.
    #[error("its manifest is malformed")]
    Malformed(#[source] serde_json::Error),
    /// It is an index.
    #[error("it is a list of artifacts, one for each platform, and not one artifact")]
    Index,
    /// It has neither layers nor manifests, or both.
    #[error("its manifest has no `layers`")]
    Neither,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Manifest, ManifestError> {
        let bytes = text.as_bytes().to_vec();
        PulledManifest {
            digest: Sha256::of(&bytes),
            bytes,
        }
        .read()
    }

    #[test]
    fn layers_and_their_annotations_are_read() {
        let digest = Sha256::of(b"");
        let manifest = read(&format!(
            r#"{{"schemaVersion":2,"config":{{}},"layers":[
                {{"mediaType":"x/y","digest":"{digest}","size":7,"annotations":{{"a":"b"}}}}]}}"#
        ))
        .unwrap();
        let [layer] = manifest.layers.as_slice() else {
            panic!("not one layer: {manifest:?}");
        };
        assert_eq!(
            (layer.media_type.as_str(), layer.digest, layer.size),
            ("x/y", digest, 7)
        );
        assert_eq!(layer.annotations["a"], "b");
    }

    #[test]
    fn what_is_not_one_artifact_is_told_apart() {
        assert!(matches!(
            read(r#"{"manifests":[]}"#),
            Err(ManifestError::Index)
        ));
        assert!(matches!(read("{}"), Err(ManifestError::Neither)));
        assert!(matches!(
            read(r#"{"layers":[],"manifests":[]}"#),
            Err(ManifestError::Neither)
        ));
        for text in [
            "",
            r#"{"layers":[{"mediaType":"x","digest":"sha256:..","size":1}]}"#,
            &"[".repeat(100_000),
        ] {
            assert!(
                matches!(read(text), Err(ManifestError::Malformed(_))),
                "{text:.40}"
            );
        }
    }
}
