//! A task's life against a scripted backend: order, failure, time, cancellation and clean-up, with no sleep anywhere.
//!
//! Time is tokio's, paused: a test says how far it goes while a step waits on its thread.

mod scripted;

use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use scripted::{Fault, Place, Task, folder, host_error};
use stepwell_contract::{
    Access, CancelReason, Ending, EventKind, LogStream, ParamType, ParamValue, StepIo,
    TerminationReason,
};
use stepwell_engine::{Control, EngineError};
use stepwell_spec::{OnError, RequestedStatus};
use tokio::sync::Notify;

const SECOND: Duration = Duration::from_secs(1);

/// Waits until it is told to stop, as a backend does; `begun` is told that it waits.
fn until_stopped(
    begun: &Arc<Notify>,
) -> impl FnOnce(Place, StepIo) -> Result<Ending, stepwell_contract::SandboxError> + Send + use<> {
    let begun = Arc::clone(begun);
    move |_, io| {
        begun.notify_one();
        Ok(match io.cancel.sleep(Duration::MAX) {
            Some(CancelReason::TimedOut(after)) => Ending::TimedOut { after },
            _ => Ending::Cancelled,
        })
    }
}

#[tokio::test]
async fn steps_run_in_order_and_everything_is_told() {
    let mut task = Task::new();
    task.step("a", |_, io| {
        io.sink.log(LogStream::Stdout, b"hello\nand");
        io.sink.progress(1, None, "half");
        Ok(Ending::SUCCESS)
    });
    task.ends("b", 0);
    let played = task.play().await;
    assert_eq!(
        played.verdict(),
        ("Succeeded", "All Steps have completed executing")
    );
    assert_eq!(
        played.shape(),
        [
            "run-start",
            "task-start",
            "step-start a",
            "step-log a",
            "step-progress a",
            "step-log a",
            "step-end a",
            "step-start b",
            "step-end b",
            "task-end",
            "run-end"
        ]
    );
    assert_eq!(
        played.log,
        [
            "admit ./step.wasm",
            "open",
            "prepare a",
            "run a",
            "prepare b",
            "run b",
            "close"
        ]
    );
    assert_eq!(played.left, 0);
}

#[tokio::test]
async fn the_first_failure_skips_the_rest() {
    let mut task = Task::new();
    task.ends("a", 0);
    task.ends("b", 3);
    task.ends("c", 0);
    let played = task.play().await;
    assert_eq!(
        played.verdict(),
        ("StepFailed", r#""step-b" exited with code 3: Error"#)
    );
    assert_eq!(
        played.step_ends()[1..],
        [
            (
                "b".to_owned(),
                TerminationReason::Error,
                3,
                Some(Ending::Exited { code: 3 })
            ),
            ("c".to_owned(), TerminationReason::Skipped, 1, None),
        ]
    );
    assert_eq!(
        played.calls(),
        ["open", "prepare a", "run a", "prepare b", "run b", "close"]
    );
}

#[tokio::test]
async fn on_error_continue_goes_on() {
    let mut task = Task::new();
    task.ends("a", 3).on_error = OnError::Continue;
    task.ends("b", 0);
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
    assert_eq!(
        played.words(),
        [TerminationReason::Continued, TerminationReason::Completed]
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_that_runs_too_long_is_stopped() {
    let begun = Arc::new(Notify::new());
    let mut task = Task::new();
    let step = task.step("a", until_stopped(&begun));
    step.timeout = Some(5 * SECOND);
    // Not even this lets the task go on after a time-out.
    step.on_error = OnError::Continue;
    task.ends("b", 0);
    task.run.timeout = Some(60 * SECOND);
    let played = task.play_while(async {
        begun.notified().await;
        tokio::time::advance(5 * SECOND).await;
    });
    let played = played.await;
    assert_eq!(
        played.verdict(),
        (
            "StepFailed",
            r#""step-a" exited because the step exceeded the specified timeout limit"#
        )
    );
    let after = 5 * SECOND;
    assert_eq!(
        played.step_ends(),
        [
            (
                "a".to_owned(),
                TerminationReason::TimeoutExceeded,
                137,
                Some(Ending::TimedOut { after })
            ),
            ("b".to_owned(), TerminationReason::Skipped, 1, None),
        ]
    );
    assert_eq!(played.left, 0);
}

#[tokio::test(start_paused = true)]
async fn the_tasks_time_is_shared_by_its_steps() {
    let begun = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    let (go, gone) = blocking::channel::<()>();
    let mut task = Task::new();
    task.step("a", {
        let begun = Arc::clone(&begun[0]);
        move |_, _| {
            begun.notify_one();
            gone.recv().unwrap();
            Ok(Ending::SUCCESS)
        }
    });
    task.step("b", until_stopped(&begun[1])).timeout = Some(60 * SECOND);
    task.ends("c", 0);
    task.run.timeout = Some(75 * SECOND);
    let played = task.play_while(async {
        begun[0].notified().await;
        tokio::time::advance(70 * SECOND).await;
        go.send(()).unwrap();
        begun[1].notified().await;
        tokio::time::advance(5 * SECOND).await;
    });
    let played = played.await;
    assert_eq!(
        played.verdict(),
        (
            "TaskRunTimeout",
            r#"TaskRun "run" failed to finish within "1m15s""#
        )
    );
    assert_eq!(
        played.words(),
        [
            TerminationReason::Completed,
            TerminationReason::Cancelled,
            TerminationReason::Skipped
        ]
    );
    let after = 5 * SECOND;
    assert_eq!(played.step_ends()[1].3, Some(Ending::TimedOut { after }));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_ends_in_time_is_not_stopped() {
    let begun = Arc::new(Notify::new());
    let (go, gone) = blocking::channel::<()>();
    let mut task = Task::new();
    let step = task.step("a", {
        let begun = Arc::clone(&begun);
        move |_, io| {
            begun.notify_one();
            gone.recv().unwrap();
            assert_eq!(io.cancel.reason(), None);
            Ok(Ending::SUCCESS)
        }
    });
    step.timeout = Some(5 * SECOND);
    let played = task.play_while(async {
        begun.notified().await;
        tokio::time::advance(4 * SECOND).await;
        go.send(()).unwrap();
    });
    assert_eq!(played.await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn a_cancelled_run_stops_its_step_and_cleans_up() {
    let begun = Arc::new(Notify::new());
    let mut task = Task::new();
    task.step("a", |_, io| {
        io.sink.log(LogStream::Stdout, b"before");
        Ok(Ending::SUCCESS)
    });
    task.step("b", until_stopped(&begun));
    task.ends("c", 0);
    let cancel = task.cancel.clone();
    let played = task.play_while(async {
        begun.notified().await;
        cancel.ask(RequestedStatus::Cancelled);
    });
    let played = played.await;
    assert_eq!(
        played.verdict(),
        ("TaskRunCancelled", r#"TaskRun "run" was cancelled. "#)
    );
    assert_eq!(
        played.words(),
        [
            TerminationReason::Completed,
            TerminationReason::Cancelled,
            TerminationReason::Skipped
        ]
    );
    assert_eq!(played.lines(), ["before"]);
    assert_eq!((played.calls().last(), played.left), (Some(&"close"), 0));
}

#[tokio::test]
async fn a_run_that_is_cancelled_before_it_starts_runs_nothing() {
    let mut task = Task::new();
    task.ends("a", 0);
    task.cancel.ask(RequestedStatus::Cancelled);
    let played = task.play().await;
    assert_eq!(played.verdict().0, "TaskRunCancelled");
    assert_eq!(played.words(), [TerminationReason::Skipped]);
    assert_eq!(played.calls(), ["open", "close"]);
}

/// A step in a call into the host that does not return until `release` is dropped.
fn stuck(task: &mut Task, told: &Arc<Notify>, begun: &Arc<Notify>) -> blocking::Sender<()> {
    let (release, released) = blocking::channel();
    let (told, begun) = (Arc::clone(told), Arc::clone(begun));
    task.step("a", move |_, io| {
        let _hook = io.cancel.on_cancel(move || told.notify_one());
        begun.notify_one();
        let _ = released.recv();
        io.sink.log(LogStream::Stdout, b"too late\n");
        Ok(Ending::SUCCESS)
    });
    release
}

#[tokio::test(start_paused = true)]
async fn a_step_in_a_blocked_host_call_is_left_behind() {
    let [told, begun] = [(); 2].map(|()| Arc::new(Notify::new()));
    let mut task = Task::new();
    let release = stuck(&mut task, &told, &begun);
    task.ends("b", 0);
    task.run.steps[0].timeout = Some(5 * SECOND);
    let played = task.play_while(async {
        begun.notified().await;
        tokio::time::advance(5 * SECOND).await;
        told.notified().await;
        tokio::time::advance(2 * SECOND).await;
    });
    let played = played.await;
    let after = 5 * SECOND;
    assert_eq!(played.step_ends()[0].3, Some(Ending::TimedOut { after }));
    assert_eq!(
        played.words(),
        [
            TerminationReason::TimeoutExceeded,
            TerminationReason::Skipped
        ]
    );
    let errors = played.errors();
    assert_eq!(
        errors,
        [["failed to stop step `a` within 1.2s: a call into the host did not return"]]
    );
    // Its thread still holds the scope, so that nobody has closed it; the scratch folder is gone all the same.
    assert_eq!(played.calls(), ["open", "prepare a", "run a"]);
    assert_eq!(played.left, 0);
    assert!(played.lines().is_empty());
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_cannot_even_be_opened_in_time_is_left_behind() {
    let [told, begun] = [(); 2].map(|()| Arc::new(Notify::new()));
    let mut task = Task::new();
    let release = stuck(&mut task, &told, &begun);
    task.fault = Fault::OpenBlocks;
    let opening = task.opening.clone();
    let cancel = task.cancel.clone();
    let played = task.play_while(async {
        opening.begun.notified().await;
        cancel.ask(RequestedStatus::Cancelled);
        for _ in 0..40 {
            tokio::time::advance(SECOND / 10).await;
        }
    });
    let played = played.await;
    assert_eq!(played.verdict().0, "TaskRunCancelled");
    assert_eq!(played.words(), [TerminationReason::Skipped]);
    assert_eq!(
        played.errors(),
        [["failed to open task `task`: a call into the host did not return"]]
    );
    opening.release();
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_tasks_time_is_seen_between_two_steps() {
    let begun = Arc::new(Notify::new());
    let (go, gone) = blocking::channel::<()>();
    let mut task = Task::new();
    task.step("a", {
        let begun = Arc::clone(&begun);
        move |_, _| {
            begun.notify_one();
            gone.recv().unwrap();
            Ok(Ending::SUCCESS)
        }
    })
    .timeout = Some(SECOND);
    task.ends("b", 0);
    task.run.timeout = Some(SECOND / 2);
    let played = task.play_while(async {
        begun.notified().await;
        tokio::time::advance(SECOND / 2).await;
        go.send(()).unwrap();
    });
    let played = played.await;
    // What ended by itself in its grace has ended by itself.
    assert_eq!(
        played.words(),
        [TerminationReason::Completed, TerminationReason::Skipped]
    );
    assert_eq!(
        played.verdict(),
        (
            "TaskRunTimeout",
            r#"TaskRun "run" failed to finish within "500ms""#
        )
    );
}

#[tokio::test(start_paused = true)]
async fn cancelling_leaves_a_blocked_host_call_behind_too() {
    let [told, begun] = [(); 2].map(|()| Arc::new(Notify::new()));
    let mut task = Task::new();
    let release = stuck(&mut task, &told, &begun);
    let cancel = task.cancel.clone();
    let played = task.play_while(async {
        begun.notified().await;
        cancel.ask(RequestedStatus::Cancelled);
        told.notified().await;
        // The run sees the request at some turn of its own; time goes on in small steps until it has.
        for _ in 0..40 {
            tokio::time::advance(SECOND / 10).await;
        }
    });
    let played = played.await;
    assert_eq!(played.verdict().0, "TaskRunCancelled");
    assert_eq!(played.step_ends()[0].3, Some(Ending::Cancelled));
    drop(release);
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_tells_its_step_to_stop() {
    let begun = Arc::new(Notify::new());
    let (ended, end) = blocking::channel();
    let mut task = Task::new();
    task.step("a", {
        let body = until_stopped(&begun);
        move |place, io| {
            let ending = body(place, io);
            ended.send(ending.as_ref().ok().cloned()).unwrap();
            ending
        }
    });
    let started = task.start();
    let admitted = started.engine.admit(started.run).unwrap();
    let scratch = started.store.scratch().unwrap();
    let (sender, _receiver) = tokio::sync::mpsc::channel(100);
    let run = started
        .engine
        .run(admitted, scratch, sender, Control::new());
    tokio::select! {
        _ = run => panic!("it waits"),
        () = begun.notified() => {}
    }
    assert_eq!(end.recv().unwrap(), Some(Ending::Cancelled));
}

#[tokio::test]
async fn a_panic_in_the_sandbox_is_our_trouble_and_no_crash() {
    let mut task = Task::new();
    task.step("a", |_, io| {
        io.sink.log(LogStream::Stderr, b"last words");
        panic!("scripted panic")
    });
    task.ends("b", 0);
    let played = task.play().await;
    let said = "failed to run step `a`: a defect of stepwell: scripted panic";
    assert!(
        matches!(&played.ended, Err(error @ EngineError::Panicked { .. }) if error.to_string() == said)
    );
    assert_eq!(played.errors(), [[said]]);
    assert_eq!(
        played.step_ends(),
        [
            ("a".to_owned(), TerminationReason::Error, 1, None),
            ("b".to_owned(), TerminationReason::Skipped, 1, None),
        ]
    );
    assert_eq!(played.lines(), ["last words"]);
    assert_eq!(
        (played.calls().last(), played.left),
        (Some(&"close"), 0),
        "cleaned up"
    );
    let last = &played.events.last().unwrap().kind;
    assert!(
        matches!(last, EventKind::RunEnd { verdict, .. } if verdict.message == said),
        "{last:?}"
    );
}

#[tokio::test]
async fn what_the_host_cannot_do_is_an_error_with_its_causes() {
    for (fault, calls, message) in [
        (Fault::Open, vec!["open"], "failed to open the task"),
        (
            Fault::Prepare,
            vec!["open", "prepare a", "close"],
            "failed to prepare step `a`",
        ),
    ] {
        let mut task = Task::new();
        task.ends("a", 0);
        task.fault = fault;
        let played = task.play().await;
        assert_eq!(played.calls(), calls);
        assert_eq!(played.ended.as_ref().unwrap_err().to_string(), message);
        let doing = calls[1..].first().map_or("open", |_| "prepare");
        assert_eq!(
            played.errors(),
            [[
                message.to_owned(),
                format!("failed to {doing} in the scripted sandbox"),
                "as the script says".to_owned()
            ]]
        );
        assert_eq!(played.left, 0);
    }
    let mut task = Task::new();
    task.step("a", |_, _| Err(host_error("run")));
    let played = task.play().await;
    assert!(matches!(played.ended, Err(EngineError::Run { .. })));
    assert_eq!(played.calls().last(), Some(&"close"));
}

#[tokio::test]
async fn a_panic_in_any_other_call_is_our_trouble_too() {
    for (fault, last) in [(Fault::OpenPanics, "open"), (Fault::PreparePanics, "close")] {
        let mut task = Task::new();
        task.ends("a", 0);
        task.fault = fault;
        let played = task.play().await;
        assert!(matches!(played.ended, Err(EngineError::Panicked { .. })));
        assert_eq!((played.calls().last(), played.left), (Some(&last), 0));
    }
}

#[tokio::test]
async fn what_cannot_be_cleaned_up_is_told_and_changes_nothing() {
    for (fault, said) in [
        (Fault::Close, "failed to close in the scripted sandbox"),
        (
            Fault::ClosePanics,
            "failed to clean up: a defect of stepwell: scripted panic",
        ),
    ] {
        let mut task = Task::new();
        task.ends("a", 0);
        task.fault = fault;
        let played = task.play().await;
        assert_eq!(played.verdict().0, "Succeeded");
        assert_eq!((played.errors()[0][0].as_str(), played.left), (said, 0));
    }
}

#[tokio::test]
async fn a_step_that_is_not_admitted_keeps_every_step_from_running() {
    let mut task = Task::new();
    task.ends("a", 0);
    task.ends("b", 0);
    task.fault = Fault::Admit;
    let started = task.start();
    let refused = started.engine.admit(started.run).unwrap_err();
    assert_eq!(refused.to_string(), "failed to admit `a`, `b`");
    assert!(
        started
            .log
            .lock()
            .unwrap()
            .iter()
            .all(|call| call.starts_with("admit"))
    );
}

#[tokio::test]
async fn results_are_read_back_also_from_a_task_that_failed() {
    let mut task = Task::new();
    task.declare("text", ParamType::String);
    task.declare("list", ParamType::Array);
    task.declare("unwritten", ParamType::String);
    task.step("a", |place, io| {
        let results = place.dir("/tekton/results");
        results.write("text", "first").unwrap();
        results.write("undeclared", "ignored").unwrap();
        io.sink
            .emit("list", ParamValue::Array(vec!["x".into()]))
            .unwrap();
        Ok(Ending::SUCCESS)
    });
    task.step("b", |place, _| {
        place
            .dir("/tekton/results")
            .write("text", "last\n")
            .unwrap();
        Ok(Ending::Exited { code: 1 })
    });
    let played = task.play().await;
    assert_eq!(played.verdict().0, "StepFailed");
    assert_eq!(
        played.results(),
        [
            ("text".to_owned(), ParamValue::from("last\n")),
            ("list".to_owned(), ParamValue::Array(vec!["x".into()])),
        ]
    );
}

#[tokio::test]
async fn a_result_that_cannot_be_taken_fails_the_task_and_keeps_the_others() {
    for (text, reason, message) in [
        (
            "x".repeat(5_000),
            "TaskRunResultLargerThanAllowedLimit",
            r#"TaskRun "run" failed: results exceeded size limit 4096 bytes"#,
        ),
        (
            "x".to_owned(),
            "TaskRunValidationFailed",
            "Provided results don't match declared results; may be invalid JSON or missing result declaration:  \
             \"bad\": task result is expected to be \"array\" type but was initialized to a different type \"string\"",
        ),
    ] {
        let mut task = Task::new();
        task.declare("bad", ParamType::Array);
        task.declare("good", ParamType::String);
        task.step("a", move |place, _| {
            let results = place.dir("/tekton/results");
            results.write("bad", text).unwrap();
            results.write("good", "1").unwrap();
            Ok(Ending::SUCCESS)
        });
        let played = task.play().await;
        assert_eq!(played.verdict(), (reason, message));
        assert_eq!(played.words(), [TerminationReason::Completed]);
        assert_eq!(played.results(), [("good".to_owned(), "1".into())]);
    }
}

#[tokio::test]
async fn a_larger_limit_takes_a_larger_result() {
    let mut task = Task::new();
    task.declare("r", ParamType::String);
    let step = task.step("a", |place, _| {
        place
            .dir("/tekton/results")
            .write("r", "x".repeat(5_000))
            .unwrap();
        Ok(Ending::SUCCESS)
    });
    step.limits.apply("result=8Ki").unwrap();
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn steps_share_the_tasks_folders_and_see_its_scripts() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("src")).unwrap();
    std::fs::write(temp.path().join("src/file"), "theirs").unwrap();
    let mut task = Task::new();
    task.run.workspaces = vec![
        folder("src", temp.path().join("src"), None, Access::ReadOnly),
        folder(
            "new",
            temp.path().to_owned(),
            Some("made/here"),
            Access::ReadWrite,
        ),
    ];
    task.step("a", |place, _| {
        let script = place.dir("/tekton/scripts");
        assert_eq!(script.read_to_string("script-0").unwrap(), "1 + 1");
        let theirs = place.dir("/workspace/src").read_to_string("file").unwrap();
        place.dir("/workspace/new").write("copy", theirs).unwrap();
        place.dir("/workspace").write("between", "1").unwrap();
        Ok(Ending::SUCCESS)
    })
    .script = Some("1 + 1".to_owned());
    task.step("b", |place, _| {
        assert!(place.dir("/workspace").exists("between"));
        Ok(Ending::SUCCESS)
    });
    assert_eq!(task.play().await.verdict().0, "Succeeded");
    let copy = temp.path().join("made/here/copy");
    assert_eq!(std::fs::read(copy).unwrap(), b"theirs");
}

#[tokio::test]
async fn a_workspace_that_is_not_there_is_named() {
    let temp = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc", temp.path().join("out")).unwrap();
    for (path, sub_path, access) in [
        (temp.path().join("gone"), None, Access::ReadWrite),
        (temp.path().to_owned(), Some("gone"), Access::ReadOnly),
        // A folder below the user's is below it, whatever links say.
        (temp.path().to_owned(), Some("out"), Access::ReadOnly),
        (temp.path().to_owned(), Some("../up"), Access::ReadWrite),
    ] {
        let mut task = Task::new();
        task.ends("a", 0);
        task.run.workspaces = vec![folder("src", path, sub_path, access)];
        let played = task.play().await;
        let error = played.ended.as_ref().unwrap_err();
        assert!(
            matches!(error, EngineError::Volume { owner, .. } if owner == "workspace `src`"),
            "{error}"
        );
        assert_eq!((played.calls().len(), played.left), (0, 0));
    }
}

#[tokio::test]
async fn exit_codes_are_left_for_later_steps_that_ask() {
    let mut task = Task::new();
    task.run.reads_exit_codes = true;
    task.ends("a", 3).on_error = OnError::Continue;
    task.step("b", |place, _| {
        let steps = place.dir("/tekton/steps");
        assert_eq!(steps.read_to_string("step-a/exitCode").unwrap(), "3");
        assert!(!steps.exists("step-b"));
        Ok(Ending::SUCCESS)
    });
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn output_beyond_the_limit_is_told_with_the_end() {
    let mut task = Task::new();
    let step = task.step("a", |_, io| {
        for _ in 0..1_000 {
            io.sink.log(LogStream::Stdout, &[b'x'; 1_000]);
        }
        Ok(Ending::SUCCESS)
    });
    step.limits.apply("output=1k").unwrap();
    let played = task.play().await;
    let dropped = played.events.iter().find_map(|event| match event.kind {
        EventKind::StepEnd { dropped_bytes, .. } => Some(dropped_bytes),
        _ => None,
    });
    assert_eq!(dropped, Some(999_000));
    assert_eq!(
        played.lines()[1..],
        ["[stepwell: output limit of 1000 reached; 999000 bytes dropped]"]
    );
    assert_eq!(played.verdict().0, "Succeeded");
}

#[tokio::test]
async fn a_run_whose_events_nobody_reads_still_ends() {
    let mut task = Task::new();
    for name in ["a", "b"] {
        task.step(name, |_, io| {
            io.sink.log(LogStream::Stdout, &b"line\n".repeat(1_000));
            Ok(Ending::SUCCESS)
        });
    }
    let started = task.start();
    let admitted = started.engine.admit(started.run).unwrap();
    let scratch = started.store.scratch().unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    let verdict = started
        .engine
        .run(admitted, scratch, sender, Control::new())
        .await;
    assert!(verdict.unwrap().succeeded);
}
