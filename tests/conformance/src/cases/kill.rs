//! Being stopped, at any moment: the ending says so, and what was said and written until then is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stepwell_contract::{Cancel, CancelReason, Ending};

use crate::stage::Stage;
use crate::{Action, Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "kill_task",
        "a step that would never end is stopped, and what it said is heard",
        task,
    ),
    Case::new(
        "kill_leaves",
        "what a killed step wrote is there, its results among it",
        leaves,
    ),
    Case::new(
        "kill_before",
        "a step that is stopped before it runs has not run",
        before,
    ),
    Case::new(
        "kill_after",
        "a step that has ended has ended, whoever asks afterwards",
        after,
    ),
    Case::new("kill_twice", "the first reason to stop stands", twice),
    Case::new(
        "kill_time_out",
        "a time that is up is told apart, with how long it was",
        time_out,
    ),
    Case::new(
        "kill_printing",
        "a step that prints without end is stopped too",
        printing,
    ),
    Case::new(
        "kill_any_moment",
        "a step is stopped after any line that it says, and loses none of them",
        any_moment,
    ),
    Case::new("kill_one", "the other steps of a task go on", one),
];

fn task(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step =
        task.start(stage.work(&[act::print("the target"), Action::Hang, act::print("more")]));
    step.wait_for("the target");
    step.kill();
    let end = step.end();
    assert_eq!(end.ending, Ending::Cancelled);
    assert_eq!(end.stdout.trim_end(), "the target");
    task.close();
}

fn leaves(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[
        act::write("/ws/file", "so far"),
        act::make_folder("/ws/folder"),
        act::print("written"),
        Action::Hang,
        act::write("/ws/file", "further"),
    ]));
    step.wait_for("written");
    step.kill();
    assert_eq!(step.end().ending, Ending::Cancelled);
    // The task goes on: a step of it that cleans up sees the same.
    task.run(stage.work(&[act::read("/ws/file")]))
        .says(&["ok so far"]);
    task.close();
    assert_eq!(stage.names("ws"), ["file", "folder"]);
    assert_eq!(stage.read("ws/file").as_deref(), Some("so far"));
}

fn before(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let sandbox = task.prepare(stage.work(&[act::write("/ws/file", "run"), act::print("run")]));
    let cancel = Cancel::new();
    cancel.cancel(CancelReason::Asked);
    let end = task.set_off_with(sandbox, cancel).end();
    assert_eq!((end.ending, end.bytes), (Ending::Cancelled, 0));
    assert!(stage.names("ws").is_empty());
    task.close();
}

fn after(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[act::print("done")]));
    let cancel = step.cancel.clone();
    let end = step.end();
    cancel.cancel(CancelReason::Asked);
    end.says(&["done"]);
    task.run(stage.work(&[act::print("again")]))
        .says(&["again"]);
    task.close();
}

fn twice(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[act::print("ready"), Action::Hang]));
    step.wait_for("ready");
    let after = Duration::from_secs(5);
    step.cancel.cancel(CancelReason::TimedOut(after));
    step.kill();
    assert_eq!(step.end().ending, Ending::TimedOut { after });
    task.close();
}

fn time_out(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[act::print("ready"), Action::Hang]));
    step.wait_for("ready");
    let after = Duration::from_millis(1234);
    step.cancel.cancel(CancelReason::TimedOut(after));
    let end = step.end();
    assert_eq!(end.ending, Ending::TimedOut { after });
    assert_eq!(end.stdout.trim_end(), "ready");
    task.close();
}

fn printing(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[
        act::print("ready"),
        act::complain("ready"),
        Action::Flood(u64::MAX >> 1),
    ]));
    step.wait_for("ready");
    step.kill();
    let end = step.end();
    assert_eq!(end.ending, Ending::Cancelled);
    assert!(end.stdout.starts_with("ready\n"));
    task.close();
}

/// How many lines the step says that is stopped after each of them.
const MOMENTS: u64 = 8;

fn any_moment(stage: &Stage<'_>) {
    let lines: Vec<String> = (0..MOMENTS)
        .map(|number| format!("line {number}"))
        .collect();
    let mut actions: Vec<Action> = lines.iter().map(|line| act::print(line)).collect();
    actions.push(Action::Hang);
    for moment in 0..MOMENTS {
        let task = stage.task(&["ws"]);
        let heard = Arc::new(AtomicU64::new(0));
        let cancel = Cancel::new();
        let sandbox = task.prepare(stage.work(&actions));
        let stop = cancel.clone();
        // Asked on the thread on which the line is told, so that the step may well be in the middle of the next one.
        let step = task.set_off_told(sandbox, cancel, move |bytes| {
            let ends = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            let before = heard.fetch_add(ends, Ordering::SeqCst);
            if before <= moment && moment < before + ends {
                stop.cancel(CancelReason::Asked);
            }
        });
        let end = step.end();
        assert_eq!(end.ending, Ending::Cancelled);
        let said: Vec<&str> = end.stdout.lines().collect();
        assert!(said.len() as u64 > moment, "{moment}: {said:?}");
        assert!(
            lines.iter().zip(&said).all(|(line, said)| line == said),
            "{said:?}"
        );
        task.close();
    }
}

fn one(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let hangs = task.start(stage.work(&[act::print("ready"), Action::Hang]));
    let waits = task.start(stage.work(&[
        act::print("ready"),
        act::await_file("/ws/go"),
        act::print("done"),
    ]));
    hangs.wait_for("ready");
    waits.wait_for("ready");
    hangs.kill();
    assert_eq!(hangs.end().ending, Ending::Cancelled);
    stage.file("ws/go", "");
    waits.end().says(&["ready", "ok", "done"]);
    task.close();
}
