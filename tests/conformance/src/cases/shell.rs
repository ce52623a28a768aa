//! A shell beside a step: what is typed is done there, and it ends when it should.

use std::io::ErrorKind;
use std::sync::Arc;

use stepwell_contract::power::{Shell, ShellSpec, TerminalSize};
use stepwell_contract::{Ending, Feature, Place};

use crate::stage::{Running, Stage, Task};
use crate::{Action, Case, act};

pub(crate) const CASES: &[Case] = &[
    Case::with(
        Feature::Shell,
        "shell_command",
        "what is typed is done where the step is, its outputs apart",
        command,
    ),
    Case::with(
        Feature::Shell,
        "shell_bad_command",
        "a shell ends with the code of what it ran",
        bad_command,
    ),
    Case::with(
        Feature::Shell,
        "shell_abort",
        "a shell is stopped, and the step goes on",
        abort,
    ),
    Case::with(
        Feature::Shell,
        "shell_kill",
        "a shell ends with the task",
        kill,
    ),
    Case::with(
        Feature::Shell,
        "shell_window",
        "a terminal has the size that it is told, then and later",
        window,
    ),
    Case::with(
        Feature::Shell,
        "shell_after_failure",
        "a shell opens where a step has failed, and sees what it left",
        after_failure,
    ),
    Case::with(
        Feature::Shell,
        "shell_input_ends",
        "nothing can be typed into a shell that has ended",
        input_ends,
    ),
];

/// A step that runs until `ws/go` is there, and its place.
fn waiting(stage: &Stage<'_>, task: &Task) -> (Running, Arc<dyn Place>) {
    let sandbox = task.prepare(stage.work(&[
        act::write("/ws/file", "by the step"),
        act::print("ready"),
        act::await_file("/ws/go"),
    ]));
    let place = sandbox.place();
    let step = task.set_off(sandbox);
    step.wait_for("ready");
    (step, place)
}

fn type_in(stage: &Stage<'_>, shell: &Shell, actions: &[Action]) {
    let typed = stage.harness.typed(actions);
    shell.terminal.write(typed.as_bytes()).unwrap();
}

fn command(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = waiting(stage, &task);
    let shell = place.shell(ShellSpec::default()).unwrap();
    let actions = [
        act::print("Hello World"),
        act::complain("Hello trouble"),
        act::read("/ws/file"),
        act::write("/ws/shell", "by the shell"),
    ];
    type_in(stage, &shell, &actions);
    shell.terminal.end_input();
    let end = task.set_off(shell.sandbox).end();
    end.says(&["Hello World", "ok by the step", "ok"]);
    assert_eq!(end.stderr.trim_end(), "Hello trouble");
    assert_eq!(stage.read("ws/shell").as_deref(), Some("by the shell"));
    stage.file("ws/go", "");
    step.end().says(&["ok", "ready", "ok"]);
    drop(place);
    task.close();
}

fn bad_command(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = waiting(stage, &task);
    let shell = place.shell(ShellSpec::default()).unwrap();
    type_in(stage, &shell, &[Action::Exit(7), act::print("more")]);
    shell.terminal.end_input();
    let end = task.set_off(shell.sandbox).end();
    assert_eq!(end.ending, Ending::Exited { code: 7 });
    assert_eq!(end.stdout, "");
    stage.file("ws/go", "");
    step.end().says(&["ok", "ready", "ok"]);
    drop(place);
    task.close();
}

fn abort(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = waiting(stage, &task);
    let shell = place.shell(ShellSpec::default()).unwrap();
    type_in(stage, &shell, &[act::print("typed"), Action::Hang]);
    let shell = task.set_off(shell.sandbox);
    shell.wait_for("typed");
    shell.kill();
    assert_eq!(shell.end().ending, Ending::Cancelled);
    stage.file("ws/go", "");
    step.end().says(&["ok", "ready", "ok"]);
    drop(place);
    task.close();
}

fn kill(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = waiting(stage, &task);
    let shell = place.shell(ShellSpec::default()).unwrap();
    type_in(stage, &shell, &[act::print("typed"), Action::Hang]);
    let shell = task.set_off(shell.sandbox);
    shell.wait_for("typed");
    step.kill();
    assert_eq!(step.end().ending, Ending::Cancelled);
    task.close();
    assert_eq!(shell.end().ending, Ending::Cancelled);
    drop(place);
}

fn window(stage: &Stage<'_>) {
    let size = |rows, columns| TerminalSize { rows, columns };
    let task = stage.task(&["ws"]);
    let (step, place) = waiting(stage, &task);
    let spec = ShellSpec {
        terminal: Some(size(31, 97)),
        ..ShellSpec::default()
    };
    let shell = place.shell(spec).unwrap();
    type_in(stage, &shell, &[Action::Window]);
    let terminal = Arc::clone(&shell.terminal);
    let shell = task.set_off(shell.sandbox);
    shell.wait_for("ok 31 97");
    terminal.resize(size(50, 132));
    let more = stage.harness.typed(&[Action::Window, Action::Exit(0)]);
    terminal.write(more.as_bytes()).unwrap();
    shell.wait_for("ok 50 132");
    assert!(shell.end().ending.is_success());
    stage.file("ws/go", "");
    step.end().says(&["ok", "ready", "ok"]);
    drop((place, terminal));
    task.close();
}

fn after_failure(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let sandbox = task.prepare(stage.work(&[act::write("/ws/file", "left"), Action::Exit(1)]));
    let place = sandbox.place();
    let end = task.set_off(sandbox).end();
    assert_eq!(end.ending, Ending::Exited { code: 1 });
    let shell = place.shell(ShellSpec::default()).unwrap();
    type_in(stage, &shell, &[act::read("/ws/file")]);
    shell.terminal.end_input();
    task.set_off(shell.sandbox).end().says(&["ok left"]);
    drop(place);
    task.close();
}

fn input_ends(stage: &Stage<'_>) {
    let task = stage.task(&["ws"]);
    let (step, place) = waiting(stage, &task);
    let shell = place.shell(ShellSpec::default()).unwrap();
    type_in(stage, &shell, &[Action::Exit(0)]);
    let terminal = Arc::clone(&shell.terminal);
    assert!(task.set_off(shell.sandbox).end().ending.is_success());
    let error = terminal.write(b"more\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    // Harmless, and of no use any more.
    terminal.resize(TerminalSize {
        rows: 1,
        columns: 1,
    });
    terminal.end_input();
    stage.file("ws/go", "");
    step.end().says(&["ok", "ready", "ok"]);
    drop((place, terminal));
    task.close();
}
