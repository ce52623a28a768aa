//! How containers end.

use stepwell_contract::{Ending, Limit, Resources};

use crate::world::world;

#[test]
fn an_exit_code_is_the_steps_own() {
    let world = world!();
    for code in [0, 1, 42, 137, 255] {
        let ran = world.shell(&format!("exit {code}")).run();
        assert_eq!(ran.ending, Ending::Exited { code });
    }
}

#[test]
fn a_signal_is_an_exit_code_above_128() {
    let world = world!();
    for (signal, code) in [("KILL", 137), ("TERM", 143), ("SEGV", 139)] {
        let ran = world.shell(&format!("kill -{signal} $$")).run();
        assert_eq!(ran.ending, Ending::Exited { code }, "{signal}");
    }
}

#[test]
fn outputs_are_apart_and_come_whole() {
    let world = world!();
    let ran = world
        .shell("echo out; echo err >&2; printf '\\000\\377'")
        .run();
    assert_eq!(ran.stdout.as_bytes()[..5], *b"out\n\0");
    assert_eq!(ran.stderr, "err\n");
}

#[test]
fn a_program_that_is_not_there_is_the_steps_end() {
    let world = world!();
    let ran = world.step(&["no-such-program"]).run();
    assert_eq!(ran.ending, Ending::Exited { code: 127 });
    assert!(ran.stderr.contains("no-such-program"), "{}", ran.stderr);
    let ran = world.step(&["/etc/passwd"]).run();
    assert_eq!(ran.ending, Ending::Exited { code: 126 });
}

#[test]
fn attack_a_memory_bomb_ends_at_its_limit_and_is_told_from_exit_code_137() {
    let world = world!();
    let bytes = 32 << 20;
    let bounded = |script: &str| {
        world.shell(script).with(|step| {
            step.resources = Resources {
                memory: Some(bytes),
                ..Resources::default()
            };
        })
    };
    let ran = bounded("exec tail -c 1000000000 /dev/zero").run();
    let reached = Ending::LimitReached {
        limit: Limit::Memory,
        value: bytes,
        backtrace: Vec::new(),
    };
    assert_eq!(ran.ending, reached);
    assert_eq!(
        bounded("exit 137").run().ending,
        Ending::Exited { code: 137 }
    );
    bounded("head -c 1000000 /dev/zero | tail -c 1")
        .run()
        .said();
}
