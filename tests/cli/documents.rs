//! How documents reach a run, and what is said of mistakes in them.

use crate::stage::Stage;

#[test]
fn a_document_is_read_from_standard_input() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    let text = std::fs::read(stage.path("task.yaml")).unwrap();
    let ended = stage.end(&mut stage.command(&["run", "-q", "-"]), &text);
    insta::assert_snapshot!(ended.text(), @r"
    ✓ task-run-[ID] succeeded in [TIME]
    --- exit 0
    ");
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
    insta::assert_snapshot!(stage.stepwell(&["run", "tasks.yaml"]).text(), @r"
    --- stderr
    spec::several_to_run

      × the files hold several Tasks: good, bad
      help: choose one with `--task good`

    stepwell: the run has a problem; nothing has run
    --- exit 4
    ");
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
    insta::assert_snapshot!(ended.text(), @r"
    --- stderr
    spec::missing_param

      × the param `level` has no value
       ╭─[task.yaml:7:11]
     6 │   params:
     7 │   - name: level
       ·           ──┬──
       ·             ╰── declared here, without a default
     8 │   stepz: []
       ╰────
      help: give it with `-p level=VALUE`, or give the param a `default`

    spec::unknown_field

      × a Task's spec has no field `stepz`
       ╭─[task.yaml:8:3]
     7 │   - name: level
     8 │   stepz: []
       ·   ──┬──
       ·     ╰── unknown field
     9 │   steps:
       ╰────
      help: did you mean `steps`?

    spec::unknown_field

      × a step has no field `imagee`
        ╭─[task.yaml:12:5]
     11 │     image: ./a.wasm
     12 │     imagee: ./b.wasm
        ·     ───┬──
        ·        ╰── unknown field
     13 │     args: [$(params.levle), $(workspaces.src.path)]
        ╰────
      help: did you mean `image`?

    spec::unknown_reference

      × `$(params.levle)` refers to a param that the Task does not declare
        ╭─[task.yaml:13:12]
     12 │     imagee: ./b.wasm
     13 │     args: [$(params.levle), $(workspaces.src.path)]
        ·            ───────┬───────
        ·                   ╰── refers to nothing
        ╰────
      help: did you mean `level`?

    spec::unknown_reference

      × `$(workspaces.src.path)` refers to a workspace that the Task does not declare
        ╭─[task.yaml:13:29]
     12 │     imagee: ./b.wasm
     13 │     args: [$(params.levle), $(workspaces.src.path)]
        ·                             ───────────┬──────────
        ·                                        ╰── refers to nothing
        ╰────
      help: there are no workspaces

    stepwell: the run has 5 problems; nothing has run
    --- exit 4
    ");
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
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml", "--offline"]).text(), @r"
    --- stderr
    spec::image_not_found

      × the image `./gone.wasm` is not there: No such file or directory (os error 2)
       ╭─[task.yaml:6:25]
     5 │   steps:
     6 │   - {name: gone, image: ./gone.wasm}
       ·                         ─────┬─────
       ·                              ╰── no such file
     7 │   - {name: native, image: ./native.wasm}
       ╰────
      help: looked for `./gone.wasm`; a relative path starts at the document's folder

    spec::image_is_native

      × the image `./native.wasm` is native code: an ELF file
       ╭─[task.yaml:7:27]
     6 │   - {name: gone, image: ./gone.wasm}
     7 │   - {name: native, image: ./native.wasm}
       ·                           ──────┬──────
       ·                                 ╰── native code
     8 │   - {name: script, image: ./script.sh}
       ╰────
      help: native code would run outside the sandbox; name the WebAssembly file it was built from

    spec::image_not_wasm

      × the image `./script.sh` cannot be run: it is WebAssembly neither in binary (`\0asm`) nor in
      │ text (`(module` or `(component`)
       ╭─[task.yaml:8:27]
     7 │   - {name: native, image: ./native.wasm}
     8 │   - {name: script, image: ./script.sh}
       ·                           ─────┬─────
       ·                                ╰── not a step
     9 │   - {name: container, image: alpine}
       ╰────
      help: a step is a component that exports `wasi:cli/run` or `stepwell:task/task`, or a WASI
            program built for wasm32-wasip1

    spec::image_not_pulled

      × the image `alpine` cannot be had: `docker.io/library/alpine:latest` is not here, and nothing
      │ is pulled with `--offline`
       ╭─[task.yaml:9:30]
     8 │   - {name: script, image: ./script.sh}
     9 │   - {name: container, image: alpine}
       ·                              ───┬──
       ·                                 ╰── not here
       ╰────
      help: `stepwell images pull alpine` gets it; or let a component stand for it with `--image
            'alpine=./step.wasm'`

    stepwell: the run has 4 problems; nothing has run
    --- exit 4
    ");
}

#[test]
fn a_workspace_has_to_be_a_folder() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    let ended = stage.stepwell(&["run", "task.yaml", "-w", "src=gone"]);
    insta::assert_snapshot!(ended.text(), @r"
    --- stderr
    stepwell: failed to open `gone` as workspace `src`
      caused by: No such file or directory (os error 2)
    --- exit 2
    ");
}
