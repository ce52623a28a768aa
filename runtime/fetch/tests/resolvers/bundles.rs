//! The resolver `bundles`, with a registry that people use.

use std::{
    fs,
    io::Write,
    sync::Arc,
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use stepwell_fetch::{FetchError, FetchOptions, Fetched, Fetcher};

use crate::{
    registry::{LOGIN, Layer, Registry},
    wanted::{blames_document, blames_environment, fetch, options},
};

fn task(fetcher: &Fetcher, bundle: &str, name: &str) -> Result<Fetched, FetchError> {
    fetch(
        fetcher,
        "bundles",
        &[("bundle", bundle), ("name", name), ("kind", "task")],
    )
}

fn with(folder: &tempfile::TempDir, change: impl FnOnce(&mut FetchOptions)) -> Fetcher {
    let mut options = options(folder.path());
    change(&mut options);
    Fetcher::new(options)
}

#[test]
fn an_object_is_found_by_tag_and_by_digest() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let temp = tempfile::tempdir().unwrap();
    let digest = registry.push(
        "team/bundle",
        "1.0",
        &[
            Layer::new("task", "build", "kind: Task\n"),
            Layer::new("pipeline", "build", "kind: Pipeline\n"),
        ],
    );
    let fetcher = with(&temp, |_| {});
    let repository = format!("{}/team/bundle", registry.host());
    for bundle in [
        format!("{repository}:1.0"),
        format!("{repository}@{digest}"),
        format!("{repository}:1.0@{digest}"),
    ] {
        let fetched = task(&fetcher, &bundle, "build").unwrap();
        assert_eq!(fetched.text, "kind: Task\n");
        assert_eq!(fetched.name, format!("{repository}@{digest}#task/build"));
        assert_eq!(
            fetched.provenance,
            serde_json::json!({
                "uri": repository,
                "digest": { "sha256": digest.to_hex() },
                "entryPoint": "build",
            })
        );
    }
    let params = [
        ("bundle", &*format!("{repository}:1.0")),
        ("name", "build"),
        ("kind", "Pipeline"),
    ];
    assert_eq!(
        fetch(&fetcher, "bundles", &params).unwrap().text,
        "kind: Pipeline\n"
    );
    // Without a kind it is the one that is wanted.
    assert_eq!(
        fetch(&fetcher, "bundles", &params[..2]).unwrap().text,
        "kind: Task\n"
    );
}

#[test]
fn what_is_not_there_is_the_documents_mistake() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let temp = tempfile::tempdir().unwrap();
    registry.push(
        "b",
        "1",
        &[
            Layer::new("task", "build", "x"),
            Layer::new("task", "test", "x"),
        ],
    );
    let fetcher = with(&temp, |_| {});
    let bundle = format!("{}/b:1", registry.host());
    blames_document(
        task(&fetcher, &bundle, "deploy"),
        "has no task `deploy`; it has task `build`, task `test`",
    );
    blames_document(
        task(&fetcher, &format!("{}/b:2", registry.host()), "build"),
        "there is no `",
    );
    blames_document(
        task(&fetcher, &format!("{}/c:1", registry.host()), "build"),
        "there is no `",
    );
    blames_document(
        task(&fetcher, "UPPER", "build"),
        "its repository may only have",
    );
    blames_document(
        fetch(&fetcher, "bundles", &[("bundle", &bundle)]),
        "the param `name` is missing",
    );
}

#[test]
fn a_login_is_taken_from_docker() {
    let Some(registry) = Registry::start(true) else {
        return;
    };
    let temp = tempfile::tempdir().unwrap();
    registry.push(
        "private/b",
        "1",
        &[Layer::new("task", "build", "secret task")],
    );
    let bundle = format!("{}/private/b:1", registry.host());
    let config = temp.path().join("config.json");
    let fetcher = || {
        with(&temp, |options| {
            options.docker_config = Some(config.clone())
        })
    };
    blames_environment(
        task(&fetcher(), &bundle, "build"),
        "without a login; log in with `docker login",
    );
    let login = |text: &str| {
        let auths = serde_json::json!({ "auths": { registry.host(): { "auth": text } } });
        fs::write(&config, auths.to_string()).unwrap();
    };
    login("bWU6d3Jvbmc=");
    blames_environment(
        task(&fetcher(), &bundle, "build"),
        "with the login there is",
    );
    login(LOGIN);
    assert_eq!(
        task(&fetcher(), &bundle, "build").unwrap().text,
        "secret task"
    );
}

#[test]
fn a_digest_is_kept_for_ever_and_a_tag_for_minutes() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let temp = tempfile::tempdir().unwrap();
    let start = SystemTime::now();
    let at = |age, offline| {
        with(&temp, |options| {
            options.now = Arc::new(move || start + Duration::from_secs(age));
            options.offline = offline;
        })
    };
    let digest = registry.push("b", "1", &[Layer::new("task", "build", "first")]);
    let tag = format!("{}/b:1", registry.host());
    let pinned = format!("{}/b@{digest}", registry.host());
    for bundle in [&tag, &pinned] {
        assert_eq!(task(&at(0, false), bundle, "build").unwrap().text, "first");
    }
    registry.push("b", "1", &[Layer::new("task", "build", "second")]);
    assert_eq!(task(&at(299, false), &tag, "build").unwrap().text, "first");
    assert_eq!(task(&at(301, false), &tag, "build").unwrap().text, "second");
    drop(registry);
    blames_environment(task(&at(1000, false), &tag, "build"), "failed to reach");
    assert_eq!(task(&at(1000, true), &tag, "build").unwrap().text, "second");
    assert_eq!(
        task(&at(1 << 30, false), &pinned, "build").unwrap().text,
        "first"
    );
    blames_environment(
        task(&at(0, true), &tag, "test"),
        "the cache does not hold it",
    );
}

#[test]
fn attack_too_many_objects_and_objects_without_a_name_are_refused() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let temp = tempfile::tempdir().unwrap();
    let fetcher = with(&temp, |_| {});
    let layers: Vec<Layer> = (0..21)
        .map(|at| Layer::new("task", &format!("t{at}"), "x"))
        .collect();
    registry.push("many", "20", &layers[..20]);
    registry.push("many", "21", &layers);
    let bundle = |tag| format!("{}/many:{tag}", registry.host());
    assert_eq!(task(&fetcher, &bundle(20), "t19").unwrap().text, "x");
    blames_document(
        task(&fetcher, &bundle(21), "t19"),
        "has 21 objects; a bundle has at most 20",
    );
    let mut nameless = Layer::new("task", "build", "x");
    nameless
        .annotations
        .as_object_mut()
        .unwrap()
        .remove("dev.tekton.image.name");
    registry.push("image", "1", &[layers[0].clone(), nameless]);
    blames_document(
        task(&fetcher, &format!("{}/image:1", registry.host()), "t0"),
        "its layer 1 has no annotation `dev.tekton.image.name`",
    );
}

#[test]
fn attack_a_layer_that_unpacks_to_too_much_is_refused() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let temp = tempfile::tempdir().unwrap();
    let fetcher = with(&temp, |options| options.limits.document = 100_000);
    let mut bomb = Layer::new("task", "bomb", "");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 32 << 20]).unwrap();
    bomb.packed = encoder.finish().unwrap();
    let large = Layer::new("task", "large", &"x".repeat(100_000));
    let larger = Layer::new("task", "larger", &"x".repeat(100_001));
    registry.push("b", "1", &[bomb, large, larger]);
    let bundle = format!("{}/b:1", registry.host());
    blames_document(
        task(&fetcher, &bundle, "bomb"),
        "has more than 100000 bytes",
    );
    blames_document(
        task(&fetcher, &bundle, "larger"),
        "has more than 100000 bytes",
    );
    assert_eq!(
        task(&fetcher, &bundle, "large").unwrap().text.len(),
        100_000
    );
}
