//! What a component asks for and was not granted: refused before anything runs, with the line that grants it.

use crate::stage::Stage;

#[test]
fn a_capability_that_is_not_granted_is_refused_before_any_step_runs() {
    let stage = Stage::with(&["hello.wat", "sockets.wat"]);
    stage.task("task.yaml", &["hello.wat", "sockets.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @r#"
    --- stderr
    spec::grant_missing

      × the step `sockets` needs the network, which it is not granted
        ╭─[task.yaml:10:12]
      9 │   - name: sockets
     10 │     image: ./sockets.wat
        ·            ──────┬──────
        ·                  ╰── imports `wasi:sockets/instance-network@0.2.0`, `wasi:sockets/tcp@0.2.0`
        ╰────
      help: grant it with `--grant network=any`, or under the Task's `metadata.annotations` with the
            line
            stepwell.dev/grants.sockets: "network=any"

    stepwell: the run has a problem; nothing has run
    --- exit 4
    "#);
}

#[test]
fn the_flag_that_was_printed_grants_it() {
    let stage = Stage::with(&["sockets.wat"]);
    stage.task("task.yaml", &["sockets.wat"]);
    let ended = stage.stepwell(&["run", "task.yaml", "--grant", "network=any"]);
    // It is still no step, but that is another matter.
    assert!(!ended.stderr.contains("spec::grant_missing"), "{ended:?}");
}

#[test]
fn the_network_is_granted_by_a_flag_of_its_own_too() {
    let stage = Stage::with(&["sockets.wat"]);
    stage.task("task.yaml", &["sockets.wat"]);
    for flag in ["--allow-net", "--allow-net=localhost:80"] {
        let ended = stage.stepwell(&["run", flag, "task.yaml"]);
        assert!(!ended.stderr.contains("spec::grant_missing"), "{ended:?}");
    }
    let ended = stage.stepwell(&["run", "--allow-net=localhost", "task.yaml"]);
    assert!(ended.stderr.contains("spec::bad_flag"), "{ended:?}");
}

#[test]
fn a_component_of_neither_world_is_refused_with_both_named() {
    let stage = Stage::with(&["neither.wat"]);
    stage.task("task.yaml", &["neither.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @r"
    --- stderr
    spec::image_not_wasm

      × the image `./neither.wat` cannot be run: it exports neither `wasi:cli/run@0.2` (the world
      │ `wasi:cli/command`) nor `stepwell:task/task@0.1` (the world `stepwell:task/plugin`)
       ╭─[task.yaml:8:12]
     7 │   - name: neither
     8 │     image: ./neither.wat
       ·            ──────┬──────
       ·                  ╰── not a step
       ╰────
      help: a step is a component that exports `wasi:cli/run` or `stepwell:task/task`, or a WASI
            program built for wasm32-wasip1

    stepwell: the run has a problem; nothing has run
    --- exit 4
    ");
}
