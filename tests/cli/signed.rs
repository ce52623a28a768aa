//! Signatures that a project demands: what is let in, and what is not. How they are checked is tested in the registry's crate.

use std::fs;
use std::path::PathBuf;

use crate::debian::Registry as Debian;
use crate::ship::{stage, task};
use crate::stage::{Ended, Stage};

/// A key of minisign's, made for tests.
fn key(name: &str) -> PathBuf {
    let registry = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../runtime/registry");
    registry.join("tests/minisign").join(name)
}

fn push(stage: &Stage, reference: &str, signed_by: Option<&str>) {
    let key = signed_by.map(|name| key(name).display().to_string());
    let mut args = vec!["push", "tool.wasm", reference];
    args.extend(key.iter().flat_map(|key| ["--sign", key]));
    let pushed = stage.stepwell(&args);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
}

/// A project that trusts our key with what lies in `trusted/` of the registry.
fn trust(stage: &Stage, host: &str) {
    fs::copy(key("ours.pub"), stage.path("ours.pub")).unwrap();
    let rule = format!("[[signatures]]\nmatch = \"{host}/trusted/*\"\nkeys = [\"ours.pub\"]\n");
    stage.file("stepwell.toml", &rule);
}

fn run(stage: &Stage, reference: &str) -> Ended {
    task(stage, reference);
    stage.stepwell(&["run", "task.yaml"])
}

#[test]
fn what_is_signed_by_a_trusted_key_runs_and_so_does_what_no_rule_is_about() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let stage = stage();
    trust(&stage, debian.host());
    for (name, signed_by) in [("trusted/tool:1", Some("ours.key")), ("other/tool:1", None)] {
        let reference = format!("{}/{name}", debian.host());
        push(&stage, &reference, signed_by);
        let ended = run(&stage, &reference);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    // Once it was found to be signed, no network is needed for it.
    let reference = format!("{}/trusted/tool:1", debian.host());
    drop(debian);
    task(&stage, &reference);
    let ended = stage.stepwell(&["run", "task.yaml", "--offline", "--locked"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn attack_unsigned_and_wrongly_signed_images_are_refused_wherever_they_are_named() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let stage = stage();
    trust(&stage, debian.host());
    for (name, signed_by, why) in [
        ("none:1", None, "it has no signature"),
        ("other:1", Some("other.key"), "by none of the keys"),
    ] {
        let reference = format!("{}/trusted/{name}", debian.host());
        push(&stage, &reference, signed_by);
        let ended = run(&stage, &reference);
        assert_eq!(ended.code, Some(4), "{ended:?}");
        let text = ended.stderr.replace("\n  │ ", " ");
        assert!(
            text.contains(why) && text.contains("stepwell.toml:1"),
            "{text}"
        );
        for command in [&["pull", &reference][..], &["images", "pull", &reference]] {
            let ended = stage.stepwell(command);
            assert_eq!(ended.code, Some(4), "{ended:?}");
            assert!(ended.stderr.contains(why), "{ended:?}");
        }
        assert!(!stage.path("none.wasm").exists() && !stage.path("other.wasm").exists());
    }
    // What was refused is not in the lock, so that nobody takes it for something that was used.
    assert!(!stage.path("stepwell.lock").exists());
}

#[test]
fn a_locked_key_signs_with_its_password_and_not_without() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let stage = stage();
    trust(&stage, debian.host());
    let reference = format!("{}/trusted/tool:1", debian.host());
    let key = key("cheap.key").display().to_string();
    let push = |password: Option<&str>| {
        let mut command = stage.command(&["push", "tool.wasm", &reference, "--sign", &key]);
        command.envs(password.map(|password| ("STEPWELL_SIGN_PASSWORD", password)));
        stage.end(&mut command, b"")
    };
    for (password, why) in [
        (None, "which is locked"),
        (Some("wrong"), "another password"),
    ] {
        let ended = push(password);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(why), "{ended:?}");
    }
    assert_eq!(push(Some("secret")).code, Some(0));
    let ended = run(&stage, &reference);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_rule_without_a_key_and_a_key_that_is_none_are_mistakes() {
    let stage = stage();
    task(&stage, "./tool.wasm");
    for (text, code) in [
        ("[[signatures]]\nmatch = \"*\"\n", "config::bad_value"),
        (
            "[[signatures]]\nmatch = \"*\"\nkeys = []\n",
            "config::bad_value",
        ),
        ("[[signatures]]\nkeys = [\"RWQ\"]\n", "config::bad_value"),
        (
            "[[signatures]]\nmatch = \"*\"\nkeys = [\"a.pub\"]\nsigner = \"me\"\n",
            "config::unknown_key",
        ),
    ] {
        stage.file("stepwell.toml", text);
        let ended = stage.stepwell(&["run", "task.yaml"]);
        assert_eq!(ended.code, Some(4), "{ended:?}");
        assert!(ended.stderr.contains(code), "{text}: {ended:?}");
    }
    stage.file(
        "stepwell.toml",
        "[[signatures]]\nmatch = \"*\"\nkeys = [\"a.pub\"]\n",
    );
    let ended = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(ended.code, Some(0), "a file needs no signature: {ended:?}");
}
