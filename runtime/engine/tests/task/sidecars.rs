//! What runs beside the steps: ready before the first, stopped after the last, whatever happens in between.
//!
//! Where time matters it is tokio's, paused: a test says how far it goes.

mod left;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepwell_contract::{
    CancelReason, Ending, EventKind, LogStream, SandboxError, StepIo, TerminationReason,
};
use stepwell_spec::{Check, Probe};
use tokio::sync::Notify;

use crate::scripted::{Place, Played, Task};

const SECOND: Duration = Duration::from_secs(1);

/// Says that it runs, and waits until it is told to stop.
fn serves(_: Place, io: StepIo) -> Result<Ending, SandboxError> {
    io.sink.started();
    io.sink.log(LogStream::Stdout, b"listening\n");
    Ok(match io.cancel.sleep(Duration::MAX) {
        Some(CancelReason::TimedOut(after)) => Ending::TimedOut { after },
        _ => Ending::Cancelled,
    })
}

/// Says that it runs, and ends with `code`.
fn ends(code: i32) -> impl FnOnce(Place, StepIo) -> Result<Ending, SandboxError> + Send {
    move |_, io| {
        io.sink.started();
        Ok(Ending::Exited { code })
    }
}

fn probe(check: Check) -> Probe {
    Probe {
        check,
        initial_delay: Duration::ZERO,
        period: 10 * SECOND,
        timeout: SECOND,
        successes: 1,
        failures: 3,
    }
}

fn command() -> Probe {
    probe(Check::Exec(vec!["ask".to_owned()]))
}

/// Answers each time with the next of `codes`, the last one for ever, and tells `asked` so.
fn codes(
    codes: &'static [i32],
    asked: &Arc<Notify>,
) -> impl Fn(StepIo) -> Result<Ending, SandboxError> + Send + Sync + use<> {
    let (asked, next) = (Arc::clone(asked), AtomicU32::new(0));
    move |_| {
        let index = next.fetch_add(1, Ordering::SeqCst) as usize;
        asked.notify_one();
        let code = codes[index.min(codes.len() - 1)];
        Ok(Ending::Exited { code })
    }
}

/// How each sidecar ended: its name, its code, and whether it was stopped.
fn sidecar_ends(played: &Played) -> Vec<(String, i32, bool)> {
    let ends = played.events.iter().filter_map(|event| match &event.kind {
        EventKind::SidecarEnd {
            sidecar,
            exit_code,
            stopped,
            ..
        } => Some((sidecar.to_string(), *exit_code, *stopped)),
        _ => None,
    });
    ends.collect()
}

#[tokio::test]
async fn a_sidecar_is_there_before_the_first_step_and_gone_after_the_last() {
    let mut task = Task::new();
    task.sidecar("db", serves);
    task.ends("a", 0);
    task.ends("b", 0);
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
    let calls = played.calls();
    let at = |call: &str| calls.iter().position(|known| *known == call);
    assert!(at("run db") < at("run a"), "{calls:?}");
    assert_eq!(calls.last(), Some(&"close"));
    let shape = played.shape();
    let at = |event: &str| shape.iter().position(|known| known == event).unwrap();
    assert!(at("sidecar-start") < at("sidecar-ready"), "{shape:?}");
    assert!(at("sidecar-ready") < at("step-start a"), "{shape:?}");
    assert!(at("step-end b") < at("sidecar-end"), "{shape:?}");
    assert!(at("sidecar-end") < at("task-end"), "{shape:?}");
    assert_eq!(sidecar_ends(&played), [("db".to_owned(), 137, true)]);
}

#[tokio::test(start_paused = true)]
async fn steps_wait_until_each_is_ready() {
    let asked = Arc::new(Notify::new());
    let runs = Arc::new(Notify::new());
    let mut task = Task::new();
    let body = {
        let runs = Arc::clone(&runs);
        move |_: Place, io: StepIo| {
            io.sink.started();
            runs.notify_one();
            io.cancel.sleep(Duration::MAX);
            Ok(Ending::Cancelled)
        }
    };
    task.sidecar("db", body).readiness = Some(Probe {
        initial_delay: 5 * SECOND,
        successes: 2,
        ..command()
    });
    task.answers("db", codes(&[1, 0, 1, 0, 0], &asked));
    let begun = Arc::new(Mutex::new(None));
    task.step("a", {
        let begun = Arc::clone(&begun);
        move |_, _| {
            *begun.lock().unwrap() = Some(tokio::time::Instant::now());
            Ok(Ending::SUCCESS)
        }
    });
    let start = tokio::time::Instant::now();
    let played = task
        .play_while(async {
            // What is asked is answered at once; only time makes it be asked again.
            runs.notified().await;
            tokio::time::advance(5 * SECOND).await;
            for _ in 0..4 {
                asked.notified().await;
                tokio::time::advance(10 * SECOND).await;
            }
        })
        .await;
    assert_eq!(played.verdict().0, "Succeeded");
    // Yes twice in a row: at 5 and 15 no and yes, at 25 no, at 35 and 45 yes.
    let begun = begun.lock().unwrap().unwrap() - start;
    assert_eq!(begun, 45 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_never_begins_is_stopped_and_fails_the_task_after_its_steps() {
    let asked = Arc::new(Notify::new());
    let mut task = Task::new();
    let sidecar = task.sidecar("db", serves);
    sidecar.startup = Some(Probe {
        failures: 2,
        ..command()
    });
    sidecar.readiness = Some(command());
    task.answers("db", codes(&[1], &asked));
    task.ends("a", 0);
    let played = task
        .play_while(async {
            asked.notified().await;
            tokio::time::advance(10 * SECOND).await;
        })
        .await;
    assert_eq!(
        played.verdict(),
        (
            "SidecarFailed",
            r#""sidecar-db" exited with code 137: Error"#
        )
    );
    // As in Tekton, one that has ended is not waited for.
    assert_eq!(played.words(), [TerminationReason::Completed]);
    assert_eq!(sidecar_ends(&played), [("db".to_owned(), 137, false)]);
    assert_eq!(
        played.notices(),
        ["the `startupProbe` of the sidecar `db` has failed: it is stopped"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_stops_to_answer_is_stopped() {
    let (asked, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut task = Task::new();
    task.sidecar("db", {
        let gone = Arc::clone(&gone);
        move |place, io| {
            let ended = serves(place, io);
            gone.notify_one();
            ended
        }
    })
    .liveness = Some(Probe {
        failures: 1,
        ..command()
    });
    task.answers("db", codes(&[0, 0, 1], &asked));
    let runtime = tokio::runtime::Handle::current();
    task.step("a", move |_, _| {
        runtime.block_on(gone.notified());
        Ok(Ending::SUCCESS)
    });
    let played = task
        .play_while(async {
            for _ in 0..2 {
                asked.notified().await;
                tokio::time::advance(10 * SECOND).await;
            }
        })
        .await;
    assert_eq!(played.verdict().0, "SidecarFailed");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_takes_too_long_is_a_no() {
    let asked = Arc::new(Notify::new());
    let mut task = Task::new();
    task.sidecar("db", serves).startup = Some(Probe {
        failures: 1,
        ..command()
    });
    task.answers("db", {
        let asked = Arc::clone(&asked);
        move |io| {
            asked.notify_one();
            let reason = io.cancel.sleep(Duration::MAX);
            assert_eq!(reason, Some(CancelReason::TimedOut(SECOND)));
            Ok(Ending::Cancelled)
        }
    });
    task.ends("a", 0);
    let played = task
        .play_while(async {
            asked.notified().await;
            tokio::time::advance(SECOND).await;
        })
        .await;
    assert_eq!(played.verdict().0, "SidecarFailed");
}

#[tokio::test]
async fn a_port_is_asked_in_the_tasks_own_network() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let real = listener.local_addr().unwrap().port();
    let mut task = Task::new();
    task.containers = true;
    let sidecar = task.sidecar("db", serves);
    sidecar.step.image = "app:1".into();
    sidecar.readiness = Some(probe(Check::Tcp(5432)));
    task.ports.lock().unwrap().insert(5432, real);
    task.ends("a", 0);
    assert_eq!(task.play().await.verdict().0, "Succeeded");
}

#[tokio::test]
async fn a_sidecar_may_end_by_itself_and_may_not_fail() {
    for (code, reason) in [(0, "Succeeded"), (3, "SidecarFailed")] {
        let mut task = Task::new();
        task.sidecar("db", ends(code));
        task.ends("a", 0);
        let played = task.play().await;
        assert_eq!(played.verdict().0, reason);
        assert_eq!(played.words(), [TerminationReason::Completed]);
    }
}

#[tokio::test]
async fn a_sidecar_without_memory_is_told_apart() {
    let mut task = Task::new();
    task.sidecar("db", |_, io| {
        io.sink.started();
        Ok(Ending::LimitReached {
            limit: stepwell_contract::Limit::Memory,
            value: 1,
            backtrace: Vec::new(),
        })
    });
    task.ends("a", 0);
    assert_eq!(
        task.play().await.verdict(),
        ("SidecarOOM", r#""sidecar-db" exited because of OOMKilled"#)
    );
}

#[tokio::test]
async fn a_step_that_fails_is_what_the_task_fails_for() {
    let mut task = Task::new();
    task.sidecar("db", ends(3));
    task.ends("a", 1);
    assert_eq!(task.play().await.verdict().0, "StepFailed");
}

#[tokio::test(start_paused = true)]
async fn a_task_may_be_stopped_while_it_waits_for_its_sidecars() {
    for timed_out in [false, true] {
        let asked = Arc::new(Notify::new());
        let mut task = Task::new();
        task.sidecar("db", serves).readiness = Some(command());
        task.answers("db", codes(&[1], &asked));
        task.ends("a", 0);
        task.run.timeout = Some(60 * SECOND);
        let control = task.cancel.clone();
        let played = task
            .play_while(async {
                asked.notified().await;
                match timed_out {
                    true => tokio::time::advance(60 * SECOND).await,
                    false => control.ask(stepwell_spec::RequestedStatus::Cancelled),
                }
            })
            .await;
        let reason = match timed_out {
            true => "TaskRunTimeout",
            false => "TaskRunCancelled",
        };
        assert_eq!(played.verdict().0, reason);
        assert_eq!(played.words(), [TerminationReason::Skipped]);
        assert_eq!(sidecar_ends(&played), [("db".to_owned(), 137, true)]);
        assert_eq!(played.left, 0);
    }
}

#[tokio::test]
async fn what_a_sidecar_says_is_heard_with_its_name_and_secrets_are_hidden() {
    let mut task = Task::new();
    task.run.secrets = Arc::from([Arc::from("hunter2-is-long")]);
    task.sidecar("db", |_, io| {
        io.sink.started();
        io.sink
            .log(LogStream::Stderr, b"password hunter2-is-long\nrest");
        Ok(Ending::SUCCESS)
    });
    task.ends("a", 0);
    let played = task.play().await;
    let said: Vec<_> = played
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::SidecarLog {
                sidecar,
                stream: LogStream::Stderr,
                line,
                ..
            } => Some((sidecar.as_str(), line.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(said, [("db", "password ***"), ("db", "rest")]);
}

#[tokio::test]
async fn a_sidecar_sees_workspaces_and_no_folder_of_the_steps() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut task = Task::new();
    task.run.workspaces = vec![stepwell_spec::Workspace {
        name: "data".into(),
        mount_path: "/workspace/data".into(),
        access: stepwell_contract::Access::ReadWrite,
        isolated: false,
        source: stepwell_spec::VolumeSource::EmptyDir,
    }];
    let sidecar = task.sidecar("db", {
        let seen = Arc::clone(&seen);
        move |place, io| {
            io.sink.started();
            let paths = place.spec.mounts.iter().map(|mount| mount.path.to_string());
            *seen.lock().unwrap() = paths.collect();
            let scripts = place.dir("/tekton/scripts");
            assert_eq!(
                scripts.read_to_string("sidecar-script-0").unwrap(),
                "#!/bin/sh\n"
            );
            place.dir("/workspace/data").write("from", "db").unwrap();
            Ok(Ending::SUCCESS)
        }
    });
    sidecar.step.script = Some("#!/bin/sh\n".to_owned());
    sidecar.readiness = None;
    task.step("a", |place, _| {
        place.dir("/workspace");
        place.dir("/workspace/data");
        Ok(Ending::SUCCESS)
    });
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded", "{:?}", played.errors());
    assert_eq!(
        *seen.lock().unwrap(),
        ["/tekton/scripts", "/workspace/data"]
    );
}

#[tokio::test]
async fn each_try_has_sidecars_of_its_own() {
    let mut task = Task::new();
    task.sidecar("db", serves);
    task.again("db", serves);
    task.ends("a", 1);
    task.again("a", |_, _| Ok(Ending::SUCCESS));
    task.run.retries = 1;
    let played = task.play().await;
    assert_eq!(played.verdict().0, "Succeeded");
    assert_eq!(sidecar_ends(&played).len(), 2);
}

#[tokio::test]
async fn a_sidecar_without_an_image_is_named() {
    let mut task = Task::new();
    task.sidecar("db", serves).step.image = "gone:1".into();
    task.ends("a", 0);
    let started = task.start();
    let refused = started.engine.admit(started.run).unwrap_err();
    assert_eq!(refused.refused.len(), 1);
    assert_eq!(refused.refused[0].step.as_ref().unwrap().as_str(), "db");
}
