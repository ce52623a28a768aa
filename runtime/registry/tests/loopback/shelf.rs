//! A registry with one image, and who pulls it into a store of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_contract::{Cancel, ContainerImage, ImagePullPolicy, Platform};
use stepwell_registry::{
    Http, HttpOptions, ImageStore, Pull, PullError, Pulled, PulledCode, Reference, Registry,
    RegistryOptions, Sha256, default_pull_policy,
};

use crate::server::{Reply, Request, Server};

pub(crate) const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// What a registry has: documents and blobs by their digests, and one tag.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) by_digest: BTreeMap<String, Vec<u8>>,
    pub(crate) latest: String,
}

impl Shelf {
    pub(crate) fn put(&mut self, bytes: impl Into<Vec<u8>>) -> Sha256 {
        let bytes = bytes.into();
        let digest = Sha256::of(&bytes);
        self.by_digest.insert(digest.to_string(), bytes);
        digest
    }

    pub(crate) fn part(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = self.put(bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    /// An image of these layers, which are not packed.
    pub(crate) fn image(layers: &[&[u8]]) -> Self {
        let mut shelf = Self::default();
        let diff_ids: Vec<Sha256> = layers.iter().map(|layer| Sha256::of(layer)).collect();
        let config = json!({
            "os": "linux", "architecture": "amd64", "config": { "Cmd": ["sh"] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = shelf.part(CONFIG, config.to_string().as_bytes());
        let layers: Vec<Value> = layers.iter().map(|layer| shelf.part(TAR, layer)).collect();
        shelf.tag(&json!({ "schemaVersion": 2, "config": config, "layers": layers }));
        shelf
    }

    pub(crate) fn tag(&mut self, document: &Value) {
        let text = document.to_string();
        self.latest = self.put(text.clone()).to_string();
    }

    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let name = request.path.rsplit('/').next().unwrap();
        let name = if name == "latest" { &self.latest } else { name };
        let Some(bytes) = self.by_digest.get(name) else {
            return Reply::status(404);
        };
        let from = request.header("range").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        });
        match from {
            Some(from) if from < bytes.len() => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                Reply::Whole(206, Vec::new(), bytes[from..].to_vec()).with("Content-Range", range)
            }
            Some(_) => Reply::status(416),
            None => Reply::ok(bytes.clone()),
        }
    }

    pub(crate) fn serve(self) -> Server {
        Server::plain(move |request| self.answer(request))
    }
}

pub(crate) struct World {
    pub(crate) temp: tempfile::TempDir,
    pub(crate) options: RegistryOptions,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            temp: tempfile::tempdir().unwrap(),
            options: RegistryOptions::default(),
        }
    }

    pub(crate) fn store(&self) -> ImageStore {
        ImageStore::open(self.temp.path().join("images")).unwrap()
    }

    pub(crate) fn registry(&self) -> Registry {
        let http = Arc::new(Http::new(&HttpOptions::default()).unwrap());
        Registry::new(http, self.options.clone())
    }

    pub(crate) fn pull(&self, reference: &Reference) -> Result<Pulled, PullError> {
        self.pull_with(reference, default_pull_policy(reference), false)
    }

    pub(crate) fn pull_with(
        &self,
        reference: &Reference,
        policy: ImagePullPolicy,
        offline: bool,
    ) -> Result<Pulled, PullError> {
        let pull = Pull {
            reference,
            platform: &amd64(),
            policy,
            components_only: false,
            offline,
        };
        self.store()
            .pull(&self.registry(), &pull, &(), &Cancel::new())
    }
}

pub(crate) fn amd64() -> Platform {
    Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: None,
    }
}

pub(crate) fn reference(server: &Server, rest: &str) -> Reference {
    format!("{}/{rest}", server.host()).parse().unwrap()
}

pub(crate) fn container(pulled: Pulled) -> Arc<ContainerImage> {
    match pulled.code {
        PulledCode::Container(image) => image,
        PulledCode::Component(_) => panic!("it is a component"),
    }
}
