//! A plugin that runs native programs beside itself, on every way to run containers.

use std::fs;

use serde_json::Value;

use crate::boxes;
use crate::shelf::Backend;
use crate::stage::{Stage, Told, checkout};

/// A stage with the plugin, a container image for its programs in `box`, and a workspace.
fn set(stage: &Stage) {
    let built = checkout().join("target/guests/task-tools.wasm");
    fs::copy(built, stage.path("tools.wasm")).unwrap();
    let config =
        serde_json::json!({ "Env": ["PATH=/bin", "FROM=image"], "Entrypoint": ["/no-such"] });
    let image = boxes::container(&boxes::root(), &config);
    boxes::lay_out(&stage.path("box"), &[("1", image)]);
    fs::write(stage.folder("source").join("old"), "untouched").unwrap();
}

fn run(stage: &Stage, flag: &str, script: &str, more: &[&str]) -> Told {
    let command = serde_json::json!(["sh", "-c", script]).to_string();
    let command = format!("command={command}");
    let flags = [
        "-w",
        "source=source",
        "-p",
        &command,
        "--grant",
        "tools=oci:./box:1",
        flag,
    ];
    stage.run_at(&stage.path("tools.wasm"), &[&flags, more].concat())
}

fn files(told: &Told) -> Vec<String> {
    let files = told.result("files").as_array().unwrap().iter();
    files
        .map(|file| file.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_plugin_and_its_programs_work_in_the_same_workspace() {
    if !boxes::are_possible() {
        return;
    }
    for backend in Backend::all() {
        let stage = backend.stage();
        set(&stage);
        let script = "cat before > after; echo $FROM-$VARIABLE; pwd >&2; ls; exit 3";
        let captured = [
            "-p",
            "captured=true",
            "-p",
            "folder=/workspace/source",
            "-p",
            "variable=set",
        ];
        let told = run(&stage, backend.flag(), script, &captured).succeeded();
        assert_eq!(told.result("code"), "3", "{}", backend.name);
        assert_eq!(told.result("out"), "image-set\nafter\nbefore\nold\n");
        assert_eq!(told.result("err"), "/workspace/source\n");
        assert_eq!(files(&told), ["after", "before", "old"]);
        let after = fs::read_to_string(stage.path("source/after")).unwrap();
        assert_eq!(after, "written by the plugin");
        let old = fs::read_to_string(stage.path("source/old")).unwrap();
        assert_eq!(old, "untouched");
        // What is not captured is the log of the step.
        let told = run(&stage, backend.flag(), "echo out; echo err >&2", &[]).succeeded();
        assert_eq!(told.stdout("task-tools"), ["out"]);
        assert_eq!(told.stderr("task-tools"), ["err"]);
    }
}

#[test]
fn the_example_compiles_c_with_a_compiler_of_debians() {
    let names = ["tcc", "libc6", "libc6-dev", "linux-libc-dev"];
    if !boxes::are_possible() {
        return;
    }
    let Some(root) = boxes::packages(&names) else {
        return boxes::skipped("compilers", "Debian's `tcc` and `libc6-dev`");
    };
    for backend in Backend::all() {
        let stage = backend.stage();
        let built = checkout().join("target/guests/compile-c.wasm");
        fs::copy(built, stage.path("compile-c.wasm")).unwrap();
        let config = serde_json::json!({ "Env": ["PATH=/usr/bin"] });
        let image = boxes::container(&root, &config);
        boxes::lay_out(&stage.path("cc"), &[("1", image)]);
        let source = stage.folder("source");
        for file in ["main.c", "greet.c", "greet.h"] {
            let fixture = checkout().join("examples/compile-c/fixture").join(file);
            fs::copy(fixture, source.join(file)).unwrap();
        }
        let flags = [
            "-w",
            "source=source",
            "-p",
            "compiler=tcc",
            "--grant",
            "tools=oci:./cc:1",
        ];
        let plugin = stage.path("compile-c.wasm");
        let told = stage
            .run_at(&plugin, &[&flags[..], &[backend.flag()]].concat())
            .succeeded();
        assert_eq!(
            *told.result("files"),
            serde_json::json!(["greet.c", "main.c"])
        );
        let program = std::process::Command::new(source.join("program"))
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(program.stdout).unwrap(),
            "hello from C\n",
            "{}",
            backend.name
        );
        fs::write(source.join("main.c"), "int main(void) { return x; }").unwrap();
        let told = stage.run_at(&plugin, &[&flags[..], &[backend.flag()]].concat());
        assert_eq!(told.end("compile-c")["exitCode"], 1, "{}", backend.name);
        let said = told.stderr("compile-c").join("\n");
        assert!(said.contains("main.c"), "{}: {said}", backend.name);
    }
}

#[test]
fn attack_a_plugin_without_the_grant_runs_nothing() {
    let stage = Stage::new();
    let built = checkout().join("target/guests/task-tools.wasm");
    fs::copy(built, stage.path("tools.wasm")).unwrap();
    stage.folder("source");
    let flags = [
        "run",
        "tools.wasm",
        "-w",
        "source=source",
        "-p",
        "command=true",
    ];
    let refused = stage.stepwell(&flags);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("tools=IMAGE"), "{said}");
    assert!(!stage.path("source/before").exists());
    let manual = String::from_utf8(stage.stepwell(&["help", "tools.wasm"]).stdout).unwrap();
    assert!(manual.contains("--grant tools=busybox"), "{manual}");
    // A component is nothing that native programs run in, and `exec` has no containers.
    let granted = [&flags[..], &["--grant", "tools=./tools.wasm"]].concat();
    let refused = stage.stepwell(&granted);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("it is a component"), "{said}");
    let exec = stage.stepwell(&["exec", "tools.wasm", "--grant", "tools=gcc:14"]);
    assert_eq!(exec.status.code(), Some(2), "{exec:?}");
}

#[test]
fn attack_a_program_sees_nothing_of_the_host_and_no_other_folder_of_the_task() {
    if !boxes::are_possible() {
        return;
    }
    for backend in Backend::all() {
        let stage = backend.stage();
        set(&stage);
        fs::write(stage.path("secret"), "secret").unwrap();
        let secret = stage.path("secret").display().to_string();
        let script = format!(
            "cat {secret}; ls /tekton; ls /workspace; ip link 2>/dev/null | grep -c UP || true"
        );
        let told = run(&stage, backend.flag(), &script, &["-p", "captured=true"]).succeeded();
        let out = told.result("out").as_str().unwrap();
        assert!(
            !out.contains("secret\n") && out.contains("source\n"),
            "{}: {out}",
            backend.name
        );
        let err = told.result("err").as_str().unwrap();
        assert!(err.contains("/tekton"), "{}: {err}", backend.name);
    }
}

#[test]
fn a_program_that_does_not_end_is_stopped_with_its_step() {
    if !boxes::are_possible() {
        return;
    }
    let stage = Stage::new();
    set(&stage);
    let task = stage.stepwell(&["inspect", "tools.wasm", "-o", "yaml"]);
    let task = String::from_utf8(task.stdout).unwrap();
    let image = "image: ./tools.wasm";
    assert!(task.contains(image), "{task}");
    let task = task.replace(image, "image: ./tools.wasm\n    timeout: 2s");
    fs::write(stage.path("task.yaml"), task).unwrap();
    let command = "command=[\"sleep\", \"3600\"]";
    let told = stage.run_at(
        &stage.path("task.yaml"),
        &[
            "-w",
            "source=source",
            "-p",
            command,
            "--grant",
            "tools=oci:./box:1",
            "--container=embedded",
        ],
    );
    let end: &Value = told.end("task-tools");
    assert_eq!(end["terminationReason"], "TimeoutExceeded", "{end}");
}
