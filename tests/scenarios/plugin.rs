//! A plugin with nothing beside it: explained, checked and run by what it says of itself.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::stage::{Stage, checkout};

/// A stage with the plugin `name` in its folder.
fn with(name: &str) -> (Stage, String) {
    let stage = Stage::new();
    let file = format!("{name}.wasm");
    let built = checkout().join("target/guests").join(&file);
    fs::copy(built, stage.path(&file)).unwrap();
    (stage, file)
}

fn said(output: &Output) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn it_runs_by_its_description() {
    let (stage, file) = with("manifest");
    let site = stage.folder("site");
    fs::write(site.join("index.html"), "hello").unwrap();
    let told = stage.run_at(&stage.path(&file), &["-w", "site=site"]);
    let told = told.succeeded();
    assert_eq!(told.result("files"), "1");
    let manifest = fs::read(site.join("MANIFEST.b3")).unwrap();
    let digest = blake3::hash(&manifest).to_hex().to_string();
    assert_eq!(told.result("digest"), digest.as_str());
}

#[test]
fn what_it_lacks_is_found_before_it_runs() {
    let (stage, file) = with("task-wants");
    let output = stage.stepwell(&["validate", &file]);
    assert!(output.status.success(), "{}", said(&output));
    let output = stage.stepwell(&["run", &file, "-w", "source=."]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("`level`"), "{}", said(&output));
    let given = [
        "run",
        &file,
        "-w",
        "source=.",
        "-p",
        "level=high",
        "-p",
        "paths=a,b",
    ];
    let output = stage.stepwell(&given);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn it_is_explained_and_written_down() {
    let (stage, file) = with("task-wants");
    let manual = said(&stage.stepwell(&["help", &file]));
    for part in [
        "task-wants 1.2.3",
        "stepwell run task-wants.wasm -p level=… [-p NAME=VALUE]… -w source=FOLDER [-w cache=FOLDER]",
        "owner  (object with name, mail, else `{\"mail\":\"nobody@example.org\",\"name\":\"nobody\"}`)",
        "cache  (written to, optional)",
        "--grant network=rules.example.org:443",
    ] {
        assert!(manual.contains(part), "{manual}");
    }
    let schema = stage.stepwell(&["inspect", &file, "-o", "json-schema"]);
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["level"]));
    assert_eq!(schema["properties"]["paths"]["default"][0], ".");

    let task = stage.stepwell(&["inspect", &file, "-o", "yaml"]);
    fs::write(stage.path("task.yaml"), &task.stdout).unwrap();
    let told = stage.run_at(
        &stage.path("task.yaml"),
        &["-w", "source=.", "-p", "level=low"],
    );
    told.succeeded();
}

#[test]
fn attack_a_description_that_cannot_be_meant() {
    let (stage, file) = with("task-lies");
    for command in [&["help"][..], &["run"], &["inspect", "-o", "yaml"]] {
        let output = stage.stepwell(&[command, &[&file]].concat());
        assert_eq!(output.status.code(), Some(4), "{}", said(&output));
        assert!(!said(&output).contains('\u{1b}'), "{:?}", said(&output));
        assert!(
            said(&output).contains("does not say what it is"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn a_program_does_not_say_what_it_is() {
    let (stage, file) = with("cli_hello");
    let output = stage.stepwell(&["run", &file]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("stepwell exec cli_hello.wasm"));
}
