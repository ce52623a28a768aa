//! `stepwell.lock`: what names meant first is what they mean, and what `--locked` does not let in.

use std::fs;

use serde_json::Value;

use crate::debian::Registry as Debian;
use crate::ship::{NOTHING, stage, task};
use crate::stage::Stage;

/// Another component than [`NOTHING`]: one that traps.
fn another(stage: &Stage) {
    let (start, _) = NOTHING.split_at(NOTHING.len() - 6);
    let trap = b"\x0a\x05\x01\x03\0\0\x0b";
    fs::write(stage.path("tool.wasm"), [start, trap].concat()).unwrap();
}

fn push(stage: &Stage, reference: &str) -> String {
    let pushed = stage.stepwell(&["push", "tool.wasm", reference, "-o", "json"]);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let said: Value = serde_json::from_str(&pushed.stdout).unwrap();
    said["digest"].as_str().unwrap().to_owned()
}

/// What became of a run of the task: 0 where it ran [`NOTHING`], 5 where it ran [`another`].
fn ran(stage: &Stage, flags: &[&str]) -> Option<i32> {
    let ended = stage.stepwell(&[&["run", "task.yaml"], flags].concat());
    assert!(matches!(ended.code, Some(0 | 5)), "{ended:?}");
    ended.code
}

/// A registry, a folder with a Task, and the reference of the image that it names; nothing where there is no registry.
fn world() -> Option<(Debian, Stage, String)> {
    let debian = Debian::start(false)?;
    let stage = stage();
    let reference = format!("{}/tool:1", debian.host());
    task(&stage, &reference);
    Some((debian, stage, reference))
}

#[test]
fn a_name_means_what_it_meant_first_until_it_is_updated() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let stage = stage();
    stage.file("stepwell.toml", "");
    let reference = format!("{}/tool:latest", debian.host());
    task(&stage, &reference);
    let first = push(&stage, &reference);
    assert_eq!(ran(&stage, &[]), Some(0));
    let lock = fs::read_to_string(stage.path("stepwell.lock")).unwrap();
    let entry = format!("[[image]]\nreference = \"{reference}\"\ndigest = \"{first}\"\n");
    assert!(lock.ends_with(&entry), "{lock}");
    another(&stage);
    let second = push(&stage, &reference);
    assert_ne!(first, second);
    for flags in [&[][..], &["--locked"], &["--offline"]] {
        assert_eq!(ran(&stage, flags), Some(0));
    }
    // On another machine too, where nothing is in the store yet.
    fs::remove_dir_all(stage.path("cache")).unwrap();
    assert_eq!(ran(&stage, &["--locked"]), Some(0));
    let updated = stage.stepwell(&["update", "-o", "json"]);
    let said: Value = serde_json::from_str(&updated.stdout).unwrap();
    assert_eq!(
        (&said["before"], &said["digest"]),
        (&first.into(), &second.into())
    );
    assert_eq!(ran(&stage, &["--locked"]), Some(5));
}

#[test]
fn attack_an_image_that_is_not_locked_runs_in_ci() {
    let Some((_debian, stage, reference)) = world() else {
        return;
    };
    push(&stage, &reference);
    // With a project's settings or without any.
    for settings in [false, true] {
        if settings {
            stage.file("stepwell.toml", "");
        }
        for command in ["run", "verify"] {
            let refused = stage.stepwell(&[command, "task.yaml", "--locked"]);
            assert_eq!(refused.code, Some(4), "{refused:?}");
            assert!(
                refused.stderr.contains("`stepwell.lock` does not have"),
                "{refused:?}"
            );
        }
        assert!(!stage.path("stepwell.lock").exists());
    }
    let updated = stage.stepwell(&["update", &reference]);
    assert_eq!(updated.code, Some(0), "{updated:?}");
    assert_eq!(ran(&stage, &["--locked"]), Some(0));
}

#[test]
fn attack_a_registry_has_something_else_for_what_is_locked() {
    let Some((_debian, stage, reference)) = world() else {
        return;
    };
    push(&stage, &reference);
    let locked = format!(
        "version = 1\n[[image]]\nreference = \"{reference}\"\ndigest = \"sha256:{}\"\n",
        "0".repeat(64)
    );
    stage.file("stepwell.lock", &locked);
    let refused = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stderr.contains("there is no"), "{refused:?}");
    stage.file("stepwell.lock", "version = 1\n[[image]]\n");
    let refused = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(
        refused.stderr.contains("is not what stepwell writes"),
        "{refused:?}"
    );
    stage.file("stepwell.lock", "version = 1\n");
    assert_eq!(ran(&stage, &[]), Some(0));
}

#[test]
fn a_folder_that_is_no_project_gets_no_lock() {
    let Some((_debian, stage, reference)) = world() else {
        return;
    };
    push(&stage, &reference);
    assert_eq!(ran(&stage, &[]), Some(0));
    assert!(!stage.path("stepwell.lock").exists());
}
