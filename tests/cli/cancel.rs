//! Ctrl-C, SIGTERM and time-outs: the step ends, clean-up runs, the exit code says so.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::stage::{Stage, wait};

/// Starts a run whose step never ends, and waits until it is in the middle of it.
fn spinning(stage: &Stage, format: &str) -> (Child, BufReader<ChildStdout>) {
    stage.task("task.yaml", &["spin.wat"]);
    let mut child = stage
        .command(&["run", "task.yaml", "-o", format])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready") {
        line.clear();
        assert!(
            lines.read_line(&mut line).unwrap() > 0,
            "the run ended by itself"
        );
    }
    (child, lines)
}

fn interrupted(signal: Signal) {
    let stage = Stage::with(&["spin.wat"]);
    let (mut child, mut lines) = spinning(&stage, "json");
    assert_eq!(
        stage.left_behind().len(),
        1,
        "the run has a folder while it runs"
    );
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, signal).unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut lines, &mut rest).unwrap();
    let code = wait(&mut child);
    assert_eq!(code, Some(130), "{rest}");
    assert!(
        rest.contains(r#""terminationReason":"Cancelled""#),
        "{rest}"
    );
    assert!(
        rest.contains(r#""type":"run-end","succeeded":false,"reason":"TaskRunCancelled""#),
        "{rest}"
    );
    assert_eq!(stage.left_behind(), [""; 0]);
}

#[test]
fn an_interrupt_ends_the_step_and_cleans_up() {
    interrupted(Signal::SIGINT);
}

#[test]
fn a_request_to_terminate_is_the_same() {
    interrupted(Signal::SIGTERM);
}

#[test]
fn the_steps_time_out_is_exit_code_6() {
    let stage = Stage::with(&["spin.wat"]);
    stage.file(
        "task.yaml",
        "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec: {steps: [{name: spin, image: ./spin.wat, timeout: 200ms}]}
",
    );
    insta::assert_snapshot!(stage.stepwell(&["run", "task.yaml"]).text(), @r#"
    task: 1 step
    [spin] ready
    ✗ spin timed out [TIME]

    step spin timed out after 200ms
      the step's `timeout` sets how long it may take

    Time
      spin [TIME] [SHARE]
      (stepwell) [TIME] [SHARE]

    ✗ task-run-[ID] failed after [TIME]: "step-spin" exited because the step exceeded the specified timeout limit
    --- exit 6
    "#);
    assert_eq!(stage.left_behind(), [""; 0]);
}

#[test]
fn the_task_runs_time_out_is_exit_code_6() {
    let stage = Stage::with(&["spin.wat"]);
    stage.file(
        "run.yaml",
        "\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: run}
spec: {timeout: 200ms, taskSpec: {steps: [{name: spin, image: ./spin.wat}]}}
",
    );
    let ended = stage.stepwell(&["run", "run.yaml"]);
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains(r#"TaskRun "run" failed to finish within "200ms""#),
        "{ended:?}"
    );
}
