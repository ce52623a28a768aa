//! What a registry lists: Debian's, and servers that list without an end.

use std::sync::Arc;

use serde_json::json;
use stepwell_registry::{
    About, Artifact, Http, HttpOptions, Reference, Registry, RegistryError, RegistryOptions,
    SigningKey,
};

use crate::{
    debian::Registry as Debian,
    server::{Reply, Server},
};

fn registry() -> Registry {
    let http = Arc::new(Http::new(&HttpOptions::default()).unwrap());
    Registry::new(http, RegistryOptions::default())
}

fn listed(registry: &Registry, namespace: &str) -> Result<Vec<String>, RegistryError> {
    let found = registry.artifacts(&namespace.parse().unwrap())?;
    Ok(found.iter().map(Reference::to_string).collect())
}

#[test]
fn a_namespace_is_listed_by_all_tags_of_its_repositories() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let (registry, host) = (registry(), debian.host());
    let artifact = Artifact::new(b"\0asm".to_vec(), &About::default());
    let key = std::fs::read_to_string("tests/minisign/ours.key").unwrap();
    let key = SigningKey::read(&key, None).unwrap();
    for name in [
        "team/lint:1",
        "team/lint:2",
        "team/fmt:1",
        "teams/other:1",
        "alone:1",
    ] {
        let reference: Reference = format!("{host}/{name}").parse().unwrap();
        registry.push(&reference, &artifact).unwrap();
        let signature = key.sign(artifact.manifest(), &reference);
        registry
            .push_signature(&reference, artifact.manifest(), &signature)
            .unwrap();
    }
    let all = |names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("{host}/{name}")).collect()
    };
    let team = listed(&registry, &format!("{host}/team")).unwrap();
    assert_eq!(team, all(&["team/fmt:1", "team/lint:1", "team/lint:2"]));
    let lint = listed(&registry, &format!("{host}/team/lint")).unwrap();
    assert_eq!(lint, all(&["team/lint:1", "team/lint:2"]));
    assert_eq!(listed(&registry, host).unwrap().len(), 5);
}

#[test]
fn a_list_in_pages_is_read_to_its_end() {
    let server = Server::plain(|request| {
        let page = |names: &[&str]| Reply::ok(json!({ "repositories": names }).to_string());
        match request.path.as_str() {
            "/v2/_catalog?n=1000" => page(&["a", "b"]).with("Link", "</elsewhere>; rel=\"next\""),
            "/v2/_catalog?n=1000&last=b" => page(&["c"]),
            _ => Reply::ok(json!({ "tags": ["1"] }).to_string()),
        }
    });
    let names = listed(&registry(), &server.host()).unwrap();
    let names: Vec<_> = names
        .iter()
        .map(|name| name.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["a:1", "b:1", "c:1"]);
}

#[test]
fn attack_a_list_without_an_end_or_one_that_turns_in_a_circle() {
    // One that turns ends when it begins again.
    let circle = Server::plain(|request| match request.path.contains("_catalog") {
        true => Reply::ok(json!({ "repositories": ["a"] }).to_string()).with("Link", "<x>"),
        false => Reply::ok(json!({ "tags": null }).to_string()),
    });
    assert_eq!(listed(&registry(), &circle.host()).unwrap(), [""; 0]);
    assert_eq!(
        circle
            .asked()
            .iter()
            .filter(|asked| asked.path.contains("_catalog"))
            .count(),
        2
    );
    let names: Vec<String> = (0..10_001).map(|number| format!("r{number}")).collect();
    let endless = Server::plain(move |_| Reply::ok(json!({ "repositories": names }).to_string()));
    let error = listed(&registry(), &endless.host()).unwrap_err();
    assert!(error.to_string().contains("more than 10000"), "{error}");
}

#[test]
fn attack_names_that_are_none_are_left_out() {
    let server = Server::plain(|request| match request.path.contains("_catalog") {
        true => Reply::ok(json!({ "repositories": ["../x", "ok", "A\u{1b}"] }).to_string()),
        false => Reply::ok(json!({ "tags": ["1", "a b", "../.."] }).to_string()),
    });
    let names = listed(&registry(), &server.host()).unwrap();
    assert_eq!(names, [format!("{}/ok:1", server.host())]);
}
