//! Places: known while a task is open, held after a failure, and steps that stop at breakpoints, with no sleep anywhere.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepwell_contract::{Ending, TerminationReason};
use stepwell_engine::Places;
use stepwell_engine::places::{GoOn, StepState};
use stepwell_spec::{Breakpoints, OnError, RequestedStatus};
use tokio::sync::Notify;

use crate::scripted::{Played, Task};

/// A task whose places are told.
fn told(keep: bool) -> (Task, Places, Arc<Notify>) {
    let stopped = Arc::new(Notify::new());
    let told = Arc::clone(&stopped);
    let places = Places::new(keep, move |task, step, at| {
        told.notify_one();
        format!("{task}/{step} stops: {at:?}")
    });
    let mut task = Task::new();
    task.places = Some(places.clone());
    (task, places, stopped)
}

/// What can be looked into, in short.
fn seen(places: &Places) -> Vec<(String, StepState, bool)> {
    let short = |seen: &stepwell_engine::places::Seen| {
        let name = format!("{}/{}#{}", seen.task, seen.step, seen.attempt);
        (name, seen.state, seen.held)
    };
    places.list().iter().map(short).collect()
}

fn folders(played: &Played) -> usize {
    fs::read_dir(played.folder().join("scratch"))
        .expect("the folder of scratch folders is there")
        .count()
}

#[tokio::test]
async fn a_step_can_be_looked_into_while_it_runs() {
    let (mut task, places, _) = told(false);
    let at_that_time = Arc::new(Mutex::new(Vec::new()));
    task.ends("a", 0);
    task.step("b", {
        let (places, at_that_time) = (places.clone(), Arc::clone(&at_that_time));
        move |_, _| {
            *at_that_time.lock().unwrap() = places.list();
            Ok(Ending::SUCCESS)
        }
    });
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
    let list = at_that_time.lock().unwrap();
    let states: Vec<_> = list.iter().map(|seen| seen.state).collect();
    assert_eq!(
        states,
        [StepState::Ended { failed: false }, StepState::Running]
    );
    assert!(list[1].workspaces[0].1.starts_with(played.folder()));
    // Whoever still looks is told that it is over.
    assert!(list.iter().all(|seen| seen.over.reason().is_some()));
    assert_eq!(seen(&places), []);
}

#[tokio::test]
async fn a_task_that_failed_is_held_until_somebody_has_looked() {
    let (mut task, places, _) = told(true);
    task.ends("a", 0);
    task.ends("b", 1);
    task.ends("c", 0);
    let played = task.play().await;
    assert_eq!(played.verdict().0, "StepFailed");
    assert_eq!(played.shape().last().unwrap(), "run-end");
    let ended = |name: &str, failed| (name.to_owned(), StepState::Ended { failed }, true);
    assert_eq!(
        seen(&places),
        [ended("task/a#0", false), ended("task/b#0", true)]
    );
    assert!(places.holds());
    assert!(!played.calls().contains(&"close"));
    assert_eq!(played.left, 1, "its folders are there");
    let over = places.list().remove(0).over;
    assert_eq!(over.reason(), None);

    assert_eq!(places.close(), [[""; 0]; 0]);
    assert!(over.reason().is_some());
    assert_eq!((seen(&places), places.holds()), (Vec::new(), false));
    assert_eq!(folders(&played), 0);
}

#[tokio::test]
async fn nothing_is_held_where_nobody_wants_it() {
    for (keep, code, left) in [(false, 1, 0), (true, 0, 0), (true, 1, 1)] {
        let (mut task, places, _) = told(keep);
        task.ends("a", code);
        let played = task.play().await;
        assert_eq!(played.left, left, "{keep} {code}");
        assert_eq!(places.holds(), left == 1);
        assert_eq!(played.calls().contains(&"close"), left == 0);
    }
}

#[tokio::test]
async fn of_all_tries_the_last_is_held() {
    let (mut task, places, _) = told(true);
    task.ends("a", 1);
    task.again("a", |_, _| Ok(Ending::Exited { code: 2 }));
    task.run.retries = 1;
    let played = task.play().await;
    assert_eq!(played.tries().len(), 2);
    let held = (
        "task/a#1".to_owned(),
        StepState::Ended { failed: true },
        true,
    );
    assert_eq!(seen(&places), [held]);
    assert_eq!(places.close(), [[""; 0]; 0]);
}

/// Plays a task that stops, and lets it go on.
async fn go_on(task: Task, places: &Places, stopped: &Notify, how: GoOn) -> Played {
    task.play_while(async {
        stopped.notified().await;
        let list = places.list();
        let waits = list.last().expect("one waits");
        assert!(matches!(waits.state, StepState::Paused(_)));
        assert!(places.go_on(waits, how));
        assert!(!places.go_on(waits, how), "it went on already");
    })
    .await
}

fn before(step: &str) -> Breakpoints {
    Breakpoints {
        on_failure: false,
        before_steps: vec![step.into()],
    }
}

#[tokio::test]
async fn a_step_waits_before_it_runs() {
    let (mut task, places, stopped) = told(false);
    task.ends("a", 0);
    task.ends("b", 0).timeout = Some(Duration::from_secs(60));
    task.run.breakpoints = before("b");
    let played = go_on(task, &places, &stopped, GoOn::Continue).await;
    assert_eq!(played.verdict().0, "Succeeded");
    assert_eq!(played.notices(), ["task/b stops: BeforeStep"]);
    assert!(played.calls().contains(&"run b"));
}

#[tokio::test]
async fn a_step_that_waits_before_it_runs_can_be_failed() {
    let (mut task, places, stopped) = told(false);
    task.ends("a", 0);
    task.ends("b", 0);
    task.run.breakpoints = before("a");
    let played = go_on(task, &places, &stopped, GoOn::Fail).await;
    assert_eq!(played.verdict().0, "StepFailed");
    assert_eq!(
        played.words(),
        [TerminationReason::Error, TerminationReason::Skipped]
    );
    assert!(!played.calls().contains(&"run a"));
}

#[tokio::test]
async fn a_step_that_failed_waits_and_is_judged_by_whoever_looked() {
    for (how, reason, exit_code) in [
        (GoOn::Continue, "Succeeded", 0),
        (GoOn::Fail, "StepFailed", 7),
    ] {
        let (mut task, places, stopped) = told(false);
        task.ends("a", 7);
        task.ends("b", 0);
        task.run.breakpoints.on_failure = true;
        let played = go_on(task, &places, &stopped, how).await;
        assert_eq!(played.verdict().0, reason);
        assert_eq!(played.notices(), ["task/a stops: OnFailure"]);
        assert_eq!(played.step_ends()[0].2, exit_code);
    }
}

#[tokio::test]
async fn a_failure_that_lets_the_task_go_on_waits_as_well() {
    let (mut task, places, stopped) = told(false);
    task.ends("a", 7).on_error = OnError::Continue;
    task.run.breakpoints.on_failure = true;
    let played = go_on(task, &places, &stopped, GoOn::Fail).await;
    assert_eq!(played.words(), [TerminationReason::Continued]);
}

#[tokio::test(start_paused = true)]
async fn the_tasks_time_goes_on_while_a_step_waits_and_its_own_does_not() {
    for breakpoints in [
        before("a"),
        Breakpoints {
            on_failure: true,
            before_steps: Vec::new(),
        },
    ] {
        let (mut task, _, stopped) = told(false);
        task.ends("a", 1).timeout = Some(Duration::from_secs(5));
        task.run.breakpoints = breakpoints;
        task.run.timeout = Some(Duration::from_secs(60));
        let played = task.play_while(async {
            stopped.notified().await;
            tokio::time::advance(Duration::from_secs(60)).await;
        });
        let played = played.await;
        assert_eq!(played.verdict().0, "TaskRunTimeout");
        assert_eq!((played.errors().len(), played.left), (0, 0));
    }
}

#[tokio::test]
async fn a_run_that_is_cancelled_does_not_wait_and_is_not_held() {
    let (mut task, places, stopped) = told(true);
    task.ends("a", 1);
    task.run.breakpoints.on_failure = true;
    let cancel = task.cancel.clone();
    let played = task.play_while(async {
        stopped.notified().await;
        cancel.ask(RequestedStatus::Cancelled);
    });
    let played = played.await;
    assert_eq!(played.verdict().0, "TaskRunCancelled");
    assert_eq!((places.holds(), played.left), (false, 0));
}

#[tokio::test]
async fn where_nobody_can_look_nothing_stops() {
    let mut task = Task::new();
    task.ends("a", 1);
    task.run.breakpoints = before("a");
    task.run.breakpoints.on_failure = true;
    assert_eq!(task.play().await.verdict().0, "StepFailed");
}
