//! What a component asks for and was not granted: refused before anything runs, with the line that grants it.

use crate::stage::Stage;

#[test]
fn a_capability_that_is_not_granted_is_refused_before_any_step_runs() {
    let stage = Stage::with(&["hello.wat", "sockets.wat"]);
    stage.task("task.yaml", &["hello.wat", "sockets.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @"");
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
fn a_component_of_neither_world_is_refused_with_both_named() {
    let stage = Stage::with(&["neither.wat"]);
    stage.task("task.yaml", &["neither.wat"]);
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @"");
}
