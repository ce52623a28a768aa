//! Components in place of container images, and the file that says so.

use crate::images;
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
        "[[images]]\nmatch = \"docker.io/library/bash*\"\nreplace = \"./hello.wat\"\n",
    );
    let ended = stage.stepwell(&["run", "task.yaml", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let notice = ended
        .stdout
        .lines()
        .find(|line| line.contains(r#""type":"notice""#))
        .unwrap();
    assert!(
        notice.contains("./hello.wat stands for the image bash:5.2 (stepwell.toml:1)"),
        "{notice}"
    );
    assert!(
        ended
            .stdout
            .contains(r#""image":"bash:5.2","runs":"./hello.wat""#),
        "{ended:?}"
    );
    let shown = stage.stepwell(&["runs", "show", "task-run"]);
    let rows = "ASKED FOR  RUNS\nbash:5.2   ./hello.wat\n";
    assert!(shown.stdout.contains(rows), "{shown:?}");
    // The command line is stronger than the file.
    let other = stage.stepwell(&["run", "task.yaml", "--image", "bash*=./missing.wasm"]);
    assert_eq!(other.code, Some(4), "{other:?}");
    assert!(other.stderr.contains("missing.wasm"), "{other:?}");
}

#[test]
fn any_image_stands_for_one_that_is_named_by_its_digest() {
    let stage = Stage::with(&["hello.wat"]);
    images::lay_out(&stage, "layout", &images::hello(&stage));
    std::fs::create_dir(stage.path("project")).unwrap();
    let pinned = format!("mirror.example.com/bash@sha256:{}", "0".repeat(64));
    let task = TASK.replace("bash:5.2", &format!("\"{pinned}\""));
    stage.file("project/task.yaml", &task);
    stage.file(
        "project/stepwell.toml",
        "[[images]]\nmatch = \"mirror.example.com/bash@sha256:*\"\nreplace = \"oci:../layout:1\"\n",
    );
    let ended = stage.stepwell(&["run", "project/task.yaml", "--offline", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = format!(r#""image":"{pinned}","runs":"oci:project/../layout:1""#);
    assert!(ended.stdout.contains(&told), "{ended:?}");
    let plan = stage.stepwell(&["plan", "project/task.yaml"]);
    let shown = format!("{pinned}  → oci:project/../layout:1 (project/stepwell.toml:1)");
    assert!(plan.stdout.contains(&shown), "{plan:?}");
    // What stands for it cannot be had either.
    let flag = "*=oci:layout:2";
    let missing = stage.stepwell(&["run", "project/task.yaml", "--image", flag]);
    assert_eq!(missing.code, Some(4), "{missing:?}");
    let told = "`oci:layout:2` stands for it, as `--image` says";
    assert!(
        missing.stderr.replace("\n        ", " ").contains(told),
        "{missing:?}"
    );
}

#[test]
fn what_stands_for_an_image_is_written_as_an_image() {
    let stage = Stage::with(&["hello.wat"]);
    stage.file("task.yaml", TASK);
    let wrong = stage.stepwell(&["run", "task.yaml", "--image", "bash*=hello.wat"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("`./hello.wat`"), "{wrong:?}");
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
        "alpine*=./hello.wat",
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
