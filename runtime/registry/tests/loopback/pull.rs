//! Pulling from registries that lie, and logging in to those that ask.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use stepwell_registry::{
    Http, HttpError, HttpOptions, Reference, Registry, RegistryError, RegistryOptions, Sha256,
    auth::Keychain,
};

use crate::server::{Reply, Request, Server};

/// What a well-behaved registry hands out for everything.
const MANIFEST: &str = r#"{"schemaVersion":2,"layers":[]}"#;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn registry(keychain: Keychain) -> Registry {
    let http = Arc::new(Http::new(&HttpOptions::default()).unwrap());
    let options = RegistryOptions {
        keychain,
        ..RegistryOptions::default()
    };
    Registry::new(http, options)
}

fn reference(server: &Server, rest: &str) -> Reference {
    format!("{}/{rest}", server.host()).parse().unwrap()
}

/// A keychain with one login for this server; its file goes away with the folder.
fn login(folder: &std::path::Path, server: &Server, login: &str) -> Keychain {
    let config = folder.join("config.json");
    fs::write(
        &config,
        format!(r#"{{"auths":{{"{}":{login}}}}}"#, server.host()),
    )
    .unwrap();
    Keychain {
        config: Some(config),
        environment: Vec::new(),
    }
}

#[test]
fn a_manifest_and_a_blob_are_pulled_and_named_by_their_digest() {
    let blob = Sha256::of(b"blob");
    let server = Server::plain(move |request| match request.path.as_str() {
        "/v2/a/b/manifests/1" => Reply::ok(MANIFEST),
        path if path == format!("/v2/a/b/blobs/{blob}") => Reply::ok("blob"),
        _ => Reply::status(404),
    });
    let registry = registry(Keychain::default());
    let reference = reference(&server, "a/b:1");
    let pulled = registry.manifest(&reference, soon()).unwrap();
    assert_eq!(pulled.digest, Sha256::of(MANIFEST.as_bytes()));
    assert!(pulled.read().unwrap().layers.is_empty());
    assert_eq!(registry.blob(&reference, blob, 4, soon()).unwrap(), b"blob");
    assert!(
        server.asked()[0]
            .header("accept")
            .unwrap()
            .contains("oci.image.manifest")
    );
}

#[test]
fn attack_another_manifest_or_blob_than_the_one_named_is_refused() {
    let server = Server::plain(|_| Reply::ok(MANIFEST));
    let registry = registry(Keychain::default());
    let wrong = Sha256::of(b"something else");
    let right = Sha256::of(MANIFEST.as_bytes());
    let pinned = |digest: Sha256| reference(&server, &format!("a@{digest}"));
    for result in [
        registry
            .manifest(&pinned(wrong), soon())
            .map(|pulled| pulled.bytes),
        registry.blob(&pinned(right), wrong, 1000, soon()),
    ] {
        assert!(
            matches!(result, Err(RegistryError::Digest { .. })),
            "{result:?}"
        );
    }
    registry.manifest(&pinned(right), soon()).unwrap();
    registry.blob(&pinned(right), right, 1000, soon()).unwrap();
}

#[test]
fn attack_endless_manifests_blobs_and_tokens_are_not_held() {
    let server = Server::plain(|request| match request.path.as_str() {
        "/v2/asks/manifests/latest" => {
            let realm = format!("http://{}/token", request.header("host").unwrap());
            Reply::status(401).with("WWW-Authenticate", format!("Bearer realm=\"{realm}\""))
        }
        _ => Reply::Endless,
    });
    let registry = registry(Keychain::default());
    let is_too_large = |error: &RegistryError| {
        matches!(
            error,
            RegistryError::Http {
                source: HttpError::TooLarge { .. },
                ..
            }
        )
    };
    for name in ["endless", "asks"] {
        let error = registry
            .manifest(&reference(&server, name), soon())
            .unwrap_err();
        assert!(is_too_large(&error), "{name}: {error:?}");
    }
    let error = registry
        .blob(&reference(&server, "a"), Sha256::of(b""), 1000, soon())
        .unwrap_err();
    assert!(is_too_large(&error), "{error:?}");
}

#[test]
fn what_a_registry_says_is_told_apart() {
    let server = Server::plain(|request| match request.path.as_str() {
        "/v2/missing/manifests/latest" => Reply::status(404),
        "/v2/busy/manifests/latest" => Reply::Whole(
            429,
            Vec::new(),
            br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow\u001b[2J down"}]}"#.to_vec(),
        ),
        _ => Reply::status(403),
    });
    let registry = registry(Keychain::default());
    let error = |name| {
        registry
            .manifest(&reference(&server, name), soon())
            .unwrap_err()
    };
    assert!(error("missing").is_not_found());
    let busy = error("busy");
    assert!(
        busy.to_string()
            .ends_with("answered with 429: TOOMANYREQUESTS slow?[2J down"),
        "{busy}"
    );
    let denied = error("private");
    assert!(matches!(denied, RegistryError::Denied { .. }), "{denied}");
    assert!(
        denied
            .to_string()
            .contains(&format!("docker login {}", server.host())),
        "{denied}"
    );
}

/// Lets in who shows this; wants a password.
fn basic(shown: &'static str) -> impl Fn(&Request) -> Reply + Send + Sync {
    move |request| match request.header("authorization") {
        Some(given) if given == shown => Reply::ok(MANIFEST),
        _ => Reply::status(401).with("WWW-Authenticate", "Basic realm=\"x\""),
    }
}

#[test]
fn a_password_is_shown_to_a_registry_that_wants_one() {
    let temp = tempfile::tempdir().unwrap();
    let server = Server::plain(basic("Basic bWU6c2VjcmV0"));
    let anonymous = registry(Keychain::default());
    let error = anonymous
        .manifest(&reference(&server, "a"), soon())
        .unwrap_err();
    assert!(error.to_string().contains("without a login"), "{error}");
    let known = registry(login(temp.path(), &server, r#"{"auth":"bWU6c2VjcmV0"}"#));
    known.manifest(&reference(&server, "a"), soon()).unwrap();
    let wrong = registry(login(temp.path(), &server, r#"{"auth":"bWU6d3Jvbmc="}"#));
    let error = wrong
        .manifest(&reference(&server, "a"), soon())
        .unwrap_err();
    assert!(
        error.to_string().contains("with the login there is"),
        "{error}"
    );
}

/// A registry with a server for tokens beside it, which hands out `t` to whom `lets_in` is content with.
fn tokens(lets_in: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Server {
    Server::plain(move |request| {
        let is_known = request.header("authorization") == Some("Bearer t");
        match request.path.split('?').next().unwrap() {
            "/token" if lets_in(request) => Reply::ok(r#"{"token":"t"}"#),
            "/token" => Reply::status(401),
            _ if is_known => Reply::ok(MANIFEST),
            _ => {
                let realm = format!("http://{}/token", request.header("host").unwrap());
                Reply::status(401).with(
                    "WWW-Authenticate",
                    format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:a:*\""),
                )
            }
        }
    })
}

#[test]
fn attack_a_token_is_asked_for_to_read_and_for_nothing_more() {
    let server = tokens(|_| true);
    let registry = registry(Keychain::default());
    registry.manifest(&reference(&server, "a"), soon()).unwrap();
    registry.manifest(&reference(&server, "a"), soon()).unwrap();
    let paths: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(
        paths,
        [
            "/v2/a/manifests/latest",
            "/token?scope=repository%3Aa%3Apull&service=s",
            "/v2/a/manifests/latest",
            // The token is still good.
            "/v2/a/manifests/latest",
        ]
    );
}

#[test]
fn every_kind_of_login_gets_its_token() {
    let temp = tempfile::tempdir().unwrap();
    let by_password =
        tokens(|request| request.header("authorization") == Some("Basic bWU6c2VjcmV0"));
    let by_identity = tokens(|request| {
        let body = String::from_utf8_lossy(&request.body);
        request.method == "POST"
            && body.contains("refresh_token=i%2F")
            && body.contains("repository%3Aa%3Apull")
    });
    let never = tokens(|_| false);
    for (server, text) in [
        (&by_password, r#"{"auth":"bWU6c2VjcmV0"}"#),
        (&by_identity, r#"{"identitytoken":"i/"}"#),
        (&never, r#"{"registrytoken":"t"}"#),
    ] {
        let registry = registry(login(temp.path(), server, text));
        registry.manifest(&reference(server, "a"), soon()).unwrap();
    }
    let refused = registry(Keychain::default());
    let error = refused
        .manifest(&reference(&never, "a"), soon())
        .unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
}

#[test]
fn attack_a_login_is_not_sent_where_it_could_be_read() {
    let temp = tempfile::tempdir().unwrap();
    let server = Server::plain(|_| {
        Reply::status(401).with(
            "WWW-Authenticate",
            "Bearer realm=\"http://tokens.example/\"",
        )
    });
    let registry = registry(login(temp.path(), &server, r#"{"auth":"bWU6c2VjcmV0"}"#));
    let error = registry
        .manifest(&reference(&server, "a"), soon())
        .unwrap_err();
    assert!(matches!(error, RegistryError::Realm { .. }), "{error}");
}

#[test]
fn attack_a_registry_that_is_not_on_this_machine_is_spoken_to_with_tls() {
    let registry = registry(Keychain::default());
    let reference: Reference = "registry.invalid:5000/a".parse().unwrap();
    let error = registry.manifest(&reference, soon()).unwrap_err();
    let RegistryError::Http { source, .. } = error else {
        panic!("{error}");
    };
    assert!(
        source.to_string().contains("https://registry.invalid:5000"),
        "{source}"
    );
}
