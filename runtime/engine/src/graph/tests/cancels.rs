//! The three ways to cancel, at every stage, and what goes over what.

use stepwell_spec::RequestedStatus::{Cancelled, CancelledRunFinally, Pending, StoppedRunFinally};

use super::script::{NONE, Script, Task, bad, counted, graceful, ok};
use super::simulator::{Fate, play};
use crate::graph::Ending;

/// One that runs, one in the line, one that waits, and `finally`.
fn stages() -> Script {
    Script {
        places: 1,
        ..Script::of(vec![
            ok("runs", 5),
            ok("stands", 5),
            ok("waits", 5).after(&[0]),
            ok("f", 2).in_finally(),
        ])
    }
}

#[test]
fn cancelled_stops_what_runs_and_finally_does_not_run() {
    let script = stages().asked(3, Cancelled);
    let lines = ["0 runs start.0", "3 runs stop.0 Cancelled", "3 runs failed"];
    script.goes(&lines, Ending::Cancelled);
    assert_eq!(
        play(&script).outcome().fates,
        [
            Fate::Failed { cancelled: true },
            Fate::Dropped,
            Fate::Dropped,
            Fate::Dropped
        ]
    );
}

#[test]
fn cancelled_waits_for_what_was_told_to_stop() {
    let mut script = stages().asked(3, Cancelled);
    script.tasks[0].stopping = 4;
    let outcome = play(&script).outcome();
    assert_eq!((outcome.ending, outcome.ended), (Ending::Cancelled, 7));
}

#[test]
fn cancelled_stops_finally_as_well() {
    let script = stages().asked(16, Cancelled);
    let log = play(&script).log;
    assert_eq!(
        log[log.len() - 3..],
        ["15 f start.0", "16 f stop.0 Cancelled", "16 f failed"]
    );
    assert_eq!(play(&script).outcome().ending, Ending::Cancelled);
}

#[test]
fn cancelled_run_finally_stops_what_runs_skips_the_rest_and_runs_finally() {
    let script = stages().asked(3, CancelledRunFinally);
    let lines = [
        "0 runs start.0",
        "3 stands skip PipelineRun was gracefully cancelled",
        "3 waits skip PipelineRun was gracefully cancelled",
        "3 runs stop.0 Cancelled",
        "3 runs failed",
        "3 f start.0",
        "5 f done",
    ];
    script.goes(&lines, graceful(NONE.succeeded(1).cancelled(1).skipped(2)));
}

#[test]
fn stopped_run_finally_lets_what_runs_end_skips_the_rest_and_runs_finally() {
    let script = stages().asked(3, StoppedRunFinally);
    let lines = [
        "0 runs start.0",
        "3 stands skip PipelineRun was gracefully stopped",
        "3 waits skip PipelineRun was gracefully stopped",
        "5 runs done",
        "5 f start.0",
        "7 f done",
    ];
    script.goes(&lines, graceful(NONE.succeeded(2).skipped(2)));
}

#[test]
fn a_graceful_end_that_comes_in_finally_changes_how_it_ends_and_nothing_else() {
    for status in [CancelledRunFinally, StoppedRunFinally] {
        let script = stages().asked(16, status);
        let outcome = play(&script).outcome();
        assert_eq!(outcome.fates[3], Fate::Done);
        let tally = NONE.succeeded(4);
        assert_eq!(outcome.ending, graceful(tally));
    }
}

#[test]
fn a_stronger_request_goes_over_a_weaker_one_and_not_the_other_way() {
    let script = stages()
        .asked(1, StoppedRunFinally)
        .asked(2, CancelledRunFinally);
    let lines = [
        "0 runs start.0",
        "1 stands skip PipelineRun was gracefully stopped",
        "1 waits skip PipelineRun was gracefully stopped",
        "2 runs stop.0 Cancelled",
        "2 runs failed",
        "2 f start.0",
        "4 f done",
    ];
    script.goes(&lines, graceful(NONE.succeeded(1).cancelled(1).skipped(2)));
    let script = stages()
        .asked(1, CancelledRunFinally)
        .asked(1, StoppedRunFinally)
        .asked(2, Cancelled)
        .asked(2, CancelledRunFinally);
    let outcome = play(&script).outcome();
    assert_eq!((outcome.ending, outcome.ended), (Ending::Cancelled, 2));
}

#[test]
fn a_failure_goes_over_a_graceful_end() {
    let script = Script::of(vec![bad("a", 1), ok("b", 5), ok("c", 1).after(&[1])])
        .asked(3, CancelledRunFinally);
    let lines = [
        "0 a start.0",
        "0 b start.0",
        "1 a failed",
        "1 c skip PipelineRun was stopping",
        "3 b stop.0 Cancelled",
        "3 b failed",
    ];
    script.goes(&lines, graceful(NONE.failed(1).cancelled(1).skipped(1)));
}

#[test]
fn what_runs_after_a_graceful_stop_can_still_fail() {
    let script = Script::of(vec![bad("a", 5), ok("f", 1).in_finally()]).asked(1, StoppedRunFinally);
    let lines = ["0 a start.0", "5 a failed", "5 f start.0", "6 f done"];
    script.goes(&lines, graceful(NONE.succeeded(1).failed(1)));
}

#[test]
fn a_matrix_that_has_begun_is_stopped_as_a_whole_or_comes_to_its_end() {
    let matrix = || {
        let rows = [(4, true), (4, true), (4, true)];
        Script {
            places: 2,
            ..Script::of(vec![Task::new("m", &rows)])
        }
    };
    let lines = [
        "0 m start.0",
        "0 m start.1",
        "1 m stop.0 Cancelled",
        "1 m stop.1 Cancelled",
        "1 m failed",
    ];
    let script = matrix().asked(1, CancelledRunFinally);
    script.goes(&lines, graceful(NONE.cancelled(1)));
    let lines = ["0 m start.0", "0 m start.1", "4 m start.2", "8 m done"];
    let script = matrix().asked(1, StoppedRunFinally);
    script.goes(&lines, graceful(NONE.succeeded(1)));
}

#[test]
fn instances_that_never_started_make_a_matrix_cancelled() {
    // When m.0 has ended, `b` goes before m.1: it stands before it in the document.
    let script = Script {
        places: 2,
        ..Script::of(vec![
            ok("a", 1),
            ok("b", 9).after(&[0]),
            ok("c", 9).after(&[0]),
            Task::new("m", &[(1, true), (1, true)]),
        ])
    };
    let lines = [
        "0 a start.0",
        "0 m start.0",
        "1 a done",
        "1 b start.0",
        "1 c start.0",
        "2 b stop.0 Cancelled",
        "2 c stop.0 Cancelled",
        "2 m failed",
        "2 b failed",
        "2 c failed",
    ];
    let script = script.asked(2, CancelledRunFinally);
    script.goes(&lines, graceful(NONE.succeeded(1).cancelled(3)));
}

#[test]
fn what_the_document_asks_for_holds_from_the_start() {
    let asked = |status| Script {
        status: Some(status),
        ..stages()
    };
    asked(Cancelled).goes(&[], Ending::Cancelled);
    for (status, word) in [
        (CancelledRunFinally, "cancelled"),
        (StoppedRunFinally, "stopped"),
    ] {
        let skip = format!("skip PipelineRun was gracefully {word}");
        let lines = [
            &format!("0 runs {skip}"),
            &format!("0 stands {skip}"),
            &format!("0 waits {skip}"),
            "0 f start.0",
            "2 f done",
        ];
        let tally = NONE.succeeded(1).skipped(3);
        asked(status).goes(&lines, graceful(tally));
    }
    let pending = play(&asked(Pending));
    assert_eq!(pending.outcome().ending, Ending::Pending);
    assert!(pending.log.is_empty());
}

#[test]
fn pending_is_no_request_to_a_run_that_has_begun() {
    let script = Script::of(vec![ok("a", 2)]).asked(1, Pending);
    let lines = ["0 a start.0", "2 a done"];
    script.goes(&lines, counted(NONE.succeeded(1)));
}
