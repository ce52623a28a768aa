//! `stepwell shell` in containers: through pipes and on a terminal, beside a step that runs and in one that failed.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;

use nix::pty::{OpenptyResult, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::boxes::are_possible;
use crate::containers::stage;
use crate::looking::{Live, until};
use crate::stage::{Stage, wait};

/// A TaskRun with one step, which does this.
fn run(stage: &Stage, script: &str) {
    stage.file(
        "run.yaml",
        &format!(
            "\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {{name: run}}
spec: {{taskSpec: {{steps: [{{name: only, image: \"oci:./layout\", script: \"{script}\"}}]}}}}
"
        ),
    );
}

/// A run whose step waits until the run is cancelled.
fn waiting(stage: &Stage) -> Live {
    run(stage, "echo here > /file; echo ready; sleep 1000");
    let mut live = Live::start(stage, &["run", "run.yaml"]);
    until(&mut live.stdout, "ready");
    live
}

/// Ends it, and looks whether all went with it.
fn cancel(stage: &Stage, live: Live) {
    assert_eq!(stage.stepwell(&["runs", "cancel", "run"]).code, Some(0));
    assert_eq!(live.end().0, Some(130));
    assert_eq!(stage.left_behind(), [""; 0]);
}

#[test]
fn a_shell_in_a_pipe_has_both_outputs_and_an_exit_code() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    let live = waiting(&stage);
    let typed = b"cat /file\necho oh >&2\nexit 3\n";
    let ended = stage.end(&mut stage.command(&["shell", "run/run/only"]), typed);
    assert_eq!(
        (ended.code, &*ended.stdout, &*ended.stderr),
        (Some(3), "here\n", "oh\n")
    );
    let alone = stage.stepwell(&["shell", "--", "sh", "-c", "cat /file; exit 7"]);
    assert_eq!(
        (alone.code, &*alone.stdout),
        (Some(7), "here\n"),
        "{alone:?}"
    );
    let input = stage.end(
        &mut stage.command(&["shell", "run", "--", "cat"]),
        b"all of it",
    );
    assert_eq!(
        (input.code, &*input.stdout),
        (Some(0), "all of it"),
        "{input:?}"
    );
    cancel(&stage, live);
}

#[test]
fn several_look_at_once_and_a_run_that_is_cancelled_takes_them_along() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    let live = waiting(&stage);
    let begin = |typed: &[u8]| {
        let mut command = stage.command(&["shell", "run"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(typed).unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        until(&mut out, "in");
        child
    };
    let mut first = begin(b"echo in; sleep 1000\n");
    let mut second = begin(b"echo in\n");
    cancel(&stage, live);
    for shell in [&mut first, &mut second] {
        assert_ne!(wait(shell), Some(0));
        let mut said = String::new();
        let stderr = shell.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        assert!(said.contains("ended"), "{said}");
    }
}

#[test]
fn attack_a_shell_that_is_killed_leaves_no_program_in_the_container() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    let live = waiting(&stage);
    let mut command = stage.command(&["shell", "run", "--", "sh", "-c", "echo $$; sleep 1000"]);
    let mut shell = command
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = until(&mut BufReader::new(shell.stdout.take().unwrap()), "\n");
    shell.kill().unwrap();
    shell.wait().unwrap();
    let gone = format!("while [ -d /proc/{} ]; do :; done", pid.trim());
    let looked = stage.stepwell(&["shell", "run", "--", "sh", "-c", &gone]);
    assert_eq!(looked.code, Some(0), "{looked:?}");
    cancel(&stage, live);
}

#[test]
fn what_failed_can_be_looked_into_when_the_run_has_ended() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    run(&stage, "echo left > /workspace/left; exit 7");
    let mut live = Live::start(&stage, &["run", "run.yaml", "--keep"]);
    let said = until(&mut live.stderr, "press Ctrl-C");
    assert!(
        said.contains("run/only: stepwell shell run/run/only"),
        "{said}"
    );
    let looked = stage.stepwell(&["shell", "--", "sh", "-c", "cat /workspace/left; exit 2"]);
    assert_eq!(
        (looked.code, &*looked.stdout),
        (Some(2), "left\n"),
        "{looked:?}"
    );
    let pid = Pid::from_raw(i32::try_from(live.child.id()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    assert_eq!(live.end().0, Some(5), "it failed, whoever looked");
    assert_eq!(stage.left_behind(), [""; 0]);
}

/// How large the terminal of a test is.
fn window(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

#[test]
fn on_a_terminal_keys_go_through_and_the_window_is_the_users() {
    if !are_possible() {
        return;
    }
    let stage = stage();
    let live = waiting(&stage);
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    tcsetwinsize(&master, window(30, 100)).unwrap();
    let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
    let mut command = stage.command(&["shell", "run"]);
    command
        .stdin(end(&slave))
        .stdout(end(&slave))
        .stderr(end(&slave));
    let mut child = command.spawn().unwrap();
    let mut keys = File::from(master.try_clone().unwrap());
    let mut screen = BufReader::new(File::from(master.try_clone().unwrap()));
    // What is typed is echoed: what is waited for must not stand in it.
    keys.write_all(b"stty size; echo si\"\"zed\n").unwrap();
    let shown = until(&mut screen, "sized\r");
    assert!(shown.contains("30 100"), "{shown}");
    let raw = tcgetattr(slave.as_fd()).unwrap().local_modes;
    assert!(!raw.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));

    tcsetwinsize(&master, window(50, 120)).unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGWINCH).unwrap();
    let follow = b"while [ \"$(stty size)\" != '50 120' ]; do :; done; echo re\"\"sized\n";
    keys.write_all(follow).unwrap();
    until(&mut screen, "resized\r");

    // Ctrl-C is a key of the shell's, and ends what runs in it alone: what says so runs by then, and has the terminal.
    keys.write_all(b"sh -c 'echo slee\"\"ping; exec sleep 1000'\n")
        .unwrap();
    until(&mut screen, "sleeping\r");
    keys.write_all(b"\x03").unwrap();
    // It takes along what was typed behind it.
    until(&mut screen, "^C");
    keys.write_all(b"exit 9\n").unwrap();
    assert_eq!(wait(&mut child), Some(9));
    let after = tcgetattr(slave.as_fd()).unwrap().local_modes;
    assert!(after.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
    cancel(&stage, live);
}
