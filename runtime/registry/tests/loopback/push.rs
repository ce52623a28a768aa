//! Components pushed to Debian's registry, open and locked, with TLS and without; and to servers that do not play by the rules.

use std::{fs, sync::Arc};

use serde_json::json;
use stepwell_contract::{Cancel, ImagePullPolicy, Platform};
use stepwell_registry::{
    About, Artifact, Http, HttpOptions, ImageStore, Power, Pull, PulledCode, Reference, Registry,
    RegistryError, RegistryOptions, World, auth::Keychain,
};

use crate::{
    debian::{LOGIN, Registry as Debian},
    server::{Reply, Server, tls_file},
};

fn artifact() -> Artifact {
    let about = About {
        world: Some(World {
            exports: vec!["wasi:cli/run@0.2.12".to_owned()],
            imports: Vec::new(),
        }),
        file_name: "tool.wasm".to_owned(),
        ..About::default()
    };
    Artifact::new(b"\0asm\x0d\0\x01\0".to_vec(), &about)
}

fn reference(host: &str, name: &str) -> Reference {
    format!("{host}/{name}").parse().unwrap()
}

/// A registry that is spoken to with this login, or with none.
fn registry(host: &str, login: Option<&str>) -> (tempfile::TempDir, Registry) {
    let temp = tempfile::tempdir().unwrap();
    let config = temp.path().join("config.json");
    let auths = match login {
        Some(login) => json!({ "auths": { host: { "auth": login } } }),
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
    (temp, Registry::new(http, options))
}

/// What the reference means, pulled into a new store.
fn pulled(registry: &Registry, reference: &Reference) -> Vec<u8> {
    let temp = tempfile::tempdir().unwrap();
    let store = ImageStore::open(temp.path().join("images")).unwrap();
    let pull = Pull {
        reference,
        platform: &Platform::host(),
        policy: ImagePullPolicy::Always,
        components_only: true,
        offline: false,
    };
    let pulled = store.pull(registry, &pull, &(), &Cancel::new()).unwrap();
    assert_eq!(pulled.digest, artifact().digest());
    match pulled.code {
        PulledCode::Component(bytes) => bytes,
        PulledCode::Container(_) => panic!("it is a component"),
    }
}

#[test]
fn what_is_pushed_comes_back_and_pushing_it_again_changes_nothing() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let (_temp, registry) = registry(debian.host(), None);
    let reference = reference(debian.host(), "team/tool:1.2");
    for _ in 0..2 {
        let digest = registry.push(&reference, &artifact()).unwrap();
        assert_eq!(digest, artifact().digest());
        assert_eq!(pulled(&registry, &reference), b"\0asm\x0d\0\x01\0");
    }
}

#[test]
fn a_locked_registry_takes_a_push_with_the_right_login_and_with_no_other() {
    for with_tls in [false, true] {
        let Some(mut debian) = Debian::start(true) else {
            return;
        };
        if with_tls {
            let (certificate, key) = (tls_file("server.pem"), tls_file("server.key"));
            debian = debian.with_tls(&certificate, &key).unwrap();
        }
        let reference = reference(debian.host(), "tool:1");
        // `me:wrong`.
        for login in [None, Some("bWU6d3Jvbmc=")] {
            let (_temp, registry) = registry(debian.host(), login);
            let error = registry.push(&reference, &artifact()).unwrap_err();
            let to = Power::Write;
            assert!(
                matches!(error, RegistryError::Denied { to: found, .. } if found == to),
                "{error}"
            );
        }
        let (_temp, registry) = registry(debian.host(), Some(LOGIN));
        registry.push(&reference, &artifact()).unwrap();
        assert_eq!(pulled(&registry, &reference), b"\0asm\x0d\0\x01\0");
    }
}

#[test]
fn a_reference_by_digest_is_no_name_to_push_to() {
    let (_temp, registry) = registry("localhost:1", None);
    let pinned = format!("localhost:1/tool@{}", artifact().digest());
    let error = registry.push(&pinned.parse().unwrap(), &artifact());
    assert!(matches!(error, Err(RegistryError::NoTag(_))));
}

/// A registry that begins uploads and sends what comes to `elsewhere`, and asks for a login first.
fn sending_to(elsewhere: String) -> Server {
    Server::plain(move |request| match request.method.as_str() {
        _ if request.header("authorization").is_none() => {
            Reply::status(401).with("WWW-Authenticate", "Basic realm=\"x\"")
        }
        "HEAD" => Reply::status(404),
        "POST" => Reply::status(202).with("Location", elsewhere.clone()),
        _ => Reply::status(201),
    })
}

#[test]
fn attack_a_registry_that_has_blobs_sent_elsewhere_does_not_get_the_login_sent_there() {
    let thief = Server::plain(|_| Reply::status(201));
    let server = sending_to(thief.url("/take?session=1"));
    let (_temp, registry) = registry(&server.host(), Some(LOGIN));
    let reference = reference(&server.host(), "tool:1");
    registry.push(&reference, &artifact()).unwrap();
    let asked = thief.asked();
    assert!(!asked.is_empty());
    for request in &asked {
        assert_eq!(request.header("authorization"), None);
        assert!(
            request.path.starts_with("/take?session=1&digest=sha256%3A"),
            "{}",
            request.path
        );
    }
    // The twin: at home it is shown.
    let server = sending_to("/v2/tool/upload".to_owned());
    let (_temp, registry) = self::registry(&server.host(), Some(LOGIN));
    let reference = self::reference(&server.host(), "tool:1");
    registry.push(&reference, &artifact()).unwrap();
    let sent = server.asked();
    let put = sent
        .iter()
        .find(|request| request.path.starts_with("/v2/tool/upload"));
    assert!(put.unwrap().header("authorization").is_some());
}

#[test]
fn attack_a_registry_that_redirects_what_is_sent_to_it_is_refused() {
    let thief = Server::plain(|_| Reply::status(201));
    let elsewhere = thief.url("/take");
    let server = Server::plain(move |request| match request.method.as_str() {
        "HEAD" => Reply::status(404),
        _ => Reply::status(307).with("Location", elsewhere.clone()),
    });
    let (_temp, registry) = registry(&server.host(), None);
    let error = registry.push(&reference(&server.host(), "tool:1"), &artifact());
    assert!(
        matches!(error, Err(RegistryError::Http { .. })),
        "{error:?}"
    );
    assert!(thief.asked().is_empty());
}

#[test]
fn a_registry_that_begins_no_upload_or_takes_no_manifest_is_named() {
    for (begins, takes, expected) in [
        (Reply::status(202), Reply::status(201), "where to send"),
        (Reply::status(405), Reply::status(201), "405"),
        (
            Reply::status(202).with("Location", "/v2/tool/upload"),
            Reply::status(413),
            "413",
        ),
    ] {
        let server = Server::plain(move |request| match request.method.as_str() {
            "HEAD" => Reply::status(404),
            "POST" => begins.clone(),
            _ => takes.clone(),
        });
        let (_temp, registry) = registry(&server.host(), None);
        let error = registry.push(&reference(&server.host(), "tool:1"), &artifact());
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
