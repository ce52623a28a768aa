//! Components that go to Debian's registry and come back, and run from there.

use std::fs;

use serde_json::Value;

use crate::debian::{LOGIN, Registry as Debian};
use crate::stage::Stage;

/// A core module with a memory and an empty `_start`, in binary.
pub(crate) const NOTHING: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\x07\x13\x02\x06memory\x02\0\x06_start\0\0\x0a\x04\x01\x02\0\x0b";

/// A folder with that in `tool.wasm`.
pub(crate) fn stage() -> Stage {
    let stage = Stage::new();
    fs::write(stage.path("tool.wasm"), NOTHING).unwrap();
    stage
}

/// A Task of one step, whose image this is.
pub(crate) fn task(stage: &Stage, image: &str) {
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: task}}\nspec:\n  steps:\n  - {{name: tool, image: \"{image}\"}}\n"
    );
    stage.file("task.yaml", &text);
}

#[test]
fn what_is_pushed_runs_by_its_reference_and_comes_back_as_it_was() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let stage = stage();
    let reference = format!("{}/team/tool:1.2", debian.host());
    let pushed = stage.stepwell(&["push", "tool.wasm", &reference, "-o", "json"]);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let said: Value = serde_json::from_str(&pushed.stdout).unwrap();
    // The same bytes from a file of another name are the same artifact.
    fs::rename(stage.path("tool.wasm"), stage.path("other.wasm")).unwrap();
    let again = stage.stepwell(&["push", "other.wasm", &reference, "-o", "json"]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(said["digest"], again["digest"]);
    task(&stage, &reference);
    let ended = stage.stepwell(&["run", "task.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let pulled = stage.stepwell(&["pull", &reference]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(fs::read(stage.path("tool.wasm")).unwrap(), NOTHING);
    let by_digest = format!(
        "{}/team/tool@{}",
        debian.host(),
        said["digest"].as_str().unwrap()
    );
    let pulled = stage.stepwell(&["pull", &by_digest, "--to", "third.wasm"]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(fs::read(stage.path("third.wasm")).unwrap(), NOTHING);
}

#[test]
fn a_locked_registry_wants_the_login_that_docker_left() {
    let Some(debian) = Debian::start(true) else {
        return;
    };
    let stage = stage();
    let reference = format!("{}/tool:1", debian.host());
    let push = |config: &str| {
        fs::create_dir_all(stage.path("docker")).unwrap();
        fs::write(stage.path("docker/config.json"), config).unwrap();
        let mut command = stage.command(&["push", "tool.wasm", &reference]);
        command.env("DOCKER_CONFIG", stage.path("docker"));
        stage.end(&mut command, b"")
    };
    let refused = push("{}");
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused.stderr.contains("does not let us write to"),
        "{refused:?}"
    );
    let config = serde_json::json!({ "auths": { debian.host(): { "auth": LOGIN } } });
    let pushed = push(&config.to_string());
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
}

#[test]
fn what_is_no_step_or_no_name_is_not_pushed() {
    let stage = stage();
    stage.file("text.wasm", "(module)");
    fs::write(stage.path("empty.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let digest = "0".repeat(64);
    let pinned = format!("localhost:1/tool@sha256:{digest}");
    for (file, reference, code, expected) in [
        ("text.wasm", "localhost:1/tool:1", 4, "in text"),
        ("empty.wasm", "localhost:1/tool:1", 4, "is no step"),
        ("missing.wasm", "localhost:1/tool:1", 2, "failed to read"),
        ("tool.wasm", "localhost:1/Tool", 2, "names no artifact"),
        ("tool.wasm", &pinned, 2, "a push needs a tag"),
        ("tool.wasm", "localhost:1/tool:1", 3, "failed to reach"),
    ] {
        let ended = stage.stepwell(&["push", file, reference]);
        assert_eq!(ended.code, Some(code), "{file} {reference}: {ended:?}");
        assert!(
            ended.stderr.contains(expected),
            "{file} {reference}: {ended:?}"
        );
    }
}
