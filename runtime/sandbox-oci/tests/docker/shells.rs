//! Shells in containers of a daemon: many at once, how they are stopped where nobody can signal them from outside, and what
//! they find after the step.

use std::sync::Arc;

use stepwell_contract::power::{ShellSpec, TerminalSize};
use stepwell_contract::{
    Access, Cancel, CancelReason, Ending, Place, SandboxErrorKind, StepSpec, TaskScope,
};
use stepwell_sandbox_oci::docker::DockerBackend;

use crate::remote::remote;
use crate::world::{Collected, Ran, World, run_until};

fn spec(script: &str) -> ShellSpec {
    ShellSpec {
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        terminal: None,
    }
}

fn shell(place: &dyn Place, script: &str) -> Ran {
    let shell = place.shell(spec(script)).unwrap();
    run_until(shell.sandbox, Cancel::new(), Arc::default()).unwrap()
}

/// Stopped, when it is dropped: where the test beside it fails, too.
struct Stops(Cancel);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.cancel(CancelReason::Asked);
    }
}

/// Calls `look` while `step` runs, which it says by saying something, and stops it then.
fn beside(task: &dyn TaskScope, step: StepSpec, look: impl FnOnce(&dyn Place)) {
    let sandbox = task.prepare(step).unwrap();
    let place = sandbox.place();
    let early = place.shell(spec("true")).err().unwrap();
    assert!(
        matches!(early.kind, SandboxErrorKind::NotFound),
        "{early:?}"
    );
    let stops = Stops(Cancel::new());
    let cancel = stops.0.clone();
    let (sink, ready) = Collected::telling();
    std::thread::scope(|threads| {
        let step = threads.spawn(|| run_until(sandbox, cancel, sink).unwrap());
        ready.recv().unwrap();
        let stops = stops;
        look(&*place);
        drop(stops);
        assert_eq!(step.join().unwrap().ending, Ending::Cancelled);
    });
}

/// A shell that would not end by itself does when it is asked to.
fn stopped(place: &dyn Place, script: &str) {
    let shell = place.shell(spec(script)).unwrap();
    let cancel = Cancel::new();
    let (sink, ready) = Collected::telling();
    std::thread::scope(|threads| {
        let asked = cancel.clone();
        let shell = threads.spawn(|| run_until(shell.sandbox, asked, sink).unwrap());
        ready.recv().unwrap();
        cancel.cancel(CancelReason::Asked);
        assert_eq!(shell.join().unwrap().ending, Ending::Cancelled);
    });
}

const SERVES: &str = "echo ready; exec sleep 100000";
const PROCESSES: &str = "for one in /proc/[0-9]*; do tr '\\0' ' ' < $one/cmdline; echo; done 2> /dev/null | grep '^sleep'";

#[test]
fn probes_at_once_are_each_told_their_own_end() {
    let Some(world) = World::new(&[]) else { return };
    let backend = world.backend();
    let task = world.task(&backend, &[]);
    beside(&*task, world.step(SERVES, &[]), |place| {
        std::thread::scope(|threads| {
            for code in 0..8 {
                threads.spawn(move || {
                    let script = format!("echo out {code}; echo err {code} >&2; exit {code}");
                    let ran = shell(place, &script);
                    assert_eq!(ran.ending, Ending::Exited { code });
                    assert_eq!(ran.stdout, format!("out {code}\n"));
                    assert_eq!(ran.stderr, format!("err {code}\n"));
                });
            }
        });
        let nowhere = ShellSpec {
            command: vec!["nowhere".to_owned()],
            terminal: None,
        };
        let nowhere = place.shell(nowhere).unwrap();
        let ran = run_until(nowhere.sandbox, Cancel::new(), Arc::default()).unwrap();
        assert!(
            matches!(ran.ending, Ending::Exited { code: 126 | 127 }),
            "{ran:?}"
        );
        let killed = shell(place, "kill -9 $$");
        assert_eq!(killed.ending, Ending::Exited { code: 137 });
    });
    task.close().unwrap();
}

fn stops_and_is_gone(world: &World, backend: &DockerBackend) {
    let task = world.task(backend, &[]);
    beside(&*task, world.step(SERVES, &[]), |place| {
        stopped(place, "echo ready; exec sleep 200000");
        stopped(place, "trap '' TERM; echo ready; exec sleep 300000");
        assert_eq!(shell(place, PROCESSES).stdout.trim(), "sleep 100000");
    });
    task.close().unwrap();
}

#[test]
fn attack_a_shell_that_does_not_listen_is_ended_and_its_step_is_not() {
    let Some(world) = World::new(&[]) else { return };
    stops_and_is_gone(&world, &world.backend());
}

#[test]
fn attack_a_shell_on_another_machine_is_ended_and_its_step_is_not() {
    let Some((world, backend)) = remote() else {
        return;
    };
    stops_and_is_gone(&world, &backend);
}

#[test]
fn after_the_step_shells_see_what_it_left_and_nothing_stays() {
    let Some(world) = World::new(&[]) else { return };
    let backend = world.backend();
    let task = world.task(&backend, &["ws"]);
    let script = "echo mine > /left; rm /etc/passwd; exit 3";
    let sandbox = task
        .prepare(world.step(script, &[("ws", Access::ReadWrite)]))
        .unwrap();
    let place = sandbox.place();
    let ran = run_until(sandbox, Cancel::new(), Arc::default()).unwrap();
    assert_eq!(ran.ending, Ending::Exited { code: 3 });
    let look =
        "cat /left; ls /etc/passwd 2> /dev/null; echo seen > /ws/seen; echo more > /left; exit 4";
    for _ in 0..2 {
        let ran = shell(&*place, look);
        assert_eq!(ran.ending, Ending::Exited { code: 4 }, "{ran:?}");
        assert_eq!(ran.stdout, "mine\n");
    }
    assert_eq!(world.read("ws/seen").as_deref(), Some("seen\n"));
    let window = place.shell(ShellSpec {
        terminal: Some(TerminalSize {
            rows: 21,
            columns: 73,
        }),
        ..spec("read -r word; busybox stty size")
    });
    let window = window.unwrap();
    window.terminal.write(b"word\n").unwrap();
    let ran = run_until(window.sandbox, Cancel::new(), Arc::default()).unwrap();
    assert!(ran.stdout.ends_with("21 73\r\n"), "{ran:?}");
    stopped(&*place, "trap '' TERM; echo ready; while :; do :; done");
    let late = place.shell(spec("true")).unwrap();
    task.close().unwrap();
    let late = run_until(late.sandbox, Cancel::new(), Arc::default()).unwrap();
    assert_eq!(late.ending, Ending::Cancelled);
    let error = place.shell(spec("true")).err().unwrap();
    assert!(
        matches!(error.kind, SandboxErrorKind::NotFound),
        "{error:?}"
    );
}
