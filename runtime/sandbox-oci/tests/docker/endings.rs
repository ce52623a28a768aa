//! How steps end in a daemon, and who they are there.

use stepwell_contract::{Access, Ending, Limit, SandboxErrorKind};

use crate::world::{World, run, said, try_run};

#[test]
fn a_program_that_is_not_there_is_the_steps_own_end() {
    let Some(world) = World::new(&[]) else { return };
    let backend = world.backend();
    let task = world.task(&backend, &["ws"]);
    let mut step = world.step("", &[("ws", Access::ReadWrite)]);
    step.argv = vec!["nowhere".to_owned()];
    let ran = run(&*task, step.clone());
    assert_eq!(ran.ending, Ending::Exited { code: 127 }, "{ran:?}");
    assert!(
        ran.stderr
            .starts_with("stepwell: cannot start the program: "),
        "{ran:?}"
    );
    step.argv = vec!["/ws".to_owned()];
    assert_eq!(run(&*task, step).ending, Ending::Exited { code: 126 });
    let killed = run(&*task, world.step("kill -9 $$", &[]));
    // The first process of a container is not killed by what is in there.
    assert_eq!(killed.ending, Ending::SUCCESS);
    task.close().unwrap();
}

#[test]
fn want_of_memory_is_told_apart() {
    let Some(world) = World::new(&[]) else { return };
    let backend = world.backend();
    let task = world.task(&backend, &[]);
    let bytes = 16 << 20;
    let mut step = world.step("a=x; while :; do a=$a$a; done", &[]);
    step.resources.memory = Some(bytes);
    let ran = run(&*task, step);
    let limit = Limit::Memory;
    match ran.ending {
        Ending::LimitReached {
            limit: reached,
            value,
            ..
        } => assert_eq!((reached, value), (limit, bytes)),
        other => panic!("{other:?}"),
    }
    task.close().unwrap();
}

#[test]
fn attack_a_step_is_who_it_is_said_to_be_and_no_more() {
    let Some(world) = World::new(&[]) else { return };
    let backend = world.backend();
    let task = world.task(&backend, &[]);
    let script = "busybox grep -E 'CapEff|NoNewPrivs|Seccomp:|^Uid' /proc/self/status; \
                  busybox touch /made 2> /dev/null || echo refused";
    let mut step = world.step(script, &[]);
    step.security.run_as_user = Some(1000);
    step.security.read_only_root = Some(true);
    let text = said(&*task, step.clone());
    let words: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(words[0], ["Uid:", "1000", "1000", "1000", "1000"]);
    assert_eq!(words[1], ["CapEff:", "0000000000000000"]);
    assert_eq!(words[2], ["NoNewPrivs:", "1"]);
    assert_eq!(words[3], ["Seccomp:", "2"]);
    assert_eq!(words[4], ["refused"]);
    step.security.run_as_user = None;
    step.security.run_as_non_root = true;
    let error = try_run(&*task, step.clone()).unwrap_err();
    assert!(
        matches!(error.kind, SandboxErrorKind::BadGuest),
        "{error:?}"
    );
    step.security.privileged = true;
    let error = task.prepare(step).err().unwrap();
    assert!(
        matches!(error.kind, SandboxErrorKind::Refused(_)),
        "{error:?}"
    );
    task.close().unwrap();
}

#[test]
fn steps_that_run_at_once_share_one_loopback_and_nothing_else() {
    let Some(world) = World::new(&[]) else { return };
    let backend = world.backend();
    let (task, other) = (world.task(&backend, &["ws"]), world.task(&backend, &["ws"]));
    let folders = [("ws", Access::ReadWrite)];
    let serve = "busybox nc -l -p 4071 -e echo hello & touch /ws/ready; until [ -e /ws/asked ]; do usleep 1000; done";
    let ask = "until [ -e /ws/ready ]; do usleep 1000; done; busybox nc 127.0.0.1 4071";
    std::thread::scope(|threads| {
        let server = threads.spawn(|| run(&*task, world.step(serve, &folders)));
        let stranger = run(&*other, world.step(ask, &folders));
        assert!(!stranger.ending.is_success(), "{stranger:?}");
        let answer = said(&*task, world.step(ask, &folders));
        assert_eq!(answer, "hello\n");
        std::fs::write(world.folder("ws").join("asked"), "").unwrap();
        assert!(server.join().unwrap().ending.is_success());
    });
    task.close().unwrap();
    other.close().unwrap();
}
