//! On a real terminal: live lines, colour, and nothing of a guest's that the terminal would obey.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use nix::pty::{OpenptyResult, openpty};

use crate::stage::{Stage, wait};

/// What a terminal is sent by `stepwell`.
fn on_a_terminal(stage: &Stage, args: &[&str], no_color: &str) -> String {
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    let mut command = stage.command(args);
    command
        .env("NO_COLOR", no_color)
        .env("TERM", "xterm")
        .stdout(Stdio::from(slave));
    let mut child = command.spawn().unwrap();
    // The command holds an end of the terminal; without it, reading ends with the child.
    drop(command);
    let mut shown = Vec::new();
    let mut ours = File::from(master);
    let mut buffer = [0; 4096];
    // A terminal whose other end is closed answers with an error.
    while let Ok(count @ 1..) = ours.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(wait(&mut child), Some(0));
    String::from_utf8(shown).unwrap()
}

#[test]
fn attack_a_guest_drives_the_terminal() {
    let stage = Stage::with(&["hostile.wat"]);
    stage.task("task.yaml", &["hostile.wat"]);
    let shown = on_a_terminal(&stage, &["run", "task.yaml"], "");
    let line = r"\x1b[2J\x1b]0;owned\x07FAILED\rpassed";
    assert!(shown.contains(line), "{shown:?}");
    assert!(
        !shown.contains("\x1b]0;") && !shown.contains("\x1b[2J\x1b"),
        "{shown:?}"
    );
}

#[test]
fn a_terminal_gets_colour_unless_told_not_to() {
    let stage = Stage::with(&["hello.wat"]);
    stage.task("task.yaml", &["hello.wat"]);
    let green = "\x1b[32m✓";
    assert!(on_a_terminal(&stage, &["run", "task.yaml"], "").contains(green));
    assert!(!on_a_terminal(&stage, &["run", "task.yaml"], "1").contains(green));
    assert!(!on_a_terminal(&stage, &["run", "task.yaml", "--color", "never"], "").contains(green));
}

#[test]
fn a_pipe_gets_the_guests_own_bytes() {
    let stage = Stage::with(&["hostile.wat"]);
    stage.task("task.yaml", &["hostile.wat"]);
    let ended = stage.stepwell(&["run", "task.yaml"]);
    assert!(
        ended
            .stdout
            .contains("[hostile] \x1b[2J\x1b]0;owned\x07FAILED\rpassed\n"),
        "{ended:?}"
    );
}
