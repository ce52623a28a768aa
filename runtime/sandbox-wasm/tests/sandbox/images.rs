//! What may be run at all, and what is refused before anything of it runs.

use stepwell_guest_artifacts as guests;

use crate::world::World;

#[test]
pub(crate) fn image_command() {
    let world = World::new();
    assert_eq!(world.tell(guests::image_command(), &[]), "");
}

#[test]
fn a_module_of_wasi_0_1_and_a_component_both_run() {
    let world = World::new();
    for (guest, layer) in [(guests::cli_hello(), 0), (guests::image_command(), 1)] {
        let bytes = std::fs::read(guest).unwrap();
        assert_eq!(bytes[6], layer, "0 for a core module, 1 for a component");
        world.step(guest, &[]).run().told();
    }
}

#[test]
fn text_is_run_too() {
    let world = World::new();
    let text = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    world.step_of(text.as_bytes(), &[]).run().told();
}

#[test]
pub(crate) fn image_neither() {
    let world = World::new();
    let refusal = world.step(guests::image_neither(), &[]).refusal();
    for world in ["wasi:cli/command", "stepwell:task/plugin"] {
        assert!(refusal.contains(world), "{refusal}");
    }
}

#[test]
pub(crate) fn image_library() {
    let world = World::new();
    let refusal = world.step(guests::image_library(), &[]).refusal();
    for world in ["wasi:cli/command", "stepwell:task/plugin"] {
        assert!(refusal.contains(world), "{refusal}");
    }
}

#[test]
pub(crate) fn image_unknown_import() {
    let world = World::new();
    let refusal = world
        .step(guests::image_unknown_import(), &[])
        .grant("network=any")
        .refusal();
    assert!(
        refusal.contains("the core module imports `env::alert`"),
        "{refusal}"
    );
}

#[test]
pub(crate) fn image_unknown_interface() {
    let world = World::new();
    let refusal = world
        .step(guests::image_unknown_interface(), &[])
        .grant("network=any")
        .refusal();
    assert!(
        refusal.contains("acme:rockets/launch@1.0.0: no such interface is offered"),
        "{refusal}"
    );
}

#[test]
fn attack_function_that_the_interface_does_not_have() {
    let world = World::new();
    let text = r#"(component
        (import "wasi:cli/environment@0.2.0" (instance $environment
            (export "set-environment" (func))))
        (core func $set (canon lower (func $environment "set-environment")))
        (core module $main
            (import "" "set" (func))
            (func (export "run") (result i32) (i32.const 0)))
        (core instance $imports (export "set" (func $set)))
        (core instance $main (instantiate $main (with "" (instance $imports))))
        (func $run (result (result)) (canon lift (core func $main "run")))
        (instance $exported (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $exported)))"#;
    let refusal = world.step_of(text.as_bytes(), &[]).refusal();
    assert!(refusal.contains("set-environment"), "{refusal}");
}

#[test]
fn attack_bytes_that_are_no_code() {
    let world = World::new();
    for bytes in [
        b"".as_slice(),
        b"\x7fELF\x02\x01\x01\0",
        b"\0asm",
        b"\0asm\x01\0\0\0\xff\xff\xff\xff\xff",
        b"\0asm\x0d\0\x01\0\xff\xff\xff\xff\xff",
        b"\0asm\xff\xff\xff\xff",
        b"#!/bin/sh\nexit 0\n",
        b"(module",
        b"(component (import \"\xff\xfe\" (func)))",
    ] {
        let refusal = world.step_of(bytes, &[]).refusal();
        assert!(refusal.starts_with("failed to "), "{refusal}");
    }
}

#[test]
fn attack_code_that_runs_before_the_entry() {
    let world = World::new();
    let text = r#"(module (memory (export "memory") 1)
        (func $begin unreachable) (start $begin) (func (export "_start")))"#;
    let end = world.step_of(text.as_bytes(), &[]).run();
    assert!(end.trap().0.contains("unreachable"), "{end:?}");
}

#[test]
fn attack_interfaces_that_no_grant_opens() {
    let world = World::new();
    for (import, why) in [
        (
            "wasi:http/incoming-handler@0.2.0",
            "a step sends requests and serves none",
        ),
        (
            "wasi:cli/environment@0.3.0",
            "only version 0.2 of WASI is offered",
        ),
        (
            "stepwell:task/results@2.0.0",
            "only version 0.1 of stepwell:task is offered",
        ),
        ("stepwell:task/secrets@0.1.0", "has no such interface"),
    ] {
        let text = format!(
            r#"(component
                (import "{import}" (instance))
                (core module $main (func (export "run") (result i32) (i32.const 0)))
                (core instance $main (instantiate $main))
                (func $run (result (result)) (canon lift (core func $main "run")))
                (instance $exported (export "run" (func $run)))
                (export "wasi:cli/run@0.2.0" (instance $exported)))"#
        );
        let step = world.step_of(text.into_bytes(), &[]);
        let refusal = step.grant("network=any").refusal();
        assert!(
            refusal.contains(import) && refusal.contains(why),
            "{refusal}"
        );
    }
}
