//! The three time-outs of a pipeline, and whom they catch in which stage.

use std::time::Duration;

use stepwell_spec::RequestedStatus::Cancelled;
use stepwell_spec::Timeouts;

use super::script::{NONE, Script, Task, counted, ok};
use super::simulator::play;
use crate::graph::Ending;

fn timeouts(pipeline: u64, tasks: u64, finally: u64) -> Timeouts {
    let some = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
    Timeouts {
        pipeline: some(pipeline),
        tasks: some(tasks),
        finally: some(finally),
    }
}

fn within(pipeline: u64, tasks: u64, finally: u64, of: Vec<Task>) -> Script {
    Script {
        timeouts: timeouts(pipeline, tasks, finally),
        ..Script::of(of)
    }
}

#[test]
fn when_the_time_of_all_is_up_everything_stops_and_finally_does_not_begin() {
    let script = Script {
        places: 1,
        ..within(
            4,
            0,
            0,
            vec![
                ok("runs", 9),
                ok("stands", 9),
                ok("waits", 9).after(&[1]),
                ok("f", 1).in_finally(),
            ],
        )
    };
    let lines = [
        "0 runs start.0",
        "4 runs stop.0 TimedOut",
        "4 stands skip PipelineRun timeout has been reached",
        "4 waits skip Parent Tasks were skipped",
        "4 runs failed",
        "4 f skip PipelineRun timeout has been reached",
    ];
    script.goes(&lines, Ending::TimedOut);
    assert_eq!(play(&script).outcome().finally_began, None);
}

#[test]
fn when_the_time_of_all_is_up_finally_stops_as_well() {
    let script = within(4, 0, 0, vec![ok("a", 3), ok("f", 9).in_finally()]);
    let lines = [
        "0 a start.0",
        "3 a done",
        "3 f start.0",
        "4 f stop.0 TimedOut",
        "4 f failed",
    ];
    script.goes(&lines, Ending::TimedOut);
}

#[test]
fn when_the_time_of_the_tasks_is_up_they_stop_and_finally_runs() {
    let script = Script {
        places: 1,
        ..within(
            0,
            4,
            0,
            vec![
                ok("runs", 9),
                ok("stands", 9),
                ok("waits", 9).after(&[0]),
                ok("f", 7).in_finally(),
            ],
        )
    };
    let lines = [
        "0 runs start.0",
        "4 runs stop.0 TimedOut",
        "4 stands skip PipelineRun Tasks timeout has been reached",
        // It failed, by being stopped: that goes before.
        "4 runs failed",
        "4 waits skip PipelineRun was stopping",
        "4 f start.0",
        "11 f done",
    ];
    let lines: Vec<_> = lines.to_vec();
    script.goes(&lines, Ending::TasksTimedOut);
}

#[test]
fn what_follows_a_task_that_may_fail_is_skipped_for_the_time_of_the_tasks() {
    let script = within(
        0,
        4,
        0,
        vec![
            ok("a", 9).light(),
            ok("b", 1).after(&[0]),
            ok("c", 1).after(&[0]).unwanted(),
            ok("d", 1).after(&[1]),
        ],
    );
    let lines = [
        "0 a start.0",
        "4 a stop.0 TimedOut",
        "4 a failed",
        "4 b skip PipelineRun Tasks timeout has been reached",
        "4 c skip When Expressions evaluated to false",
        "4 d skip Parent Tasks were skipped",
    ];
    script.goes(&lines, Ending::TasksTimedOut);
}

#[test]
fn the_time_of_the_tasks_does_not_matter_once_they_have_settled() {
    let script = within(0, 4, 0, vec![ok("a", 3), ok("f", 9).in_finally()]);
    let lines = ["0 a start.0", "3 a done", "3 f start.0", "12 f done"];
    script.goes(&lines, counted(NONE.succeeded(2)));
}

#[test]
fn the_time_of_finally_counts_from_its_start() {
    let script = Script {
        places: 1,
        ..within(
            0,
            0,
            4,
            vec![ok("a", 9), ok("f", 9).in_finally(), ok("g", 9).in_finally()],
        )
    };
    let lines = [
        "0 a start.0",
        "9 a done",
        "9 f start.0",
        "13 f stop.0 TimedOut",
        "13 g skip PipelineRun Finally timeout has been reached",
        "13 f failed",
    ];
    script.goes(
        &lines,
        counted(NONE.succeeded(1).failed(1).skipped(1).late(1)),
    );
}

#[test]
fn what_ends_at_the_very_moment_has_ended_in_time() {
    let script = within(4, 0, 0, vec![ok("a", 4)]);
    script.goes(&["0 a start.0", "4 a done"], counted(NONE.succeeded(1)));
}

#[test]
fn the_time_of_all_goes_before_that_of_the_tasks_at_the_same_moment() {
    let script = within(4, 4, 0, vec![ok("a", 9), ok("f", 1).in_finally()]);
    assert_eq!(play(&script).outcome().ending, Ending::TimedOut);
}

#[test]
fn the_first_end_of_the_whole_stands() {
    let slow = || Task {
        stopping: 5,
        ..ok("a", 9)
    };
    let script = within(4, 0, 0, vec![slow()]).asked(6, Cancelled);
    assert_eq!(play(&script).outcome().ending, Ending::TimedOut);
    let script = within(4, 0, 0, vec![slow()]).asked(3, Cancelled);
    let outcome = play(&script).outcome();
    assert_eq!((outcome.ending, outcome.ended), (Ending::Cancelled, 8));
}

#[test]
fn one_that_is_being_made_when_time_is_up_is_skipped() {
    let slow = Task {
        making: 9,
        ..ok("a", 1)
    };
    let script = within(0, 4, 0, vec![slow, ok("f", 1).in_finally()]);
    let lines = [
        "4 a skip PipelineRun Tasks timeout has been reached",
        "4 f start.0",
        "5 f done",
    ];
    script.goes(&lines, Ending::TasksTimedOut);
}

#[test]
fn a_time_that_no_clock_holds_is_no_bound() {
    let mut script = within(0, 0, 0, vec![ok("a", 9), ok("f", 1).in_finally()]);
    script.timeouts.finally = Some(Duration::MAX);
    assert_eq!(play(&script).outcome().ending, counted(NONE.succeeded(2)));
}
