//! Logins are found the way Docker finds them.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

fn keychain(folder: &std::path::Path, config: &str) -> Keychain {
    let path = folder.join("config.json");
    fs::write(&path, config).unwrap();
    let search = format!("{}:/usr/bin:/bin", folder.display());
    Keychain {
        config: Some(path),
        environment: vec![("PATH".into(), search.into())],
    }
}

/// Makes a credential helper of a few lines.
fn helper(folder: &std::path::Path, name: &str, script: &str) {
    let path = folder.join(format!("docker-credential-{name}"));
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
}

fn password(user: &str, secret: &str) -> Option<Login> {
    Some(Login::Password {
        user: user.to_owned(),
        secret: secret.to_owned(),
    })
}

#[test]
fn logins_that_stand_in_the_file_are_found() {
    let temp = tempfile::tempdir().unwrap();
    let keychain = keychain(
        temp.path(),
        r#"{"auths":{
            "ghcr.io":{"auth":"YTpiOmM="},
            "https://index.docker.io/v1/":{"auth":"aHViOnNlY3JldA=="},
            "https://old.example/v2/":{"username":"u","password":"p"},
            "id.example":{"auth":"","identitytoken":"i"},
            "reg.example":{"registrytoken":"r"},
            "empty.example":{}}}"#,
    );
    for (registry, login) in [
        ("ghcr.io", password("a", "b:c")),
        ("docker.io", password("hub", "secret")),
        ("old.example", password("u", "p")),
        ("id.example", Some(Login::Identity("i".to_owned()))),
        ("reg.example", Some(Login::Registry("r".to_owned()))),
        ("empty.example", None),
        ("other.example", None),
        ("ghcr.io.evil.example", None),
    ] {
        assert_eq!(keychain.find(registry).unwrap(), login, "{registry}");
    }
}

#[test]
fn helpers_are_asked_first_and_only_for_what_they_are_for() {
    let temp = tempfile::tempdir().unwrap();
    helper(
        temp.path(),
        "one",
        r#"read server; [ "$1" = get ] && echo "{\"ServerURL\":\"$server\",\"Username\":\"$server\",\"Secret\":\"s\"}""#,
    );
    helper(
        temp.path(),
        "all",
        "echo credentials not found in native keychain; exit 1",
    );
    let keychain = keychain(
        temp.path(),
        r#"{"credsStore":"all","credHelpers":{"a.example":"one"},
            "auths":{"a.example":{"auth":"eDp5"},"b.example":{"auth":"eDp5"}}}"#,
    );
    assert_eq!(
        keychain.find("a.example").unwrap(),
        password("a.example", "s")
    );
    assert_eq!(keychain.find("b.example").unwrap(), password("x", "y"));
    assert_eq!(keychain.find("c.example").unwrap(), None);
}

#[test]
fn a_token_of_a_helper_is_told_from_a_password() {
    let temp = tempfile::tempdir().unwrap();
    helper(
        temp.path(),
        "t",
        r#"echo '{"Username":"<token>","Secret":"i"}'"#,
    );
    let keychain = keychain(temp.path(), r#"{"credsStore":"t"}"#);
    assert_eq!(
        keychain.find("a").unwrap(),
        Some(Login::Identity("i".to_owned()))
    );
}

#[test]
fn a_file_that_is_not_there_holds_no_login() {
    let keychain = Keychain {
        config: Some("/nowhere/config.json".into()),
        environment: Vec::new(),
    };
    assert_eq!(keychain.find("ghcr.io").unwrap(), None);
    assert_eq!(Keychain::default().find("ghcr.io").unwrap(), None);
}

#[test]
fn what_does_not_work_is_said_with_its_place() {
    let temp = tempfile::tempdir().unwrap();
    helper(
        temp.path(),
        "broken",
        "echo the vault is locked >&2; exit 1",
    );
    helper(temp.path(), "babbles", "echo hello");
    for (config, text) in [
        ("{", "is not what Docker writes"),
        (r#"{"auths":{"a":{"auth":"%"}}}"#, "`auth` of `a` in"),
        (
            r#"{"credsStore":"missing"}"#,
            "failed to ask `docker-credential-missing`",
        ),
        (r#"{"credsStore":"broken"}"#, "the vault is locked"),
        (r#"{"credsStore":"babbles"}"#, "its answer is malformed"),
        (
            r#"{"credsStore":"../../bin/sh"}"#,
            "which no program can be called",
        ),
    ] {
        let error = keychain(temp.path(), config)
            .find("a")
            .unwrap_err()
            .to_string();
        assert!(error.contains(text), "{config}: {error}");
    }
}

#[test]
fn a_login_does_not_show_itself() {
    let shown = format!("{:?}", password("user", "secret"));
    assert!(
        !shown.contains("secret") && !shown.contains("user"),
        "{shown}"
    );
}
