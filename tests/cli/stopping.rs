//! Ctrl-C in a pipeline: once, and `finally` runs; twice, and it does not.

use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, ChildStdout, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::stage::{Stage, wait};

/// A pipeline whose only task never ends, and whose `finally` has the given guest.
fn spinning(last: &str) -> (Stage, Child, BufReader<ChildStdout>) {
    let stage = Stage::with(&["spin.wat", "hello.wat"]);
    stage.file(
        "run.yaml",
        &format!(
            "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: run}}\nspec:\n  pipelineSpec:\n    \
             tasks:\n    - name: spin\n      taskSpec: {{steps: [{{name: a, image: ./spin.wat}}]}}\n    \
             - name: after\n      runAfter: [spin]\n      taskSpec: {{steps: [{{name: a, image: ./hello.wat}}]}}\n    \
             finally:\n    - name: last\n      taskSpec: {{steps: [{{name: a, image: ./{last}}}]}}\n"
        ),
    );
    let mut child = stage
        .command(&["run", "run.yaml", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    until(&mut lines, r#""line":"ready""#);
    (stage, child, lines)
}

fn until(lines: &mut BufReader<ChildStdout>, needle: &str) {
    let mut line = String::new();
    while !line.contains(needle) {
        line.clear();
        assert!(
            lines.read_line(&mut line).unwrap() > 0,
            "the run ended by itself"
        );
    }
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn end(mut child: Child, mut lines: BufReader<ChildStdout>) -> (Option<i32>, String, String) {
    let (mut rest, mut said) = (String::new(), String::new());
    lines.read_to_string(&mut rest).unwrap();
    let code = wait(&mut child);
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (code, rest, said)
}

#[test]
fn an_interrupt_stops_what_runs_and_finally_runs() {
    let (stage, child, lines) = spinning("hello.wat");
    send(&child, Signal::SIGINT);
    let (code, rest, said) = end(child, lines);
    assert_eq!(code, Some(130), "{rest}");
    assert!(rest.contains(r#""task":"last","step":"a","attempt":0,"type":"step-log","stream":"stdout","line":"hello""#), "{rest}");
    assert!(rest.contains(r#""type":"task-skip","pipelineTask":"after","reason":"PipelineRun was gracefully cancelled""#), "{rest}");
    assert!(
        said.contains("press Ctrl-C again to stop without it"),
        "{said}"
    );
    assert_eq!(stage.left_behind(), [""; 0]);
}

#[test]
fn a_second_interrupt_stops_finally_too() {
    let (stage, child, mut lines) = spinning("spin.wat");
    send(&child, Signal::SIGINT);
    until(
        &mut lines,
        r#""task":"last","step":"a","attempt":0,"type":"step-log""#,
    );
    send(&child, Signal::SIGINT);
    let (code, rest, _) = end(child, lines);
    assert_eq!(code, Some(130), "{rest}");
    assert!(
        rest.contains(r#""type":"run-end","succeeded":false,"reason":"Cancelled""#),
        "{rest}"
    );
    assert_eq!(stage.left_behind(), [""; 0]);
}

#[test]
fn a_request_to_terminate_leaves_finally_out() {
    let (stage, child, lines) = spinning("hello.wat");
    send(&child, Signal::SIGTERM);
    let (code, rest, _) = end(child, lines);
    assert_eq!(code, Some(130), "{rest}");
    assert!(!rest.contains(r#""line":"hello""#), "{rest}");
    assert_eq!(stage.left_behind(), [""; 0]);
}
