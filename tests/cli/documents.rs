//! How documents reach a run, and what is said of mistakes in them.

use crate::stage::Stage;

#[test]
fn a_document_is_read_from_standard_input() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    let text = std::fs::read(stage.path("task.yaml")).unwrap();
    let ended = stage.end(&mut stage.command(&["run", "-q", "-"]), &text);
    insta::assert_snapshot!(ended.text(), @"");
}

#[test]
fn a_path_starts_at_the_documents_folder() {
    let stage = Stage::with(&["hello.wat"]);
    std::fs::create_dir(stage.path("sub")).unwrap();
    let text = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: task}\nspec: {steps: [{name: a, image: ../hello.wat}]}\n";
    stage.file("sub/task.yaml", text);
    assert_eq!(stage.stepwell(&["run", "sub/task.yaml"]).code, Some(0));
    let ended = stage.end(&mut stage.command(&["run", "-"]), text.as_bytes());
    assert_eq!(ended.code, Some(4), "{ended:?}");
}

#[test]
fn several_tasks_need_a_choice() {
    let stage = Stage::with(&["hello.wat", "exit.wat"]);
    stage.file(
        "tasks.yaml",
        "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: good}
spec: {steps: [{name: a, image: ./hello.wat}]}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: bad}
spec: {steps: [{name: a, image: ./exit.wat}]}
",
    );
    assert_eq!(
        stage
            .stepwell(&["run", "tasks.yaml", "--task", "good"])
            .code,
        Some(0)
    );
    assert_eq!(
        stage.stepwell(&["run", "tasks.yaml", "--task", "bad"]).code,
        Some(5)
    );
    insta::assert_snapshot!(stage.stepwell(&["run", "tasks.yaml"]).text(), @"");
}

#[test]
fn several_mistakes_are_reported_together() {
    let stage = Stage::new();
    stage.file(
        "task.yaml",
        "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: task
spec:
  params:
  - name: level
  stepz: []
  steps:
  - name: a
    image: ./a.wasm
    imagee: ./b.wasm
    args: [$(params.levle), $(workspaces.src.path)]
",
    );
    let ended = stage.stepwell(&["run", "task.yaml"]);
    insta::assert_snapshot!(ended.text(), @"");
}

#[test]
fn every_image_that_cannot_be_run_is_named() {
    let stage = Stage::with(&["neither.wat"]);
    stage.file("native.wasm", "\x7fELF and so on");
    stage.file("script.sh", "#!/bin/sh\n");
    stage.file(
        "task.yaml",
        "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec:
  steps:
  - {name: gone, image: ./gone.wasm}
  - {name: native, image: ./native.wasm}
  - {name: script, image: ./script.sh}
  - {name: container, image: alpine}
",
    );
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @"");
}

#[test]
fn a_container_image_is_the_environments_trouble() {
    let stage = Stage::new();
    stage.file(
        "task.yaml",
        "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec:
  steps:
  - {name: container, image: ghcr.io/owner/name:1}
",
    );
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @"");
}

#[test]
fn a_workspace_has_to_be_a_folder() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    let ended = stage.stepwell(&["run", "task.yaml", "-w", "src=gone"]);
    insta::assert_snapshot!(ended.text(), @"");
}
