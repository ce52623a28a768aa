//! Signatures beside artifacts, in Debian's registry, which knows of no subjects, and in one that does; and what somebody who
//! holds the registry could do about them.

use std::{collections::BTreeMap, sync::Arc, sync::Mutex};

use serde_json::{Value, json};
use stepwell_contract::{Cancel, ImagePullPolicy, Platform};
use stepwell_registry::{
    About, Artifact, Http, HttpOptions, ImageStore, Pull, PullError, Reference, Registry,
    RegistryOptions, Sha256, SignatureProblem, SigningKey, TrustedKey,
};

use crate::{
    debian::Registry as Debian,
    server::{Reply, Request, Server},
};

fn signing(name: &str) -> SigningKey {
    let text = std::fs::read_to_string(format!("tests/minisign/{name}.key")).unwrap();
    SigningKey::read(&text, None).unwrap()
}

fn artifact(version: u8) -> Artifact {
    Artifact::new(vec![b'\0', b'a', b's', b'm', version], &About::default())
}

/// A registry's other side, and a store of images.
struct World {
    _temp: tempfile::TempDir,
    store: ImageStore,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let store = ImageStore::open(temp.path().join("images")).unwrap();
        let http = Arc::new(Http::new(&HttpOptions::default()).unwrap());
        let registry = Registry::new(http, RegistryOptions::default());
        Self {
            _temp: temp,
            store,
            registry,
        }
    }

    fn push(&self, reference: &Reference, artifact: &Artifact, key: Option<&str>) {
        self.registry.push(reference, artifact).unwrap();
        if let Some(key) = key {
            let manifest = artifact.manifest();
            let signature = signing(key).sign(manifest, reference);
            self.registry
                .push_signature(reference, manifest, &signature)
                .unwrap();
        }
    }

    /// What becomes of it where ours is the key that is trusted.
    fn check(&self, reference: &Reference, offline: bool) -> Result<(), PullError> {
        let pull = Pull {
            reference,
            platform: &Platform::host(),
            policy: ImagePullPolicy::Always,
            components_only: true,
            offline,
        };
        let pulled = self
            .store
            .pull(&self.registry, &pull, &(), &Cancel::new())?;
        let keys = [TrustedKey::read(&signing("ours").public()).unwrap()];
        let what = (reference, pulled.digest);
        self.store
            .check_signature(&self.registry, what, &keys, !offline)
    }
}

fn problem(result: Result<(), PullError>) -> SignatureProblem {
    match result.unwrap_err() {
        PullError::Unsigned { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

fn reference(host: &str, name: &str) -> Reference {
    format!("{host}/{name}").parse().unwrap()
}

#[test]
fn a_signed_artifact_is_taken_and_taken_again_without_a_network() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let (world, tool) = (World::new(), reference(debian.host(), "team/tool:1"));
    world.push(&tool, &artifact(1), Some("ours"));
    world.check(&tool, false).unwrap();
    drop(debian);
    world.check(&tool, true).unwrap();
}

#[test]
fn a_second_signature_stands_beside_the_first() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let (world, tool) = (World::new(), reference(debian.host(), "tool:1"));
    world.push(&tool, &artifact(1), Some("other"));
    assert_eq!(
        problem(world.check(&tool, false)),
        SignatureProblem::OtherKey
    );
    world.push(&tool, &artifact(1), Some("ours"));
    world.check(&tool, false).unwrap();
}

#[test]
fn attack_an_artifact_without_a_signature() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let (world, tool) = (World::new(), reference(debian.host(), "tool:1"));
    world.push(&tool, &artifact(1), None);
    assert_eq!(
        problem(world.check(&tool, false)),
        SignatureProblem::Missing
    );
}

#[test]
fn attack_an_older_artifact_that_is_signed_is_pushed_under_a_newer_tag() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let world = World::new();
    let (old, new) = (
        reference(debian.host(), "tool:1.1"),
        reference(debian.host(), "tool:1.2"),
    );
    world.push(&old, &artifact(1), Some("ours"));
    world.push(&new, &artifact(2), Some("ours"));
    world.check(&new, false).unwrap();
    // Whoever holds the registry lets the newer tag mean the older artifact.
    world.registry.push(&new, &artifact(1)).unwrap();
    let expected = SignatureProblem::OtherName("tool:1.1".to_owned());
    assert_eq!(problem(world.check(&new, false)), expected);
    world.check(&old, false).unwrap();
}

#[test]
fn attack_the_signature_of_another_artifact_is_put_beside_this_one() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let (world, tool) = (World::new(), reference(debian.host(), "tool:1"));
    let signature = signing("ours").sign(artifact(1).manifest(), &tool);
    world.push(&tool, &artifact(2), None);
    world
        .registry
        .push_signature(&tool, artifact(2).manifest(), &signature)
        .unwrap();
    assert_eq!(problem(world.check(&tool, false)), SignatureProblem::Wrong);
}

/// What a registry that knows of subjects keeps in memory.
#[derive(Default)]
struct Kept {
    blobs: BTreeMap<String, Vec<u8>>,
    /// By tag and by digest.
    manifests: BTreeMap<String, Vec<u8>>,
    /// Lays something else under a blob's name.
    altered: Option<Vec<u8>>,
    /// What it lists more often than it should.
    times: usize,
}

impl Kept {
    fn answer(&mut self, request: &Request) -> Reply {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let found = |bytes: Option<&Vec<u8>>| match bytes {
            Some(bytes) => Reply::ok(bytes.clone()),
            None => Reply::status(404),
        };
        match (request.method.as_str(), path) {
            ("POST", _) => Reply::status(202).with("Location", "/v2/tool/upload/1"),
            ("PUT", path) if path.contains("/upload/") => {
                let digest = query.replace("digest=", "").replace("%3A", ":");
                self.blobs.insert(digest, request.body.clone());
                Reply::status(201)
            }
            ("PUT", _) => {
                let digest = Sha256::of(&request.body).to_string();
                self.manifests.insert(digest, request.body.clone());
                self.manifests.insert(name, request.body.clone());
                Reply::status(201).with("OCI-Subject", "yes")
            }
            (_, path) if path.contains("/referrers/") => {
                let own = |manifest: &&Vec<u8>| {
                    let manifest: Value = serde_json::from_slice(manifest).unwrap();
                    manifest["subject"]["digest"] == name
                };
                let mut list = Vec::new();
                let by_digest = self.manifests.iter().filter(|(name, _)| name.contains(':'));
                for manifest in by_digest.map(|(_, manifest)| manifest).filter(own) {
                    let read: Value = serde_json::from_slice(manifest).unwrap();
                    list.push(json!({
                        "mediaType": read["mediaType"], "digest": Sha256::of(manifest), "size": manifest.len(),
                        "artifactType": read["artifactType"],
                    }));
                }
                let times = self.times.max(1);
                let list: Vec<_> = std::iter::repeat_n(list, times).flatten().collect();
                let index = json!({ "schemaVersion": 2, "manifests": list });
                Reply::ok(index.to_string())
            }
            (_, path) if path.contains("/blobs/") => match (&self.altered, self.blobs.get(&name)) {
                (Some(altered), Some(_)) => Reply::ok(altered.clone()),
                (_, blob) => found(blob),
            },
            _ => found(self.manifests.get(&name)),
        }
    }
}

fn modern() -> (Server, Arc<Mutex<Kept>>) {
    let kept = Arc::new(Mutex::new(Kept::default()));
    let answers = Arc::clone(&kept);
    let server = Server::plain(move |request| answers.lock().unwrap().answer(request));
    (server, kept)
}

#[test]
fn a_registry_that_knows_of_subjects_is_asked_for_them_and_gets_no_tag() {
    let (server, kept) = modern();
    let (world, tool) = (World::new(), reference(&server.host(), "tool:1"));
    world.push(&tool, &artifact(1), Some("ours"));
    world.check(&tool, false).unwrap();
    let kept = kept.lock().unwrap();
    let tags: Vec<_> = kept
        .manifests
        .keys()
        .filter(|name| !name.contains(':'))
        .collect();
    assert_eq!(tags, ["1"]);
}

#[test]
fn attack_the_component_is_altered_under_a_good_signature() {
    let (server, kept) = modern();
    let (world, tool) = (World::new(), reference(&server.host(), "tool:1"));
    world.push(&tool, &artifact(1), Some("ours"));
    kept.lock().unwrap().altered = Some(vec![b'\0', b'a', b's', b'm', 9]);
    let error = world.check(&tool, false).unwrap_err();
    assert!(matches!(error, PullError::Other { .. }), "{error}");
    kept.lock().unwrap().altered = None;
    world.check(&tool, false).unwrap();
}

#[test]
fn attack_a_list_of_signatures_without_end() {
    let (server, kept) = modern();
    let (world, tool) = (World::new(), reference(&server.host(), "tool:1"));
    world.push(&tool, &artifact(1), Some("ours"));
    kept.lock().unwrap().times = 65;
    let error = world.check(&tool, false).unwrap_err();
    assert!(error.to_string().contains("more than 64"), "{error}");
    kept.lock().unwrap().times = 64;
    world.check(&tool, false).unwrap();
}
