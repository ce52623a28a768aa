//! Connections: the host reaches what listens in a task, and nothing else.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};

use stepwell_contract::{Feature, SandboxErrorKind};

use crate::stage::{Stage, Task};
use crate::{Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::with(
        Feature::Connection,
        "connection_served",
        "the host hears what a step says to whoever connects, each time",
        served,
    ),
    Case::with(
        Feature::Connection,
        "connection_missing",
        "a port that nobody listens on is not found",
        missing,
    ),
    Case::with(
        Feature::Connection,
        "connection_ended",
        "what listened is gone with its step",
        ended,
    ),
    Case::with(
        Feature::Connection,
        "connection_private",
        "what listens in another task is not reached",
        private,
    ),
    Case::with(
        Feature::Connection,
        "connection_host",
        "nor what listens on the machine itself",
        host,
    ),
];

/// A port that no machine's own programs are given by chance.
const PORT: u16 = 4_071;

fn answer(task: &Task, port: u16) -> String {
    let mut connection = task.scope.connect(port).unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    text
}

#[track_caller]
fn not_found(task: &Task, port: u16) {
    let error = task.scope.connect(port).expect_err("nobody listens");
    assert!(
        matches!(error.kind, SandboxErrorKind::NotFound),
        "{error:?}"
    );
}

fn served(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[act::serve(PORT, "the target")]));
    step.wait_for("ok");
    for _ in 0..3 {
        assert_eq!(answer(&task, PORT), "the target");
    }
    step.kill();
    step.end();
    task.close();
}

fn missing(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    not_found(&task, PORT);
    let step = task.start(stage.work(&[act::serve(PORT, "the target")]));
    step.wait_for("ok");
    not_found(&task, PORT + 1);
    step.kill();
    step.end();
    task.close();
}

fn ended(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[act::serve(PORT, "the target")]));
    step.wait_for("ok");
    assert_eq!(answer(&task, PORT), "the target");
    step.kill();
    step.end();
    not_found(&task, PORT);
    task.close();
}

fn private(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let step = task.start(stage.work(&[act::serve(PORT, "the target")]));
    step.wait_for("ok");
    let other = stage.task(&["ws"]);
    not_found(&other, PORT);
    other.run(stage.work(&[act::print("ran")])).says(&["ran"]);
    not_found(&other, PORT);
    other.close();
    step.kill();
    step.end();
    task.close();
}

fn host(stage: &Stage<'_>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = stage.task(&["ws"]);
    not_found(&task, port);
    task.run(stage.work(&[act::print("ran")])).says(&["ran"]);
    not_found(&task, port);
    task.close();
}
