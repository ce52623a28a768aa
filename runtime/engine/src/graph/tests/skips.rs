//! Every reason to skip a task, the order in which they go before each other, and what a failure does.

use super::script::{NONE, Script, Task, bad, counted, ok, verdict};
use super::simulator::{Fate, play};
use crate::graph::Ending;

#[test]
fn a_task_starts_when_all_before_it_have_settled() {
    let script = Script::of(vec![
        ok("a", 2),
        ok("b", 5),
        ok("c", 1).after(&[0]),
        ok("d", 1).after(&[0, 1]),
    ]);
    let lines = [
        "0 a start.0",
        "0 b start.0",
        "2 a done",
        "2 c start.0",
        "3 c done",
        "5 b done",
        "5 d start.0",
        "6 d done",
    ];
    script.goes(&lines, counted(NONE.succeeded(4)));
}

#[test]
fn a_failure_starts_nothing_new_and_lets_what_runs_end() {
    let script = Script::of(vec![
        bad("a", 2),
        ok("b", 5),
        ok("c", 1).after(&[1]),
        ok("d", 1).after(&[0]),
        ok("f", 1).in_finally(),
    ]);
    let lines = [
        "0 a start.0",
        "0 b start.0",
        "2 a failed",
        "2 c skip PipelineRun was stopping",
        "2 d skip PipelineRun was stopping",
        "5 b done",
        "5 f start.0",
        "6 f done",
    ];
    script.goes(&lines, counted(NONE.succeeded(2).failed(1).skipped(2)));
}

#[test]
fn a_failure_that_is_made_light_of_stops_nothing() {
    let script = Script::of(vec![bad("a", 2).light(), ok("b", 1).after(&[0])]);
    let lines = ["0 a start.0", "2 a failed", "2 b start.0", "3 b done"];
    script.goes(&lines, counted(NONE.succeeded(1).ignored(1)));
}

#[test]
fn a_failure_in_finally_skips_nothing() {
    let script = Script::of(vec![
        ok("a", 1),
        bad("f", 1).in_finally(),
        ok("g", 2).in_finally(),
    ]);
    let lines = [
        "0 a start.0",
        "1 a done",
        "1 f start.0",
        "1 g start.0",
        "2 f failed",
        "3 g done",
    ];
    script.goes(&lines, counted(NONE.succeeded(2).failed(1)));
}

#[test]
fn a_task_skipped_for_its_when_skips_only_itself() {
    let script = Script::of(vec![ok("a", 1).unwanted(), ok("b", 1).after(&[0])]);
    let lines = [
        "0 a skip When Expressions evaluated to false",
        "0 b start.0",
        "1 b done",
    ];
    script.goes(&lines, counted(NONE.succeeded(1).skipped(1)));
}

#[test]
fn a_task_that_needs_results_of_a_skipped_one_is_skipped_and_so_are_those_after_it() {
    let script = Script::of(vec![
        ok("a", 1).unwanted(),
        ok("b", 1).after(&[0]).needs(&[0]),
        ok("c", 1).after(&[1]),
        ok("d", 1).after(&[2]),
    ]);
    let lines = [
        "0 a skip When Expressions evaluated to false",
        "0 b skip Results were missing",
        "0 c skip Parent Tasks were skipped",
        "0 d skip Parent Tasks were skipped",
    ];
    script.goes(&lines, counted(NONE.skipped(4)));
}

#[test]
fn a_when_that_asks_for_missing_results_skips_for_them() {
    let script = Script::of(vec![bad("a", 1).light(), ok("b", 1).after(&[0]).asks(&[0])]);
    let lines = ["0 a start.0", "1 a failed", "1 b skip Results were missing"];
    script.goes(&lines, counted(NONE.ignored(1).skipped(1)));
}

#[test]
fn when_goes_before_a_skipped_parent_and_that_before_missing_results() {
    let script = Script::of(vec![
        ok("a", 1).unwanted(),
        ok("b", 1).after(&[0]).needs(&[0]),
        ok("c", 1).after(&[1]).unwanted(),
        ok("d", 1).after(&[0, 1]).asks(&[0]),
        ok("e", 1).after(&[2]),
    ]);
    let lines = [
        "0 a skip When Expressions evaluated to false",
        "0 b skip Results were missing",
        "0 c skip When Expressions evaluated to false",
        "0 d skip Parent Tasks were skipped",
        "0 e start.0",
        "1 e done",
    ];
    script.goes(&lines, counted(NONE.succeeded(1).skipped(4)));
}

#[test]
fn stopping_goes_before_when_and_before_a_skipped_parent() {
    let script = Script::of(vec![
        bad("a", 1),
        ok("b", 2),
        ok("c", 1).after(&[1]).unwanted(),
        ok("d", 1).after(&[2]).needs(&[2]),
    ]);
    let lines = [
        "0 a start.0",
        "0 b start.0",
        "1 a failed",
        "1 c skip PipelineRun was stopping",
        "1 d skip PipelineRun was stopping",
        "2 b done",
    ];
    script.goes(&lines, counted(NONE.succeeded(1).failed(1).skipped(2)));
}

#[test]
fn an_empty_matrix_is_skipped_and_so_are_those_after_it() {
    let script = Script::of(vec![Task::new("a", &[]), ok("b", 1).after(&[0])]);
    let lines = [
        "0 a skip Matrix Parameters have an empty array",
        "0 b skip Parent Tasks were skipped",
    ];
    script.goes(&lines, counted(NONE.skipped(2)));
}

#[test]
fn when_goes_before_an_empty_matrix() {
    let script = Script::of(vec![Task::new("a", &[]).unwanted()]);
    let lines = ["0 a skip When Expressions evaluated to false"];
    script.goes(&lines, counted(NONE.skipped(1)));
}

#[test]
fn in_finally_missing_results_go_before_when_and_when_before_an_empty_matrix() {
    let script = Script::of(vec![
        ok("a", 1).unwanted(),
        ok("f", 1).in_finally().unwanted().needs(&[0]),
        Task::new("g", &[]).in_finally().unwanted(),
        Task::new("h", &[]).in_finally(),
    ]);
    let lines = [
        "0 a skip When Expressions evaluated to false",
        "0 f skip Results were missing",
        "0 g skip When Expressions evaluated to false",
        "0 h skip Matrix Parameters have an empty array",
    ];
    script.goes(&lines, counted(NONE.skipped(4)));
}

#[test]
fn finally_runs_at_once_and_in_parallel_when_everything_was_skipped() {
    let script = Script::of(vec![
        ok("a", 1).unwanted(),
        ok("f", 2).in_finally(),
        ok("g", 2).in_finally(),
    ]);
    let outcome = play(&script).outcome();
    assert_eq!(outcome.finally_began, Some(0));
    assert_eq!(outcome.spans, [(1, 0, 0, 2), (2, 0, 0, 2)]);
}

#[test]
fn a_matrix_succeeds_and_fails_as_a_whole_and_once_all_have_ended() {
    let script = Script::of(vec![
        Task::new("m", &[(1, true), (2, false), (4, true)]),
        ok("b", 1).after(&[0]),
    ]);
    let lines = [
        "0 m start.0",
        "0 m start.1",
        "0 m start.2",
        "4 m failed",
        "4 b skip PipelineRun was stopping",
    ];
    script.goes(&lines, counted(NONE.failed(1).skipped(1)));
}

#[test]
fn places_are_given_in_the_order_of_the_document_and_of_the_rows() {
    let script = Script {
        places: 2,
        ..Script::of(vec![
            ok("a", 1),
            ok("b", 1).after(&[0]),
            Task::new("m", &[(3, true), (1, true), (1, true)]),
            ok("c", 1),
        ])
    };
    let lines = [
        "0 a start.0",
        "0 m start.0",
        "1 a done",
        "1 b start.0",
        "2 b done",
        "2 m start.1",
        "3 m start.2",
        "3 c start.0",
        "4 m done",
        "4 c done",
    ];
    script.goes(&lines, counted(NONE.succeeded(4)));
}

#[test]
fn after_a_failure_a_matrix_that_has_begun_goes_on_and_one_that_has_not_is_skipped() {
    let script = Script {
        places: 2,
        ..Script::of(vec![
            bad("a", 1),
            Task::new("m", &[(2, true), (2, true)]),
            Task::new("n", &[(1, true), (1, true)]),
        ])
    };
    let lines = [
        "0 a start.0",
        "0 m start.0",
        "1 a failed",
        "1 n skip PipelineRun was stopping",
        "1 m start.1",
        "3 m done",
    ];
    script.goes(&lines, counted(NONE.succeeded(1).failed(1).skipped(1)));
}

#[test]
fn a_task_that_cannot_be_made_fails_the_pipeline_and_finally_still_runs() {
    let broken = Task {
        breaks: true,
        ..ok("b", 1).after(&[0])
    };
    let script = Script::of(vec![
        ok("a", 1),
        broken,
        ok("c", 5),
        ok("d", 1).after(&[2]),
        ok("f", 1).in_finally(),
    ]);
    let lines = [
        "0 a start.0",
        "0 c start.0",
        "1 a done",
        "1 d skip PipelineRun was stopping",
        "5 c done",
        "5 f start.0",
        "6 f done",
    ];
    script.goes(
        &lines,
        Ending::Broken(verdict("InvalidTaskResultReference")),
    );
    assert_eq!(play(&script).outcome().fates[1], Fate::Broken);
}

#[test]
fn a_when_that_cannot_be_evaluated_fails_the_pipeline() {
    let broken = Task {
        when_breaks: true,
        ..ok("a", 1)
    };
    let script = Script::of(vec![broken, ok("b", 1)]);
    let lines = ["0 b skip PipelineRun was stopping"];
    script.goes(&lines, Ending::Broken(verdict("CELEvaluationFailed")));
}

#[test]
fn a_skipped_parent_goes_before_a_when_that_cannot_be_evaluated() {
    let broken = Task {
        when_breaks: true,
        ..ok("c", 1).after(&[1])
    };
    let script = Script::of(vec![
        ok("a", 1).unwanted(),
        ok("b", 1).after(&[0]).needs(&[0]),
        broken,
    ]);
    let lines = [
        "0 a skip When Expressions evaluated to false",
        "0 b skip Results were missing",
        "0 c skip Parent Tasks were skipped",
    ];
    script.goes(&lines, counted(NONE.skipped(3)));
}

#[test]
fn while_one_is_being_made_its_place_is_taken_and_others_go_on() {
    let slow = Task {
        making: 3,
        ..ok("a", 1)
    };
    let script = Script {
        places: 2,
        ..Script::of(vec![slow, ok("b", 1), ok("c", 1)])
    };
    let lines = [
        "0 b start.0",
        "1 b done",
        "1 c start.0",
        "2 c done",
        "3 a start.0",
        "4 a done",
    ];
    script.goes(&lines, counted(NONE.succeeded(3)));
}

#[test]
fn one_that_is_being_made_while_another_fails_is_skipped() {
    let slow = Task {
        making: 3,
        ..ok("a", 1)
    };
    let script = Script {
        places: 2,
        ..Script::of(vec![slow, bad("b", 1), ok("f", 1).in_finally()])
    };
    let lines = [
        "0 b start.0",
        "1 b failed",
        "1 a skip PipelineRun was stopping",
        "1 f start.0",
        "2 f done",
    ];
    script.goes(&lines, counted(NONE.succeeded(1).failed(1).skipped(1)));
}
