//! Components in place of container images, and the file that says so.

use crate::stage::Stage;

const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec: {steps: [{name: hello, image: bash:5.2}]}
";

#[test]
fn a_component_runs_in_place_of_an_image_and_the_record_says_so() {
    let stage = Stage::with(&["hello.wat"]);
    stage.file("task.yaml", TASK);
    stage.file(
        "stepwell.toml",
        "[[images]]\nmatch = \"docker.io/library/bash*\"\nreplace = \"hello.wat\"\n",
    );
    let ended = stage.stepwell(&["run", "task.yaml", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let notice = ended
        .stdout
        .lines()
        .find(|line| line.contains(r#""type":"notice""#))
        .unwrap();
    assert!(
        notice.contains("hello.wat stands for the image bash:5.2"),
        "{notice}"
    );
    // The command line is stronger than the file.
    let other = stage.stepwell(&["run", "task.yaml", "--image", "bash*=missing.wasm"]);
    assert_eq!(other.code, Some(4), "{other:?}");
    assert!(other.stderr.contains("missing.wasm"), "{other:?}");
}

#[test]
fn what_nothing_stands_for_is_refused_with_what_would_help() {
    let stage = Stage::with(&["hello.wat"]);
    stage.file("task.yaml", TASK);
    let ended = stage.stepwell(&[
        "run",
        "task.yaml",
        "--offline",
        "--image",
        "alpine*=hello.wat",
    ]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("'bash:5.2=./step.wasm'"), "{ended:?}");
}

#[test]
fn mistakes_in_the_settings_have_their_place() {
    let stage = Stage::with(&["hello.wat"]);
    stage.file("task.yaml", TASK);
    stage.file("stepwell.toml", "[run]\nmax-paralel = 2\n");
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @r"
    --- stderr
    config::unknown_key

      × there is no setting `max-paralel`
       ╭─[stepwell.toml:2:1]
     1 │ [run]
     2 │ max-paralel = 2
       · ─────┬─────
       ·      ╰── unknown
       ╰────
      help: there is: max-parallel

    stepwell: the settings cannot be read; nothing has run
    --- exit 4
    ");
}
