//! How often a TaskRun is tried, and what of a try is left for the next.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwell_contract::{CancelReason, Ending, EventKind, ParamType};
use stepwell_spec::{RequestedEnd, RequestedStatus};
use tokio::sync::Notify;

use crate::scripted::{Fault, Task, host_error};

#[tokio::test]
async fn a_failure_is_tried_again_until_it_succeeds() {
    let mut task = Task::new();
    task.run.retries = 5;
    task.declare("r", ParamType::String);
    for attempt in 0..3 {
        let body = move |place: crate::scripted::Place, _| {
            assert_eq!(place.spec.attempt, attempt);
            let results = place.dir("/tekton/results");
            assert!(!results.exists("r"), "each try finds empty folders");
            assert!(!place.dir("/workspace").exists("left"));
            results.write("r", attempt.to_string()).unwrap();
            place.dir("/workspace").write("left", "x").unwrap();
            let code = i32::from(attempt < 2);
            Ok(Ending::Exited { code })
        };
        match attempt {
            0 => drop(task.step("a", body).name.clone()),
            _ => task.again("a", body),
        }
    }
    let played = task.play().await;
    assert_eq!(
        played.tries(),
        [
            (0, "StepFailed", true),
            (1, "StepFailed", true),
            (2, "Succeeded", false)
        ]
    );
    let starts = played.events.iter().filter_map(|event| {
        matches!(event.kind, EventKind::TaskStart { .. }).then_some(event.attempt)
    });
    assert_eq!(starts.collect::<Vec<_>>(), [0, 1, 2]);
    let results = played.results();
    assert_eq!(results.last().unwrap(), &("r".to_owned(), "2".into()));
    assert_eq!((played.verdict().0, played.left), ("Succeeded", 0));
}

#[tokio::test]
async fn each_try_tells_its_number_where_the_spec_names_it() {
    let mut task = Task::new();
    task.run.retries = 1;
    task.run.inline = true;
    task.run.task_spec = Arc::new(json!({"description": "$(context.task.retry-count)"}));
    task.ends("a", 1);
    task.again("a", |_, _| Ok(Ending::SUCCESS));
    let told = |played: &crate::scripted::Played| {
        let told = played.events.iter().filter_map(|event| match &event.kind {
            EventKind::TaskStart { task_spec, .. } => Some(task_spec["description"].clone()),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(&task.play().await), ["0", "1"]);
    let mut task = Task::new();
    task.run.task_spec = Arc::new(json!({"description": "$(context.task.retry-count)"}));
    task.ends("a", 0);
    assert_eq!(told(&task.play().await), ["$(context.task.retry-count)"]);
}

#[tokio::test]
async fn the_last_failure_stands_when_no_try_is_left() {
    let mut task = Task::new();
    task.run.retries = 1;
    task.ends("a", 1);
    task.again("a", |_, _| Ok(Ending::Exited { code: 2 }));
    let played = task.play().await;
    assert_eq!(
        played.verdict(),
        ("StepFailed", r#""step-a" exited with code 2: Error"#)
    );
    assert_eq!(played.tries().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_try_has_the_whole_time() {
    let begun = Arc::new(Notify::new());
    let waits = |begun: &Arc<Notify>| {
        let begun = Arc::clone(begun);
        move |_, io: stepwell_contract::StepIo| {
            begun.notify_one();
            Ok(match io.cancel.sleep(Duration::MAX) {
                Some(CancelReason::TimedOut(after)) => Ending::TimedOut { after },
                _ => Ending::Cancelled,
            })
        }
    };
    let mut task = Task::new();
    task.run.retries = 1;
    task.run.timeout = Some(Duration::from_secs(10));
    task.step("a", waits(&begun));
    task.again("a", waits(&begun));
    let played = task.play_while(async {
        for _ in 0..2 {
            begun.notified().await;
            tokio::time::advance(Duration::from_secs(10)).await;
        }
    });
    let played = played.await;
    assert_eq!(
        played.tries(),
        [(0, "TaskRunTimeout", true), (1, "TaskRunTimeout", false)]
    );
    let after = Duration::from_secs(10);
    let ends = played.step_ends();
    assert!(
        ends.iter()
            .all(|end| end.3 == Some(Ending::TimedOut { after })),
        "{ends:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_cancelled_is_not_tried_again() {
    let begun = Arc::new(Notify::new());
    let mut task = Task::new();
    task.run.retries = 3;
    task.step("a", {
        let begun = Arc::clone(&begun);
        move |_, io| {
            begun.notify_one();
            io.cancel.sleep(Duration::MAX);
            Ok(Ending::Cancelled)
        }
    });
    let cancel = task.cancel.clone();
    let played = task.play_while(async {
        begun.notified().await;
        cancel.ask(RequestedStatus::Cancelled);
    });
    assert_eq!(played.await.tries(), [(0, "TaskRunCancelled", false)]);
}

#[tokio::test]
async fn a_run_that_its_own_document_cancels_or_holds_back_does_not_begin() {
    for (status, reason, message) in [
        (
            RequestedEnd::Cancelled("enough".into()),
            "TaskRunCancelled",
            r#"TaskRun "run" was cancelled. enough"#,
        ),
        (
            RequestedEnd::Pending,
            "TaskRunPending",
            r#"TaskRun "run" is pending"#,
        ),
    ] {
        let mut task = Task::new();
        task.run.retries = 3;
        task.run.status = Some(status);
        task.step("a", |_, _| panic!("it must not run"));
        let played = task.play().await;
        assert_eq!(played.verdict(), (reason, message));
        assert_eq!(played.tries(), [(0, reason, false)]);
        assert!(played.step_ends().is_empty());
    }
}

#[tokio::test]
async fn what_stepwell_cannot_do_is_not_tried_again() {
    let mut task = Task::new();
    task.run.retries = 3;
    task.step("a", |_, _| Err(host_error("run")));
    assert_eq!(task.play().await.tries(), [(0, "Failed", false)]);
    let mut task = Task::new();
    task.run.retries = 3;
    task.ends("a", 0);
    task.fault = Fault::Open;
    assert_eq!(task.play().await.tries(), [(0, "Failed", false)]);
}
