//! Pulling images into a store, from registries that lie, break off and send elsewhere.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;
use stepwell_contract::{Cancel, CancelReason, ImagePullPolicy};
use stepwell_registry::{
    ImageProblem, LayerBounds, Observer, Pull, PullError, PulledCode, RegistryError, Sha256,
    auth::Keychain,
};

use crate::{
    server::{Reply, Server},
    shelf::{Shelf, World, amd64, container, reference},
};

#[test]
fn an_image_is_pulled_once_and_its_layers_are_read() {
    let server = Shelf::image(&[b"lower", b"upper", b"lower"]).serve();
    let world = World::new();
    let image = container(world.pull(&reference(&server, "a")).unwrap());
    assert_eq!(image.cmd, ["sh"]);
    let asked = server.asked().len();
    // The manifest, the configuration, and each layer once.
    assert_eq!(asked, 4);
    let store = world.store();
    for (layer, content) in image.layers.iter().zip(["lower", "upper", "lower"]) {
        let mut reader = store.layer(layer, &LayerBounds::default()).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        reader.finish().unwrap();
        assert_eq!(text, content);
    }
    drop(store);
    world.pull(&reference(&server, "a")).unwrap();
    assert_eq!(
        server.asked().len(),
        asked + 1,
        "only the tag is looked up again"
    );
}

#[test]
fn the_policy_says_whether_anybody_is_asked() {
    let server = Shelf::image(&[b"layer"]).serve();
    let (world, image) = (World::new(), reference(&server, "a:latest"));
    for (policy, offline) in [
        (ImagePullPolicy::Never, false),
        (ImagePullPolicy::Always, true),
    ] {
        let error = world.pull_with(&image, policy, offline).unwrap_err();
        match policy {
            ImagePullPolicy::Never => assert!(error.to_string().starts_with("ErrImageNeverPull: ")),
            _ => assert!(matches!(error, PullError::Absent { .. }), "{error}"),
        }
    }
    assert!(server.asked().is_empty());
    let digest = world
        .pull_with(&image, ImagePullPolicy::IfNotPresent, false)
        .unwrap()
        .digest;
    let asked = server.asked().len();
    for (policy, offline, more) in [
        (ImagePullPolicy::IfNotPresent, false, 0),
        (ImagePullPolicy::Never, false, 0),
        (ImagePullPolicy::Always, true, 0),
        (ImagePullPolicy::Always, false, 1),
    ] {
        let again = world.pull_with(&image, policy, offline).unwrap();
        assert_eq!(again.digest, digest);
        assert_eq!(server.asked().len(), asked + more, "{policy:?}");
    }
}

#[test]
fn the_image_for_the_platform_is_chosen_through_indexes() {
    let mut shelf = Shelf::image(&[b"layer"]);
    let manifest = shelf.latest.clone();
    let size = shelf.by_digest[&manifest].len();
    let entry = |digest: &str, architecture: &str| {
        json!({ "mediaType": "x", "digest": digest, "size": size,
            "platform": { "os": "linux", "architecture": architecture } })
    };
    let none = Sha256::of(b"none").to_string();
    shelf.tag(&json!({ "manifests": [entry(&none, "arm64"), entry(&manifest, "amd64")] }));
    let server = shelf.clone().serve();
    let pulled = World::new().pull(&reference(&server, "a")).unwrap();
    assert_eq!(pulled.manifest.to_string(), manifest);
    assert_eq!(pulled.digest.to_string(), shelf.latest);
    assert_eq!(container(pulled).manifest, manifest);
    shelf.tag(&json!({ "manifests": [entry(&none, "arm64")] }));
    let server = shelf.serve();
    let error = World::new().pull(&reference(&server, "a")).unwrap_err();
    let problem = ImageProblem::Platform {
        wanted: "linux/amd64".to_owned(),
        known: "linux/arm64".to_owned(),
    };
    assert!(error.is_reference());
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), problem.to_string());
}

#[test]
fn attack_indexes_in_indexes_come_to_an_end() {
    let mut shelf = Shelf::image(&[b"layer"]);
    let wrap = |shelf: &mut Shelf| {
        let inner = json!({ "mediaType": "x", "digest": shelf.latest, "size": 1 });
        shelf.tag(&json!({ "manifests": [inner] }));
    };
    for _ in 0..3 {
        wrap(&mut shelf);
    }
    let server = shelf.clone().serve();
    World::new().pull(&reference(&server, "a")).unwrap();
    wrap(&mut shelf);
    let server = shelf.serve();
    let error = World::new().pull(&reference(&server, "a")).unwrap_err();
    let PullError::Image { problem, .. } = error else {
        panic!("{error}");
    };
    assert!(matches!(problem, ImageProblem::Indexes), "{problem}");
}

#[test]
fn attack_an_index_that_names_itself_is_not_believed() {
    // Whatever is asked for, the same index comes, which names another digest than its own.
    let wanted = Sha256::of(b"an index").to_string();
    let index = json!({ "manifests": [{ "mediaType": "x", "digest": wanted, "size": 1 }] });
    let server = Server::plain(move |_| Reply::ok(index.to_string()));
    let error = World::new().pull(&reference(&server, "a")).unwrap_err();
    let is_digest = matches!(error, PullError::Registry(RegistryError::Digest { .. }));
    assert!(is_digest, "{error}");
}

#[test]
fn attack_a_layer_of_other_bytes_is_not_kept() {
    let mut shelf = Shelf::image(&[b"layer"]);
    let layer = Sha256::of(b"layer").to_string();
    let right = shelf
        .by_digest
        .insert(layer.clone(), b"LAYER".to_vec())
        .unwrap();
    let (server, world) = (shelf.clone().serve(), World::new());
    let error = world.pull(&reference(&server, "a")).unwrap_err();
    assert!(matches!(error, PullError::Other { .. }), "{error}");
    assert_eq!(world.store().list().unwrap(), []);
    shelf.by_digest.insert(layer, right);
    let server = shelf.serve();
    world.pull(&reference(&server, "a")).unwrap();
}

#[test]
fn attack_a_layer_that_is_longer_than_it_says_is_cut_off() {
    let mut shelf = Shelf::image(&[b"layer"]);
    shelf
        .by_digest
        .insert(Sha256::of(b"layer").to_string(), vec![b'x'; 1 << 20]);
    let server = shelf.clone().serve();
    let error = World::new().pull(&reference(&server, "a")).unwrap_err();
    assert!(
        matches!(error, PullError::Registry(RegistryError::Http { .. })),
        "{error}"
    );
    let endless = Server::plain(move |request| match request.path.contains("blobs") {
        true => Reply::Endless,
        false => shelf.answer(request),
    });
    let world = World::new();
    assert!(world.pull(&reference(&endless, "a")).is_err());
    let partial = fs::read_dir(world.temp.path().join("images/partial")).unwrap();
    let longest = partial
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .max();
    assert!(longest.unwrap_or(0) < 1000);
}

#[test]
fn attack_a_blob_that_breaks_off_is_gone_on_with() {
    let layer = b"a layer of some length".as_slice();
    let shelf = Shelf::image(&[layer]);
    let digest = Sha256::of(layer).to_string();
    let breaks = Arc::new(AtomicBool::new(true));
    let (first, breaking) = (shelf.clone(), Arc::clone(&breaks));
    let name = digest.clone();
    let server = Server::plain(move |request| {
        match request.path.ends_with(&name) && breaking.load(Ordering::SeqCst) {
            true => Reply::Cut(layer.len(), layer[..7].to_vec()),
            false => first.answer(request),
        }
    });
    let world = World::new();
    world.pull(&reference(&server, "a")).unwrap_err();
    breaks.store(false, Ordering::SeqCst);
    world.pull(&reference(&server, "a")).unwrap();
    let asked = server.asked();
    let ranges: Vec<_> = asked
        .iter()
        .filter(|request| request.path.ends_with(&digest))
        .map(|request| request.header("range"))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=7-")]);
}

#[test]
fn attack_what_was_left_of_a_blob_was_altered() {
    let layer = b"a layer of some length".as_slice();
    let shelf = Shelf::image(&[layer]);
    let (server, world) = (shelf.clone().serve(), World::new());
    drop(world.store());
    let partial = world.temp.path().join("images/partial");
    fs::write(partial.join(Sha256::of(layer).to_hex()), b"A LAYER").unwrap();
    world.pull(&reference(&server, "a")).unwrap();
    // A registry that has no ranges begins at the start.
    let world = World::new();
    drop(world.store());
    let partial = world.temp.path().join("images/partial");
    fs::write(partial.join(Sha256::of(layer).to_hex()), &layer[..7]).unwrap();
    let server = Server::plain(move |request| {
        let mut request = request.clone();
        request
            .headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case("range"));
        shelf.answer(&request)
    });
    world.pull(&reference(&server, "a")).unwrap();
}

#[test]
fn attack_a_blob_that_lives_elsewhere_is_got_without_the_login() {
    let shelf = Shelf::image(&[b"layer"]);
    let behind = shelf.clone();
    let elsewhere = Arc::new(Server::plain(move |request| behind.answer(request)));
    let target = elsewhere.url("");
    let server = Server::plain(move |request| {
        if request.header("authorization") != Some("Basic bWU6c2VjcmV0") {
            return Reply::status(401).with("WWW-Authenticate", "Basic realm=\"x\"");
        }
        match request.path.contains("/blobs/") {
            true => Reply::redirect(format!("{target}{}", request.path)),
            false => shelf.answer(request),
        }
    });
    let mut world = World::new();
    let config = world.temp.path().join("config.json");
    let text = json!({ "auths": { server.host(): { "auth": "bWU6c2VjcmV0" } } });
    fs::write(&config, text.to_string()).unwrap();
    world.options.keychain = Keychain {
        config: Some(config),
        environment: Vec::new(),
    };
    world.pull(&reference(&server, "a")).unwrap();
    let asked = elsewhere.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        asked
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
}

#[test]
fn a_mirror_is_asked_first_and_the_registry_where_it_fails() {
    let shelf = Shelf::image(&[b"layer"]);
    let (home, empty) = (shelf.clone().serve(), Shelf::default().serve());
    let mirror = shelf.clone().serve();
    let mut world = World::new();
    let mirrors = [format!("{}/hub", empty.host()), mirror.host()];
    let mirrors = mirrors
        .iter()
        .map(|mirror| mirror.parse().unwrap())
        .collect();
    world.options.mirrors.insert(home.host(), mirrors);
    world.pull(&reference(&home, "a/b")).unwrap();
    assert_eq!(empty.asked()[0].path, "/v2/hub/a/b/manifests/latest");
    assert_eq!(mirror.asked()[0].path, "/v2/a/b/manifests/latest");
    assert!(home.asked().is_empty());
    // A mirror that lies is one that does not have it.
    let lies = Server::plain(|_| Reply::ok("{}"));
    let mut world = World::new();
    world
        .options
        .mirrors
        .insert(home.host(), vec![lies.host().parse().unwrap()]);
    let pinned = reference(&home, &format!("a@{}", shelf.latest));
    world.pull(&pinned).unwrap();
    let mut world = World::new();
    world.options.mirrors.insert(
        empty.host(),
        vec![format!("{}/x", empty.host()).parse().unwrap()],
    );
    let error = world.pull(&reference(&empty, "a")).unwrap_err();
    let text = error.to_string();
    assert!(error.is_reference(), "{text}");
    assert!(
        text.contains(&format!("there is no `{}/x/a:latest`", empty.host())),
        "{text}"
    );
}

#[test]
fn a_wasm_artifact_is_a_component() {
    let mut shelf = Shelf::default();
    let config = shelf.part("application/vnd.wasm.config.v0+json", b"{}");
    let layer = shelf.part("application/wasm", b"\0asm");
    shelf.tag(&json!({ "config": config, "layers": [layer] }));
    let server = shelf.serve();
    let world = World::new();
    let pulled = world.pull(&reference(&server, "a")).unwrap();
    assert!(matches!(pulled.code, PulledCode::Component(bytes) if bytes == b"\0asm"));
    let held = world.store().list().unwrap();
    assert_eq!((held[0].kind.as_str(), held[0].size), ("component", 4));
}

#[test]
fn a_pull_can_be_stopped_while_nothing_comes() {
    let shelf = Shelf::image(&[b"layer"]);
    let server = Server::plain(move |request| match request.path.contains("/blobs/") {
        true => Reply::Silence,
        false => shelf.answer(request),
    });
    let world = World::new();
    let image = reference(&server, "a");
    let pull = Pull {
        reference: &image,
        platform: &amd64(),
        policy: ImagePullPolicy::Always,
        components_only: false,
        offline: false,
    };
    /// Asks to stop once the parts are known.
    struct Stops(Cancel);
    impl Observer for Stops {
        fn begins(&self, _: &[(Sha256, u64)]) {
            self.0.cancel(CancelReason::Asked);
        }
    }
    let cancel = Cancel::new();
    let stops = Stops(cancel.clone());
    let error = world
        .store()
        .pull(&world.registry(), &pull, &stops, &cancel)
        .unwrap_err();
    assert!(matches!(error, PullError::Cancelled), "{error}");
}

#[test]
fn whoever_watches_hears_of_every_part() {
    #[derive(Default)]
    struct Hears(Mutex<Vec<String>>);
    impl Observer for Hears {
        fn begins(&self, parts: &[(Sha256, u64)]) {
            let all: u64 = parts.iter().map(|(_, size)| size).sum();
            self.0
                .lock()
                .unwrap()
                .push(format!("{} of {all}", parts.len()));
        }
        fn ends(&self, _: Sha256) {
            self.0.lock().unwrap().push("end".to_owned());
        }
    }
    let shelf = Shelf::image(&[b"lower", b"upper"]);
    let config = shelf.by_digest.values().map(Vec::len).sum::<usize>()
        - shelf.by_digest[&shelf.latest].len();
    let server = shelf.serve();
    let (world, image) = (World::new(), reference(&server, "a"));
    let pull = Pull {
        reference: &image,
        platform: &amd64(),
        policy: ImagePullPolicy::Always,
        components_only: false,
        offline: false,
    };
    let hears = Hears::default();
    let (store, registry) = (world.store(), world.registry());
    store
        .pull(&registry, &pull, &hears, &Cancel::new())
        .unwrap();
    let heard = hears.0.lock().unwrap();
    assert_eq!(
        *heard,
        [
            format!("3 of {config}"),
            "end".to_owned(),
            "end".to_owned(),
            "end".to_owned()
        ]
    );
}

#[test]
fn a_container_where_only_components_will_do_is_refused_by_its_manifest_alone() {
    let shelf = Shelf::image(&[b"layer"]);
    let server = shelf.serve();
    let (world, image) = (World::new(), reference(&server, "a"));
    let pull = Pull {
        reference: &image,
        platform: &amd64(),
        policy: ImagePullPolicy::Always,
        components_only: true,
        offline: false,
    };
    let pulled = world
        .store()
        .pull(&world.registry(), &pull, &(), &Cancel::new());
    assert!(matches!(pulled, Err(PullError::Container(_))), "{pulled:?}");
    assert_eq!(server.asked().len(), 1);
}
