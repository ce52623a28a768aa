//! One step sees nothing of another (GHSA-6wgr-89rj-399p): slots of a pool are used again, their content is not.

use stepwell_contract::Ending;

use crate::world::World;

/// Fills its memory, grown by a megabyte, its table and a global, and ends.
const FILL: &str = r#"(module
    (memory (export "memory") 16)
    (table $table 100 200 funcref)
    (global $global (mut i64) (i64.const 0))
    (elem declare func $fill)
    (func $fill (export "_start")
        (drop (memory.grow (i32.const 16)))
        (memory.fill (i32.const 0) (i32.const 0x5a) (i32.const 0x200000))
        (drop (table.grow $table (ref.func $fill) (i32.const 100)))
        (table.fill $table (i32.const 0) (ref.func $fill) (i32.const 200))
        (global.set $global (i64.const 0x5a5a5a5a5a5a5a5a))))"#;

/// Looks for anything that it has not put there itself, and exits with 3 where it finds something.
const LOOK: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 16)
    (table $table 100 200 funcref)
    (global $global (mut i64) (i64.const 0))
    (func (export "_start") (local $at i32)
        (drop (memory.grow (i32.const 16)))
        (loop $bytes
            (if (i64.ne (i64.load (local.get $at)) (i64.const 0))
                (then (call $proc_exit (i32.const 3))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $bytes (i32.lt_u (local.get $at) (i32.const 0x200000))))
        (drop (table.grow $table (ref.null func) (i32.const 100)))
        (local.set $at (i32.const 0))
        (loop $elements
            (if (i32.eqz (ref.is_null (table.get $table (local.get $at))))
                (then (call $proc_exit (i32.const 4))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $elements (i32.lt_u (local.get $at) (i32.const 200))))
        (if (i64.ne (global.get $global) (i64.const 0))
            (then (call $proc_exit (i32.const 5))))))"#;

#[test]
fn attack_read_what_another_step_left_in_memory() {
    let world = World::new();
    // More steps than the pool has slots, so that each slot is used again.
    for _ in 0..100 {
        for code in [FILL, LOOK] {
            let end = world.step_of(code.as_bytes(), &[]).run();
            assert_eq!(end.ending, Ending::SUCCESS);
        }
    }
}

#[test]
fn attack_read_what_a_step_is_writing_next_door() {
    std::thread::scope(|threads| {
        for code in [FILL, LOOK, FILL, LOOK] {
            threads.spawn(move || {
                let world = World::new();
                for _ in 0..50 {
                    let end = world.step_of(code.as_bytes(), &[]).run();
                    assert_eq!(end.ending, Ending::SUCCESS);
                }
            });
        }
    });
}

#[test]
fn a_step_finds_what_it_put_there_itself() {
    let text = LOOK.replace(
        "(drop (memory.grow (i32.const 16)))",
        "(drop (memory.grow (i32.const 16))) (i32.store8 (i32.const 0x1fffff) (i32.const 1))",
    );
    let world = World::new();
    let end = world.step_of(text.into_bytes(), &[]).run();
    assert_eq!(end.ending, Ending::Exited { code: 3 });
}
