//! Which plugins there are: in a folder, in a registry, in a lock file.

use std::fs;

use serde_json::Value;

use crate::debian::Registry as Debian;
use crate::stage::{Stage, checkout};

/// A stage with a plugin, a program and something else in the folder `tools`.
fn stage() -> Stage {
    let stage = Stage::new();
    let tools = stage.folder("tools");
    for guest in ["manifest.wasm", "cli_hello.wasm"] {
        let built = checkout().join("target/guests").join(guest);
        fs::copy(built, tools.join(guest)).unwrap();
    }
    fs::write(tools.join("broken.wasm"), "nothing").unwrap();
    fs::write(tools.join("README.md"), "nothing").unwrap();
    stage
}

fn entries(stage: &Stage, source: &str, flags: &[&str]) -> Vec<Value> {
    let output = stage.stepwell(&[&["plugins", "list", source, "-o", "json"], flags].concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kinds(entries: &[Value]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|entry| {
            (
                entry["image"].as_str().unwrap(),
                entry["kind"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_folder_lists_what_its_components_say_and_what_others_are() {
    let stage = stage();
    let entries = entries(&stage, "tools", &[]);
    assert_eq!(
        kinds(&entries),
        [
            ("./tools/broken.wasm", "unknown"),
            ("./tools/cli_hello.wasm", "program"),
            ("./tools/manifest.wasm", "plugin"),
        ]
    );
    let task = &entries[2]["task"];
    assert_eq!(task["kind"], "Task");
    assert_eq!(task["spec"]["steps"][0]["image"], "./tools/manifest.wasm");
    assert_eq!(entries[2]["description"]["name"], "manifest");
    let listed = stage.stepwell(&["plugins", "list", "tools"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(
        text.contains("manifest") && text.contains("an ordinary program"),
        "{text}"
    );
}

#[test]
fn one_of_them_shows_its_manual_and_the_task_that_it_is() {
    let stage = stage();
    let shown = stage.stepwell(&["plugins", "info", "tools/manifest.wasm"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.starts_with("manifest "), "{text}");
    assert!(text.contains("    kind: Task\n"), "{text}");
    for (file, code) in [
        ("tools/cli_hello.wasm", 4),
        ("tools/broken.wasm", 4),
        ("tools/No", 2),
    ] {
        let refused = stage.stepwell(&["plugins", "info", file]);
        assert_eq!(refused.status.code(), Some(code), "{refused:?}");
    }
}

#[test]
fn a_namespace_and_a_lock_list_the_same_plugin_and_a_lock_does_so_offline() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let stage = stage();
    let reference = format!("{}/team/manifest:1", debian.host());
    let other = format!("{}/other/manifest:1", debian.host());
    for reference in [&reference, &other] {
        let pushed = stage.stepwell(&["push", "tools/manifest.wasm", reference]);
        assert!(pushed.status.success(), "{pushed:?}");
    }
    let namespace = format!("{}/team", debian.host());
    let listed = entries(&stage, &namespace, &[]);
    assert_eq!(kinds(&listed), [(reference.as_str(), "plugin")]);
    let updated = stage.stepwell(&["update", &reference]);
    assert!(updated.status.success(), "{updated:?}");
    let pinned = format!("{reference}@{}", listed[0]["digest"].as_str().unwrap());
    let locked = entries(&stage, "stepwell.lock", &[]);
    assert_eq!(kinds(&locked), [(pinned.as_str(), "plugin")]);
    drop(debian);
    let offline = entries(&stage, "stepwell.lock", &["--offline"]);
    assert_eq!(offline, locked);
    let gone = stage.stepwell(&["plugins", "list", &namespace]);
    assert_eq!(gone.status.code(), Some(3), "{gone:?}");
}

#[test]
fn a_plugin_in_a_registry_runs_by_its_reference_and_nothing_else() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let stage = stage();
    let reference = format!("{}/team/manifest:1.2", debian.host());
    let pushed = stage.stepwell(&["push", "tools/manifest.wasm", &reference]);
    assert!(pushed.status.success(), "{pushed:?}");
    let site = stage.folder("site");
    fs::write(site.join("index.html"), "hello").unwrap();
    let run = ["run", "-o", "json", &reference];
    let ran = stage.stepwell(&[&run[..], &["-w", "site=site"]].concat());
    assert!(ran.status.success(), "{ran:?}");
    assert!(site.join("MANIFEST.b3").is_file());
    // Checked like any Task before it runs.
    let refused = stage.stepwell(&[&run[..], &["-w", "site=site", "-p", "level=1"]].concat());
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("-p level="), "{said}");
    let planned = stage.stepwell(&["plan", &reference]);
    let planned = String::from_utf8(planned.stdout).unwrap();
    assert!(planned.contains("workspace site"), "{planned}");
}

#[test]
fn a_reference_that_names_no_plugin_is_told_as_one() {
    let Some(debian) = Debian::start(false) else {
        return;
    };
    let stage = stage();
    let reference = format!("{}/team/program:1", debian.host());
    let pushed = stage.stepwell(&["push", "tools/cli_hello.wasm", &reference]);
    assert!(pushed.status.success(), "{pushed:?}");
    let refused = stage.stepwell(&["run", &reference]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("does not say what it is"), "{said}");
}
