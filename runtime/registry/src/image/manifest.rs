//! An index or a manifest, and what the manifest makes: a component or a container.
//!
//! Which of the two is read from the media types and from nothing else: it is decided once and never tried.

use serde::Deserialize;

use super::{COMPONENT_BYTES, CONFIG_BYTES, IMAGE_BYTES, ImageProblem, LAYERS};
use crate::manifest::Descriptor;
use crate::words::quoted;

/// The configuration of a Wasm artifact, today and in older times (Spin, and the first tools).
const WASM_CONFIGS: [&str; 4] = [
    "application/vnd.wasm.config.v0+json",
    "application/vnd.wasm.config.v1+json",
    "application/vnd.fermyon.spin.application.v1+config",
    "application/vnd.bytecodealliance.wasm.component.config.v0+json",
];

/// The layers that are WebAssembly: today's, Spin's, and those of runwasi.
const WASM_LAYERS: [&str; 6] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    "application/vnd.bytecodealliance.wasm.module.layer.v0+wasm",
    "application/vnd.w3c.wasm.component.v1+wasm",
];

/// One of the two documents.
#[derive(Debug)]
pub(crate) enum Document {
    /// The same image for several platforms.
    Index(Vec<Entry>),
    /// One image.
    Manifest(ImageManifest),
}

/// One image of an index.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    pub(crate) descriptor: Descriptor,
    pub(crate) platform: Option<EntryPlatform>,
}

/// What an index says that an image is for.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EntryPlatform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) variant: Option<String>,
}

/// One image: its configuration and its layers.
#[derive(Debug, Clone)]
pub(crate) struct ImageManifest {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
}

/// What a manifest makes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Made<'a> {
    /// A component, which is this part.
    Component(&'a Descriptor),
    /// A container, of all layers.
    Container,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Either {
    manifests: Option<Vec<Entry>>,
    layers: Option<Vec<Descriptor>>,
    /// Read only where there are layers.
    config: Option<serde_json::Value>,
}

/// Reads an index or a manifest.
pub(crate) fn read(bytes: &[u8]) -> Result<Document, ImageProblem> {
    let malformed = |source| ImageProblem::Malformed {
        part: "manifest",
        source,
    };
    let Either {
        manifests,
        layers,
        config,
    } = serde_json::from_slice(bytes).map_err(malformed)?;
    match (manifests, layers) {
        (Some(entries), None) => Ok(Document::Index(entries)),
        (None, Some(layers)) => {
            let config = serde_json::from_value(config.unwrap_or_default()).map_err(malformed)?;
            Ok(Document::Manifest(ImageManifest { config, layers }))
        }
        _ => Err(ImageProblem::Neither),
    }
}

impl ImageManifest {
    /// What it makes, once all of its sizes are found to be within bounds.
    pub(crate) fn made(&self) -> Result<Made<'_>, ImageProblem> {
        if self.layers.len() > LAYERS {
            return Err(ImageProblem::Layers(self.layers.len()));
        }
        bounded("configuration", self.config.size, CONFIG_BYTES)?;
        let is_wasm = |layer: &&Descriptor| WASM_LAYERS.contains(&layer.media_type.as_str());
        let components: Vec<&Descriptor> = self.layers.iter().filter(is_wasm).collect();
        let is_artifact = WASM_CONFIGS.contains(&self.config.media_type.as_str());
        match components.as_slice() {
            [] if !is_artifact => {}
            [component] => {
                bounded("component", component.size, COMPONENT_BYTES)?;
                return Ok(Made::Component(component));
            }
            others => return Err(ImageProblem::Components(others.len())),
        }
        let size = |layer: &Descriptor| layer.size;
        let all = self.layers.iter().map(size).fold(0, u64::saturating_add);
        bounded("layers together", all, IMAGE_BYTES)?;
        for layer in &self.layers {
            if crate::layer::Packing::of(&layer.media_type).is_none() {
                return Err(ImageProblem::MediaType(quoted(&layer.media_type)));
            }
        }
        Ok(Made::Container)
    }
}

fn bounded(part: &'static str, size: u64, most: u64) -> Result<(), ImageProblem> {
    match size > most {
        true => Err(ImageProblem::TooLarge { part, size, most }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sha256::Sha256;

    const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

    fn manifest(config: &str, layers: &[(&str, u64)]) -> ImageManifest {
        let part = |media_type: &str, size: u64| json!({ "mediaType": media_type, "digest": Sha256::of(b""), "size": size });
        let layers: Vec<_> = layers
            .iter()
            .map(|&(name, size)| part(name, size))
            .collect();
        let text = json!({ "schemaVersion": 2, "config": part(config, 2), "layers": layers });
        match read(text.to_string().as_bytes()).unwrap() {
            Document::Manifest(manifest) => manifest,
            Document::Index(_) => panic!("it has layers"),
        }
    }

    #[test]
    fn the_kind_is_read_from_the_media_types() {
        let plain = "application/vnd.oci.image.config.v1+json";
        for (config, layer) in [
            (WASM_CONFIGS[0], "application/wasm"),
            (
                WASM_CONFIGS[2],
                "application/vnd.wasm.content.layer.v1+wasm",
            ),
            (
                plain,
                "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
            ),
        ] {
            let manifest = manifest(config, &[(layer, 1)]);
            assert!(matches!(manifest.made(), Ok(Made::Component(_))), "{layer}");
        }
        let container = manifest(plain, &[(TAR, 1), (TAR, 2)]);
        assert!(matches!(container.made(), Ok(Made::Container)));
    }

    #[test]
    fn an_artifact_of_no_component_or_of_two_is_none() {
        let two = manifest(
            WASM_CONFIGS[0],
            &[("application/wasm", 1), ("application/wasm", 1)],
        );
        assert!(matches!(two.made(), Err(ImageProblem::Components(2))));
        let none = manifest(WASM_CONFIGS[0], &[("text/plain", 1)]);
        assert!(matches!(none.made(), Err(ImageProblem::Components(0))));
    }

    #[test]
    fn attack_too_many_layers_or_bytes_are_refused_before_anything_is_got() {
        let config = "application/vnd.oci.image.config.v1+json";
        let many = vec![(TAR, 1); LAYERS + 1];
        assert!(matches!(
            manifest(config, &many).made(),
            Err(ImageProblem::Layers(_))
        ));
        assert!(manifest(config, &many[1..]).made().is_ok());
        let large = [(TAR, u64::MAX), (TAR, 2)];
        assert!(matches!(
            manifest(config, &large).made(),
            Err(ImageProblem::TooLarge { .. })
        ));
        assert!(manifest(config, &[(TAR, IMAGE_BYTES)]).made().is_ok());
        let wasm = manifest(
            WASM_CONFIGS[0],
            &[("application/wasm", COMPONENT_BYTES + 1)],
        );
        assert!(matches!(wasm.made(), Err(ImageProblem::TooLarge { .. })));
    }

    #[test]
    fn attack_a_layer_of_an_unknown_kind_is_not_guessed_at() {
        let manifest = manifest("x/y", &[("application/x-tar\u{1b}", 1)]);
        let problem = manifest.made().unwrap_err();
        assert_eq!(
            problem.to_string(),
            "a layer has the media type `application/x-tar?`, which is not known"
        );
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["{}", r#"{"layers":[],"manifests":[],"config":{}}"#] {
            let document = read(text.as_bytes());
            assert!(matches!(document, Err(ImageProblem::Neither)), "{text}");
        }
        for text in ["", r#"{"layers":[]}"#, &"[".repeat(100_000)] {
            let document = read(text.as_bytes());
            assert!(matches!(document, Err(ImageProblem::Malformed { .. })));
        }
    }
}
