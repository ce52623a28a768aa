//! Images on Debian's registry, open and locked, with TLS and without.

use std::{fs, io::Read as _, io::Write as _, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use stepwell_contract::{Cancel, ImagePullPolicy, Platform};
use stepwell_registry::{
    Http, HttpOptions, ImageStore, LayerBounds, Pull, PullError, Pulled, PulledCode, Registry,
    RegistryOptions, Sha256, auth::Keychain,
};

use crate::{
    debian::{LOGIN, Registry as Debian},
    server::tls_file,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A tar archive of one file.
fn tar(name: &str, text: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive
        .append_data(&mut header, name, text.as_bytes())
        .unwrap();
    archive.into_inner().unwrap()
}

/// Pushes an image of one layer of each packing, as `name:1` behind an index, and says the digest of its manifest.
fn push(registry: &Debian, name: &str) -> Sha256 {
    let archives = ["plain", "gzip", "zstd"].map(|packing| tar(packing, packing));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&archives[1]).unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstd = ruzstd::encoding::compress_to_vec(archives[2].as_slice(), level);
    let packed = [
        ("tar", archives[0].clone()),
        ("tar+gzip", gzip.finish().unwrap()),
        ("tar+zstd", zstd),
    ];
    let blob = |media_type: &str, bytes: &[u8]| {
        let mut part = registry.push_blob(name, bytes);
        part["mediaType"] = json!(media_type);
        part
    };
    let layers: Vec<Value> = packed
        .iter()
        .map(|(packing, bytes)| {
            blob(
                &format!("application/vnd.oci.image.layer.v1.{packing}"),
                bytes,
            )
        })
        .collect();
    let diff_ids: Vec<Sha256> = archives.iter().map(|archive| Sha256::of(archive)).collect();
    let config = json!({
        "os": "linux", "architecture": "amd64",
        "config": { "Entrypoint": ["/bin/sh"], "User": "1000" },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = blob(
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
    );
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
    let digest = registry.push_manifest(name, "amd64", &manifest);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": MANIFEST, "digest": digest, "size": manifest.to_string().len(),
            "platform": { "os": "linux", "architecture": "amd64" },
        }],
    });
    registry.push_manifest(name, "1", &index);
    digest
}

struct World {
    temp: tempfile::TempDir,
    store: ImageStore,
}

impl World {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let store = ImageStore::open(temp.path().join("images")).unwrap();
        Self { temp, store }
    }

    fn pull(&self, reference: &str, login: Option<&str>) -> Result<Pulled, PullError> {
        let reference: stepwell_registry::Reference = reference.parse().unwrap();
        let config = self.temp.path().join("config.json");
        let auths = match login {
            Some(login) => json!({ "auths": { reference.registry(): { "auth": login } } }),
            None => json!({}),
        };
        fs::write(&config, auths.to_string()).unwrap();
        let certificates = vec![tls_file("ca.pem")];
        let http = Arc::new(Http::new(&HttpOptions { certificates }).unwrap());
        let options = RegistryOptions {
            keychain: Keychain {
                config: Some(config),
                environment: Vec::new(),
            },
            ..RegistryOptions::default()
        };
        let platform = Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: None,
        };
        let pull = Pull {
            reference: &reference,
            platform: &platform,
            policy: ImagePullPolicy::IfNotPresent,
            components_only: false,
            offline: false,
        };
        self.store
            .pull(&Registry::new(http, options), &pull, &(), &Cancel::new())
    }

    /// The names and texts of the files in all layers.
    fn files(&self, pulled: &Pulled) -> Vec<(String, String)> {
        let PulledCode::Container(image) = &pulled.code else {
            panic!("it is a component");
        };
        let mut files = Vec::new();
        for layer in &image.layers {
            let mut reader = self.store.layer(layer, &LayerBounds::default()).unwrap();
            for entry in tar::Archive::new(&mut reader).entries().unwrap() {
                let mut entry = entry.unwrap();
                let name = entry.path().unwrap().display().to_string();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                files.push((name, text));
            }
            reader.finish().unwrap();
        }
        files
    }
}

fn expected() -> Vec<(String, String)> {
    ["plain", "gzip", "zstd"]
        .map(|name| (name.to_owned(), name.to_owned()))
        .to_vec()
}

#[test]
fn an_image_is_pulled_by_tag_and_by_digest() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let manifest = push(&debian, "team/tool");
    for reference in ["team/tool:1".to_owned(), format!("team/tool@{manifest}")] {
        let world = World::new();
        let pulled = world
            .pull(&format!("{}/{reference}", debian.host()), None)
            .unwrap();
        assert_eq!(pulled.manifest, manifest);
        assert_eq!(world.files(&pulled), expected());
    }
    let world = World::new();
    let error = world
        .pull(&format!("{}/team/tool:2", debian.host()), None)
        .unwrap_err();
    assert!(error.is_reference(), "{error}");
}

#[test]
fn a_locked_registry_is_opened_by_a_login_and_by_no_other() {
    let Some(debian) = Debian::start(true) else {
        return;
    };
    let manifest = push(&debian, "tool");
    let (world, reference) = (World::new(), format!("{}/tool:1", debian.host()));
    // `me:wrong`.
    for login in [None, Some("bWU6d3Jvbmc=")] {
        let error = world.pull(&reference, login).unwrap_err();
        assert!(error.to_string().contains("docker login"), "{error}");
        assert!(!error.is_reference());
    }
    let pulled = world.pull(&reference, Some(LOGIN)).unwrap();
    assert_eq!(
        (pulled.manifest, world.files(&pulled)),
        (manifest, expected())
    );
}

#[test]
fn a_registry_on_this_machine_may_speak_tls_and_wants_a_login_then_too() {
    for is_locked in [false, true] {
        let Some(plain) = Debian::start(is_locked) else {
            return;
        };
        let manifest = push(&plain, "tool");
        let (certificate, key) = (tls_file("server.pem"), tls_file("server.key"));
        let debian = plain.with_tls(&certificate, &key).unwrap();
        let (world, reference) = (World::new(), format!("{}/tool:1", debian.host()));
        if is_locked {
            let error = world.pull(&reference, None).unwrap_err();
            assert!(error.to_string().contains("docker login"), "{error}");
        }
        let pulled = world.pull(&reference, Some(LOGIN)).unwrap();
        assert_eq!(
            (pulled.manifest, world.files(&pulled)),
            (manifest, expected())
        );
    }
}
