//! Scripts whose interpreter is a component.

use std::fs;

use crate::hash::sha256;
use crate::stage::Stage;

#[test]
fn a_component_is_the_interpreter_of_a_script() {
    let stage = Stage::new();
    let content = "what was published\n";
    fs::write(stage.folder("tree").join("file.txt"), content).unwrap();
    let sum = format!("sum={}", sha256(content.as_bytes()));
    let told = stage
        .run("script.yaml", &["-w", "tree=tree", "-p", &sum])
        .succeeded();
    assert_eq!(
        told.stdout("shown"),
        [
            "#!/usr/bin/env interpreter",
            "hello world",
            "/workspace/tree $(date)",
            "arg one",
            "arg two three",
        ]
    );
    assert_eq!(
        told.stdout("without-a-first-line"),
        ["#!/bin/sh", "set -e", "hello"]
    );
    assert_eq!(told.stdout("check"), ["file.txt: OK"]);
}

#[test]
fn a_script_that_says_otherwise_fails_the_run() {
    let stage = Stage::new();
    fs::write(stage.folder("tree").join("file.txt"), "what came\n").unwrap();
    let sum = format!("sum={}", sha256(b"what was published\n"));
    let told = stage.run(
        "script.yaml",
        &["-w", "tree=tree", "-p", &sum, "-p", "who=you"],
    );
    assert_eq!(told.code, Some(5), "{told:?}");
    assert!(told.stdout("shown").contains(&"hello you"), "{told:?}");
    assert_eq!(told.stdout("check"), ["file.txt: FAILED"]);
}
