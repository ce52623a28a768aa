//! Giving up what was begun: sandboxes and tasks that are dropped, before and while they start.

use std::sync::Barrier;
use std::thread;

use stepwell_contract::{Cancel, CancelReason, Ending};

use crate::stage::Stage;
use crate::{Action, Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::new(
        "discard_task",
        "a task that nothing ran in leaves nothing, closed or dropped",
        empty,
    ),
    Case::new(
        "discard_prepared",
        "a sandbox that is dropped has not run",
        prepared,
    ),
    Case::new(
        "discard_with_prepared",
        "a task may be dropped before its sandboxes",
        with_prepared,
    ),
    Case::new(
        "discard_preparing",
        "a task may be used and dropped by several threads",
        preparing,
    ),
    Case::new(
        "discard_starting",
        "a step that is stopped while it starts has run to its end or is cancelled",
        starting,
    ),
];

fn writes(stage: &Stage<'_>) -> crate::stage::Step {
    stage.work(&[act::write("/ws/file", "run")])
}

fn empty(stage: &Stage<'_>) {
    stage.task(&["ws"]).close();
    drop(stage.task(&["ws", "other"]));
    assert!(stage.names("ws").is_empty());
}

fn prepared(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    drop(task.prepare(writes(stage)));
    assert!(stage.names("ws").is_empty(), "it has run");
    let place = task.prepare(writes(stage)).place();
    drop(place);
    assert!(stage.names("ws").is_empty(), "it has run");
    task.run(writes(stage)).says(&["ok"]);
    task.close();
}

fn with_prepared(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let sandbox = task.prepare(writes(stage));
    drop(task);
    drop(sandbox);
    assert!(stage.names("ws").is_empty(), "it has run");
}

fn preparing(stage: &Stage<'_>) {
    const THREADS: usize = 4;
    let task = stage.task(&["ws"]);
    let barrier = Barrier::new(THREADS);
    thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                let step = writes(stage);
                barrier.wait();
                drop(task.prepare(step));
            });
        }
    });
    drop(task);
    assert!(stage.names("ws").is_empty(), "it has run");
}

fn starting(stage: &Stage<'_>) {
    const TIMES: usize = 10;
    for _ in 0..TIMES {
        let task = stage.task(&["ws"]);
        let sandbox = task.prepare(stage.work(&[act::print("run"), Action::Hang]));
        let cancel = Cancel::new();
        let barrier = Barrier::new(2);
        let end = thread::scope(|threads| {
            threads.spawn(|| {
                barrier.wait();
                cancel.cancel(CancelReason::Asked);
            });
            barrier.wait();
            task.set_off_with(sandbox, cancel.clone()).end()
        });
        assert_eq!(end.ending, Ending::Cancelled);
        assert!(["", "run"].contains(&end.stdout.trim_end()), "{end:#?}");
        task.close();
    }
}
