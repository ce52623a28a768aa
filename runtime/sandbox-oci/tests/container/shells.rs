//! Shells: what they are, what they see, and how they end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

use stepwell_contract::power::{ShellSpec, TerminalSize};
use stepwell_contract::{CancelReason, Ending, Place, SandboxErrorKind, StepSpec, TaskScope};

use crate::world::{Prepared, Ran, Step, World, world};

fn spec(script: &str) -> ShellSpec {
    ShellSpec {
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        terminal: None,
    }
}

fn shell(place: &dyn Place, script: &str) -> Ran {
    let shell = place.shell(spec(script)).unwrap();
    Prepared::new(shell.sandbox).run().unwrap()
}

fn on_a_terminal(place: &dyn Place, script: &str) -> Ran {
    let terminal = Some(TerminalSize {
        rows: 20,
        columns: 70,
    });
    let shell = place
        .shell(ShellSpec {
            terminal,
            ..spec(script)
        })
        .unwrap();
    Prepared::new(shell.sandbox).run().unwrap()
}

/// Dropped, lets the step go on: one whose test has failed too.
struct GoOn(PathBuf);

impl Drop for GoOn {
    fn drop(&mut self) {
        std::fs::write(&self.0, "").unwrap();
    }
}

/// Calls `look` while a step runs that begins with `script` and then waits, and gives what the step said.
fn beside(
    world: &World,
    change: impl FnOnce(&mut StepSpec),
    script: &str,
    look: impl FnOnce(&dyn Place, &dyn TaskScope),
) -> Ran {
    let folder = world.folder("go");
    let _ = std::fs::remove_file(folder.join("on"));
    let script = format!("{script}; echo ready; until [ -e /go/on ]; do usleep 1000; done");
    let step = world.shell(&script).with(change).mount(
        &folder,
        "/go",
        stepwell_contract::Access::ReadOnly,
    );
    let backend = world.backend();
    let scope = step.open(&backend).unwrap();
    let (ready, is_ready) = channel();
    let prepared = step
        .when_it_speaks(move || ready.send(()).unwrap())
        .prepare_in(&*scope)
        .unwrap();
    let place = prepared.sandbox.place();
    let ran = std::thread::scope(|threads| {
        let running = threads.spawn(|| prepared.run().unwrap());
        is_ready.recv().unwrap();
        let on = GoOn(folder.join("on"));
        look(&*place, &*scope);
        drop(on);
        running.join().unwrap()
    });
    scope.close().unwrap();
    ran
}

/// Runs a step, and calls `look` with its place afterwards.
fn after(step: Step<'_>, world: &World, look: impl FnOnce(&Arc<dyn Place>)) -> Ran {
    let backend = world.backend();
    let scope = step.open(&backend).unwrap();
    let prepared = step.prepare_in(&*scope).unwrap();
    let place = prepared.sandbox.place();
    let ran = prepared.run().unwrap();
    look(&place);
    scope.close().unwrap();
    ran
}

#[test]
fn a_shell_is_no_more_than_the_step_is() {
    let world = world!();
    let look = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; \
        cat /proc/self/cgroup; for one in mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$one; done; hostname; env | sort | grep -v SHLVL; pwd";
    for user in [0, 1000] {
        let step = |step: &mut StepSpec| {
            step.security.run_as_user = Some(user);
            step.working_dir = "/tmp".into();
            step.env = vec![("A".into(), "1".into())];
        };
        let mut said = None;
        let ran = beside(&world, step, look, |place, _| {
            said = Some(shell(place, look).said());
        });
        let said = said.unwrap();
        assert!(
            said.contains("Seccomp:\t2") && said.contains("A=1\n"),
            "{said}"
        );
        assert_eq!(ran.said(), format!("{said}ready\n"), "{user}");
    }
}

#[test]
fn attack_no_handle_of_ours_is_inherited() {
    let world = world!();
    // Standard input and both outputs, and the folder that is listed.
    let count = "ls /proc/self/fd | wc -l";
    let ran = beside(
        &world,
        |_| {},
        count,
        |place, _| {
            assert_eq!(shell(place, count).said(), "4\n");
            assert_eq!(on_a_terminal(place, count).said(), "4\r\n");
        },
    );
    assert_eq!(ran.said(), "4\nready\n");
}

#[test]
fn a_shell_after_a_failure_sees_what_the_step_wrote_to_its_root() {
    let world = world!();
    let step = world.shell("echo mine > /left; rm /etc/group; sleep 1000 & exit 3");
    let ran = after(step, &world, |place| {
        let said = shell(
            &**place,
            "cat /left; ls /etc/group 2>/dev/null; echo more > /left; ps -o comm=",
        );
        assert!(!said.stdout.contains("sleep"), "{said:?}");
        assert_eq!(said.stdout.lines().next(), Some("mine"), "{said:?}");
        assert!(!said.stdout.contains("group"), "{said:?}");
        assert_eq!(shell(&**place, "cat /left").said(), "more\n");
    });
    assert_eq!(ran.ending, Ending::Exited { code: 3 });
}

#[test]
fn shells_after_a_step_share_one_container() {
    let world = world!();
    after(world.shell("true"), &world, |place| {
        let (ready, is_ready) = channel();
        let first = place
            .shell(spec("echo here > /tmp/here; echo ready; sleep 100000"))
            .unwrap();
        let first = Prepared::new(first.sandbox).when_it_speaks(move || ready.send(()).unwrap());
        let cancel = first.cancel.clone();
        std::thread::scope(|threads| {
            let running = threads.spawn(|| first.run().unwrap());
            is_ready.recv().unwrap();
            let said = shell(
                &**place,
                "cat /tmp/here; until ps -o comm= | grep sleep; do :; done",
            )
            .said();
            assert_eq!(said, "here\nsleep\n");
            cancel.cancel(CancelReason::Asked);
            assert_eq!(running.join().unwrap().ending, Ending::Cancelled);
        });
    });
}

#[test]
fn a_shell_has_a_place_only_once_the_step_has_begun_and_while_its_task_is_there() {
    let world = world!();
    let backend = world.backend();
    let step = world.shell("true");
    let scope = step.open(&backend).unwrap();
    let prepared = step.prepare_in(&*scope).unwrap();
    let place = prepared.sandbox.place();
    let is_missing = |place: &dyn Place| {
        let error = place.shell(ShellSpec::default()).map(drop).unwrap_err();
        matches!(error.kind, SandboxErrorKind::NotFound)
    };
    assert!(is_missing(&*place));
    prepared.run().unwrap();
    let late = place.shell(spec("echo late")).unwrap();
    assert_eq!(shell(&*place, "echo there").said(), "there\n");
    scope.close().unwrap();
    assert!(is_missing(&*place));
    let late = Prepared::new(late.sandbox).run().unwrap();
    assert_eq!(
        (late.ending, late.stdout),
        (Ending::Cancelled, String::new())
    );
}

#[test]
fn a_terminal_is_one_of_the_containers_own() {
    let world = world!();
    let look = "tty; stty size; echo $TERM; echo err >&2; [ -t 0 ] && [ -t 2 ] && echo three";
    for user in [0, 1000] {
        let step = |step: &mut StepSpec| step.security.run_as_user = Some(user);
        beside(&world, step, "true", |place, _| {
            let ran = on_a_terminal(place, look);
            assert_eq!(
                (ran.stdout.as_str(), ran.stderr.as_str()),
                ("/dev/pts/0\r\n20 70\r\nxterm\r\nerr\r\nthree\r\n", ""),
            );
        });
    }
}

#[test]
fn attack_a_step_that_puts_something_in_the_way_of_terminals_keeps_nobody_waiting() {
    let world = world!();
    let replace = "rm /dev/ptmx; mkfifo /dev/ptmx; rm -r /dev/pts 2>/dev/null; chmod 0 /dev/pts/ptmx; chmod 666 /dev/pts/ptmx";
    beside(
        &world,
        |_| {},
        replace,
        |place, _| {
            assert_eq!(on_a_terminal(place, "tty").said(), "/dev/pts/0\r\n");
        },
    );
}

#[test]
fn a_program_that_is_not_there_ends_a_shell_as_it_would_a_step() {
    let world = world!();
    beside(
        &world,
        |_| {},
        "mkdir /gone; cd /gone; rmdir /gone",
        |place, _| {
            let none = ShellSpec {
                command: vec!["no-such-program".to_owned()],
                terminal: None,
            };
            let shell = place.shell(none).unwrap();
            let ran = Prepared::new(shell.sandbox).run().unwrap();
            assert_eq!(ran.ending, Ending::Exited { code: 127 });
            assert!(ran.stderr.contains("no-such-program"), "{ran:?}");
        },
    );
}

#[test]
fn attack_a_shell_that_ignores_its_signal_is_killed_with_its_jobs_and_the_step_is_not() {
    let mut world = world!();
    world.options().grace = std::time::Duration::from_millis(10);
    // Jobs of a shell with a terminal are process groups of their own.
    let script = "trap '' TERM HUP; set -m; (trap '' TERM HUP; sleep 12345) & echo ready; while :; do sleep 1000; done";
    for terminal in [
        None,
        Some(TerminalSize {
            rows: 1,
            columns: 9,
        }),
    ] {
        let ran = beside(
            &world,
            |_| {},
            "true",
            |place, _| {
                let shell = place
                    .shell(ShellSpec {
                        terminal,
                        ..spec(script)
                    })
                    .unwrap();
                let shell = Prepared::new(shell.sandbox);
                let cancel = shell.cancel.clone();
                let ran = shell
                    .when_it_speaks(move || cancel.cancel(CancelReason::Asked))
                    .run();
                assert_eq!(ran.unwrap().ending, Ending::Cancelled);
                let left = self::shell(place, "ps -o args= | grep -c 'sleep 1234[5]'");
                assert_eq!(left.stdout, "0\n");
            },
        );
        assert_eq!(ran.said(), "ready\n");
    }
}

#[test]
fn many_shells_run_at_once() {
    let world = world!();
    beside(
        &world,
        |_| {},
        "true",
        |place, _| {
            std::thread::scope(|threads| {
                let shells: Vec<_> = (0..20)
                    .map(|number| {
                        threads
                            .spawn(move || shell(place, &format!("echo {number}; exit {number}")))
                    })
                    .collect();
                for (number, ran) in (0..).zip(shells) {
                    let ran = ran.join().unwrap();
                    assert_eq!(ran.stdout, format!("{number}\n"));
                    assert_eq!(ran.ending, Ending::Exited { code: number });
                }
            });
        },
    );
}

#[test]
fn the_end_of_a_step_ends_the_shells_beside_it() {
    let world = world!();
    let (end, ended) = channel();
    std::thread::scope(|threads| {
        let mut waiting = None;
        beside(
            &world,
            |_| {},
            "true",
            |place, _| {
                let (ready, is_ready) = channel();
                let shell = place.shell(spec("echo ready; exec sleep 100000")).unwrap();
                let shell =
                    Prepared::new(shell.sandbox).when_it_speaks(move || ready.send(()).unwrap());
                waiting = Some(threads.spawn(move || end.send(shell.run().unwrap()).unwrap()));
                is_ready.recv().unwrap();
            },
        );
    });
    assert_eq!(ended.recv().unwrap().ending, Ending::Cancelled);
}
