//! How a step ends by itself, and what is said about it.

use stepwell_contract::Ending;
use stepwell_guest_artifacts as guests;

use crate::world::World;

#[test]
pub(crate) fn end_success() {
    let end = World::new().step(guests::end_success(), &[]).run();
    assert_eq!(end.ending, Ending::SUCCESS);
}

#[test]
pub(crate) fn end_exit() {
    let world = World::new();
    for code in [0, 1, 3, 42, 127, 255] {
        let end = world.step(guests::end_exit(), &[&code.to_string()]).run();
        assert_eq!(end.ending, Ending::Exited { code });
    }
}

/// As on every system that has exit codes.
#[test]
fn an_exit_code_is_its_lowest_byte() {
    let world = World::new();
    for (code, byte) in [("256", 0), ("258", 2), ("-1", 255), ("2147483647", 255)] {
        let text = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
                (memory (export "memory") 1)
                (func (export "_start") (call $proc_exit (i32.const {code}))))"#
        );
        let end = world.step_of(text.into_bytes(), &[]).run();
        assert_eq!(end.ending, Ending::Exited { code: byte }, "{code}");
    }
}

#[test]
pub(crate) fn end_panic() {
    let end = World::new()
        .step(guests::end_panic(), &["no such thing"])
        .run();
    let (reason, message, functions) = end.trap();
    assert!(reason.contains("unreachable"), "{reason}");
    let message = message.unwrap();
    assert!(message.contains("panicked at "), "{message}");
    assert!(message.ends_with("no such thing"), "{message}");
    assert_eq!(functions[..2], ["check_the_header", "parse_the_file"]);
    assert!(end.stderr.contains("no such thing"));
}

#[test]
pub(crate) fn end_abort() {
    let end = World::new().step(guests::end_abort(), &[]).run();
    let (reason, message, functions) = end.trap();
    assert!(reason.contains("unreachable"), "{reason}");
    assert_eq!(message, None);
    assert!(functions.contains(&"std::process::abort"), "{functions:#?}");
}

#[test]
pub(crate) fn end_unreachable() {
    let end = World::new().step(guests::end_unreachable(), &[]).run();
    let (reason, _, functions) = end.trap();
    assert!(reason.contains("unreachable"), "{reason}");
    assert_eq!(functions.first(), Some(&"give_up"));
}

#[test]
pub(crate) fn end_out_of_bounds() {
    let end = World::new().step(guests::end_out_of_bounds(), &[]).run();
    let (reason, _, functions) = end.trap();
    assert!(reason.contains("out of bounds memory access"), "{reason}");
    assert!(functions.contains(&"main"), "{functions:#?}");
}

#[test]
pub(crate) fn end_run_error() {
    let end = World::new().step(guests::end_run_error(), &[]).run();
    assert_eq!(end.ending, Ending::Exited { code: 1 });
}

#[test]
fn other_traps_say_what_they_are() {
    let world = World::new();
    for (code, words) in [
        (
            "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
            "divide by zero",
        ),
        (
            "(drop (i32.trunc_f32_u (f32.const nan)))",
            "invalid conversion to integer",
        ),
        ("(call_indirect (i32.const 0))", "uninitialized element"),
        ("(call_indirect (i32.const 9))", "undefined element"),
    ] {
        let text = format!(
            r#"(module (memory (export "memory") 1) (table 1 funcref) (func (export "_start") {code}))"#
        );
        let end = world.step_of(text.into_bytes(), &[]).run();
        assert!(end.trap().0.contains(words), "{end:?}");
    }
}
