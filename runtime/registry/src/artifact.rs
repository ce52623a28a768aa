//! A component as an artifact of a registry: the layout of the CNCF's working group for Wasm, which `wkg`, `oras` and others read.
//!
//! It does not know what the component does: whoever makes an artifact says what it imports and exports. The same bytes and
//! the same words make the same artifact, whenever and wherever it is made: nothing of that is in it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{client::Registry, error::RegistryError, reference::Reference, sha256::Sha256};

/// The media type of a manifest of one image.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The media type by which an artifact says that it is WebAssembly.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// The media type of the one layer.
const LAYER: &str = "application/wasm";

/// The layout wants a time of creation. It is always this one.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// The annotation that is a file's name where it stands on a layer: under it, `oras pull` keeps the layer.
const TITLE: &str = "org.opencontainers.image.title";

/// What is said about the code of an artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// What a component imports and exports; nothing for a core module.
    pub world: Option<World>,
    /// Under which name a client that keeps it in a file keeps it.
    pub file_name: String,
    /// What stands on the manifest, for those who list artifacts without getting them.
    pub annotations: BTreeMap<String, String>,
}

/// The interfaces of a component, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct World {
    /// What it offers.
    pub exports: Vec<String>,
    /// What it wants.
    pub imports: Vec<String>,
}

/// An artifact, ready to be pushed.
#[derive(Debug, Clone)]
pub struct Artifact {
    code: Vec<u8>,
    config: Vec<u8>,
    manifest: Vec<u8>,
}

/// Field by field what `application/vnd.wasm.config.v0+json` has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'a str,
    layer_digests: [Sha256; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a World>,
}

/// Field by field what a manifest has. The order decides the digest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest<'a> {
    pub(crate) schema_version: u8,
    pub(crate) media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<&'a str>,
    pub(crate) config: Part<'a>,
    pub(crate) layers: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Part<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// One part of a manifest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part<'a> {
    pub(crate) media_type: &'a str,
    pub(crate) digest: Sha256,
    pub(crate) size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl<'a> Part<'a> {
    pub(crate) fn of(media_type: &'a str, bytes: &[u8]) -> Self {
        Self {
            media_type,
            digest: Sha256::of(bytes),
            size: bytes.len() as u64,
            annotations: BTreeMap::new(),
        }
    }
}

/// JSON of what has nothing in it that could not be written.
pub(crate) fn written(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers, in structs and in maps whose keys are strings.
    serde_json::to_vec(value).unwrap_or_default()
}

impl Artifact {
    /// Puts an artifact together from `code`, which is WebAssembly in binary.
    pub fn new(code: Vec<u8>, about: &About) -> Self {
        let config = written(&Config {
            created: CREATED,
            architecture: "wasm",
            os: match about.world {
                Some(_) => "wasip2",
                None => "wasip1",
            },
            layer_digests: [Sha256::of(&code)],
            component: about.world.as_ref(),
        });
        let mut layer = Part::of(LAYER, &code);
        layer
            .annotations
            .insert(TITLE.to_owned(), about.file_name.clone());
        let manifest = written(&Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            artifact_type: None,
            config: Part::of(CONFIG, &config),
            layers: vec![layer],
            subject: None,
            annotations: about.annotations.clone(),
        });
        Self {
            code,
            config,
            manifest,
        }
    }

    /// The digest by which it goes.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.manifest)
    }

    /// Its manifest: every byte of it is named there, through digests.
    pub fn manifest(&self) -> &[u8] {
        &self.manifest
    }
}

impl Registry {
    /// Pushes an artifact, which the reference's tag then means.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoTag`] where the reference names a digest; what the registry does not take.
    pub fn push(
        &self,
        reference: &Reference,
        artifact: &Artifact,
    ) -> Result<Sha256, RegistryError> {
        if reference.digest().is_some() {
            return Err(RegistryError::NoTag(reference.to_string()));
        }
        for blob in [&artifact.code, &artifact.config] {
            self.push_blob(reference, blob)?;
        }
        let manifest = (MANIFEST, artifact.manifest.as_slice());
        self.push_manifest(reference, &reference.wanted(), manifest)?;
        Ok(artifact.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_one_that_others_read_and_holds_no_time_of_building() {
        let about = About {
            world: Some(World {
                exports: vec!["wasi:cli/run@0.2.12".to_owned()],
                imports: vec!["wasi:io/streams@0.2.12".to_owned()],
            }),
            file_name: "lint.wasm".to_owned(),
            annotations: [
                ("b".to_owned(), "2".to_owned()),
                ("a".to_owned(), "1".to_owned()),
            ]
            .into(),
        };
        let artifact = Artifact::new(b"\0asm".to_vec(), &about);
        let code = Sha256::of(b"\0asm");
        let config = format!(
            r#"{{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["{code}"],"component":{{"exports":["wasi:cli/run@0.2.12"],"imports":["wasi:io/streams@0.2.12"]}}}}"#
        );
        assert_eq!(String::from_utf8_lossy(&artifact.config), config);
        let (digest, size) = (Sha256::of(config.as_bytes()), config.len());
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"{digest}","size":{size}}},"layers":[{{"mediaType":"application/wasm","digest":"{code}","size":4,"annotations":{{"org.opencontainers.image.title":"lint.wasm"}}}}],"annotations":{{"a":"1","b":"2"}}}}"#
        );
        assert_eq!(String::from_utf8_lossy(artifact.manifest()), manifest);
        assert_eq!(artifact.digest(), Sha256::of(manifest.as_bytes()));
    }

    #[test]
    fn a_core_module_says_so_and_has_no_interfaces() {
        let artifact = Artifact::new(b"\0asm".to_vec(), &About::default());
        let config: serde_json::Value = serde_json::from_slice(&artifact.config).unwrap();
        assert_eq!(config["os"], "wasip1");
        assert!(config.get("component").is_none());
    }
}
