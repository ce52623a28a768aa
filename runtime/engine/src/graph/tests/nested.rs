//! Pipelines in pipelines: one task of the one around them, and everything that reaches in.

use std::time::Duration;

use stepwell_spec::RequestedStatus::{Cancelled, CancelledRunFinally, StoppedRunFinally};

use super::script::{NONE, Script, Task, bad, counted, graceful, ok};
use super::simulator::{Fate, play};
use crate::graph::Ending;

fn nest(name: &str, inner: Script) -> Task {
    Task {
        nested: Some(Box::new(inner)),
        ..ok(name, 0)
    }
}

#[test]
fn a_nested_pipeline_is_one_task_of_its_parent() {
    let inner = Script::of(vec![
        ok("x", 2),
        ok("y", 1).after(&[0]),
        ok("z", 1).in_finally(),
    ]);
    let script = Script::of(vec![nest("n", inner), ok("b", 1).after(&[0])]);
    let lines = [
        "0 n nest",
        "0 x start.0",
        "2 x done",
        "2 y start.0",
        "3 y done",
        "3 z start.0",
        "4 z done",
        "4 n done",
        "4 b start.0",
        "5 b done",
    ];
    script.goes(&lines, counted(NONE.succeeded(2)));
}

#[test]
fn its_failure_is_the_failure_of_that_task() {
    let inner = Script::of(vec![bad("x", 2), ok("y", 1).after(&[0])]);
    let script = Script::of(vec![nest("n", inner), ok("b", 1).after(&[0])]);
    let lines = [
        "0 n nest",
        "0 x start.0",
        "2 x failed",
        "2 y skip PipelineRun was stopping",
        "2 n failed",
        "2 b skip PipelineRun was stopping",
    ];
    script.goes(&lines, counted(NONE.failed(1).skipped(1)));
}

#[test]
fn it_takes_no_place_itself_and_shares_those_of_the_run_in_the_order_of_the_document() {
    let inner = Script::of(vec![ok("x", 1), ok("y", 1)]);
    let deep = Script::of(vec![nest("m", inner)]);
    let script = Script {
        places: 1,
        ..Script::of(vec![ok("a", 1), nest("n", deep), ok("b", 1)])
    };
    let lines = [
        "0 a start.0",
        "1 a done",
        "1 n nest",
        "1 m nest",
        "1 x start.0",
        "2 x done",
        "2 y start.0",
        "3 y done",
        "3 m done",
        "3 n done",
        "3 b start.0",
        "4 b done",
    ];
    script.goes(&lines, counted(NONE.succeeded(3)));
}

#[test]
fn cancelling_reaches_the_innermost() {
    let inner = Script::of(vec![ok("x", 9), ok("z", 1).in_finally()]);
    let deep = Script::of(vec![nest("m", inner)]);
    let lines = [
        "0 n nest",
        "0 m nest",
        "0 x start.0",
        "3 x stop.0 Cancelled",
        "3 x failed",
        "3 m failed",
        "3 n failed",
    ];
    let script = Script::of(vec![nest("n", deep.clone())]).asked(3, Cancelled);
    script.goes(&lines, Ending::Cancelled);
    let script = Script::of(vec![nest("n", deep)]).asked(3, CancelledRunFinally);
    script.goes(&lines, graceful(NONE.cancelled(1)));
    assert_eq!(play(&script).outcome_of(2).ending, Ending::Cancelled);
}

#[test]
fn a_graceful_stop_lets_it_come_to_its_end() {
    let inner = Script::of(vec![ok("x", 2), ok("y", 1).after(&[0])]);
    let script = Script::of(vec![nest("n", inner)]).asked(1, StoppedRunFinally);
    let outcome = play(&script).outcome();
    assert_eq!((outcome.fates, outcome.ended), (vec![Fate::Done], 3));
}

#[test]
fn the_parents_time_reaches_it_and_its_own_is_its_own() {
    let inner = |own| Script {
        timeouts: stepwell_spec::Timeouts {
            pipeline: Some(Duration::from_secs(own)),
            ..Default::default()
        },
        ..Script::of(vec![ok("x", 9)])
    };
    let outer = |own| {
        let mut script = Script::of(vec![nest("n", inner(own)), ok("f", 1).in_finally()]);
        script.timeouts.tasks = Some(Duration::from_secs(4));
        play(&script)
    };
    let played = outer(7);
    assert_eq!(played.outcome().ending, Ending::TasksTimedOut);
    assert_eq!(played.outcome_of(1).ending, Ending::Cancelled);
    assert_eq!(played.outcome_of(1).ended, 4);
    let played = outer(2);
    assert_eq!(played.outcome_of(1).ending, Ending::TimedOut);
    assert_eq!(
        played.outcome().ending,
        counted(NONE.succeeded(1).failed(1))
    );
}
