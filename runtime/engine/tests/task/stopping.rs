//! Time-outs, cancellation, and calls into the host that do not return, with no sleep anywhere.
//!
//! Time is tokio's, paused: a test says how far it goes while a step waits on its thread.

use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use stepwell_contract::{CancelReason, Ending, LogStream, StepIo, TerminationReason};
use stepwell_engine::Control;
use stepwell_spec::{OnError, RequestedStatus};
use tokio::sync::Notify;

use crate::scripted::{Fault, Place, Task};

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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_before_it_starts_runs_nothing() {
    let mut task = Task::new();
    task.ends("a", 0);
    task.cancel.ask(RequestedStatus::Cancelled);
    let played = task.play().await;
    assert_eq!(played.verdict().0, "TaskRunCancelled");
    assert_eq!(played.words(), [TerminationReason::Skipped]);
    assert_eq!(played.calls(), [""; 0]);
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

#[tokio::test(start_paused = true)]
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
