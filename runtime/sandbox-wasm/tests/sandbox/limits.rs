//! Memory, tables, instances, handles, and what one call may make the host allocate.

use stepwell_contract::{Ending, Limit};
use stepwell_guest_artifacts as guests;

use crate::world::{End, World};

pub(crate) mod limit_memory {
    use super::*;

    #[test]
    fn attack_memory_bomb() {
        let world = World::new();
        let end = world
            .step(guests::limit_memory(), &["1000000000000"])
            .limit("memory=64Mi")
            .run();
        // A guest is told that there is no more, as by any system, and may go on with what it has.
        let told = end.told();
        let taken = told.strip_prefix("err nomem after ").map(str::parse::<u64>);
        assert!(matches!(taken, Some(Ok(1..=0x400_0000))), "{told}");
    }

    #[test]
    fn memory_within_the_limit_is_there() {
        let world = World::new();
        let step = world
            .step(guests::limit_memory(), &["33554432"])
            .limit("memory=64Mi");
        assert_eq!(step.run().told(), "ok 33554432");
    }
}

/// The engine asks about each memory alone.
pub(crate) mod limit_memories {
    use super::*;

    #[test]
    fn attack_several_memories_are_one_sum() {
        let world = World::new();
        let end = world
            .step(guests::limit_memories(), &[])
            .limit("memory=64Mi")
            .run();
        assert_eq!(end.limit(), (Limit::Memory, 64 << 20));
    }

    #[test]
    fn several_memories_may_fit_together() {
        let world = World::new();
        let step = world
            .step(guests::limit_memories(), &[])
            .limit("memory=96Mi");
        step.run().told();
    }
}

pub(crate) mod limit_memory_at_start {
    use super::*;

    #[test]
    fn attack_memory_before_the_first_instruction() {
        let world = World::new();
        let end = world.step(guests::limit_memory_at_start(), &[]).run();
        assert_eq!(end.limit(), (Limit::Memory, 1 << 30));
    }

    #[test]
    fn a_limit_that_is_raised_lets_it_in() {
        let world = World::new();
        let step = world
            .step(guests::limit_memory_at_start(), &[])
            .limit("memory=3Gi");
        step.run().told();
    }
}

/// The guest was told that there is no more, and says so.
const TOLD_NO: Ending = Ending::Exited { code: 3 };

#[test]
pub(crate) fn limit_table() {
    let end = World::new().step(guests::limit_table(), &[]).run();
    assert_eq!(end.ending, TOLD_NO);
}

#[test]
pub(crate) fn limit_table_modest() {
    let world = World::new();
    let step = || world.step(guests::limit_table_modest(), &[]);
    step().run().told();
    assert_eq!(step().limit("tables=9000").run().ending, TOLD_NO);
}

#[test]
pub(crate) fn limit_tables() {
    let world = World::new();
    let step = || world.step(guests::limit_tables(), &[]);
    assert_eq!(step().run().ending, TOLD_NO);
    step().limit("tables=400000").run().told();
}

#[test]
pub(crate) fn limit_instances() {
    let end = World::new().step(guests::limit_instances(), &[]).run();
    assert_eq!(end.limit(), (Limit::Instances, 100));
}

#[test]
pub(crate) fn limit_instances_modest() {
    let world = World::new();
    let step = || world.step(guests::limit_instances_modest(), &[]);
    step().run().told();
    let end = step().limit("instances=5").run();
    assert_eq!(end.limit(), (Limit::Instances, 5));
}

/// GHSA-q554-3cjc-rx7p, GHSA-6fr9-xmw9-5352.
pub(crate) mod limit_handles {
    use super::*;

    #[test]
    fn attack_flood_of_pollables() {
        let world = World::new();
        let end = world.step(guests::limit_handles(), &["1000000"]).run();
        assert_eq!(end.limit(), (Limit::Handles, 10_000));
    }

    #[test]
    fn some_pollables_may_be_kept() {
        let world = World::new();
        assert_eq!(world.tell(guests::limit_handles(), &["1000"]), "ok 1000");
    }
}

pub(crate) mod limit_streams {
    use super::*;

    #[test]
    fn attack_flood_of_streams() {
        let world = World::new();
        world.file("ws/file", "content");
        let end = world
            .step(guests::limit_streams(), &["/ws", "file", "1000000"])
            .run();
        assert_eq!(end.limit(), (Limit::Handles, 10_000));
    }

    #[test]
    fn some_streams_may_be_kept() {
        let world = World::new();
        world.file("ws/file", "content");
        let told = world.tell(guests::limit_streams(), &["/ws", "file", "100"]);
        assert_eq!(told, "ok 100");
    }
}

/// GHSA-852m-cvvp-9p4w.
pub(crate) mod limit_host_call {
    use super::*;

    #[test]
    fn attack_an_answer_that_the_host_has_to_hold() {
        let world = World::new();
        for bytes in [
            "100000000",
            "4294967295",
            "1099511627776",
            "18446744073709551615",
        ] {
            let end = world.step(guests::limit_host_call(), &[bytes]).run();
            assert_eq!(end.limit(), (Limit::HostCall, 16 << 20), "{bytes}");
        }
    }

    #[test]
    fn a_modest_answer_is_given() {
        let world = World::new();
        let told = world.tell(guests::limit_host_call(), &["1000000"]);
        assert_eq!(told, "ok 1000000");
    }
}

pub(crate) mod limit_path {
    use super::*;

    #[test]
    fn attack_an_argument_that_the_host_has_to_hold() {
        let world = World::new();
        let end = world
            .step(guests::limit_path(), &["/ws", "100000000"])
            .run();
        assert_eq!(end.limit(), (Limit::HostCall, 16 << 20));
    }

    #[test]
    fn a_long_path_is_answered() {
        let world = World::new();
        for (bytes, told) in [
            ("200", "err no-entry"),
            ("300", "err name-too-long"),
            ("100000", "err name-too-long"),
        ] {
            assert_eq!(world.tell(guests::limit_path(), &["/ws", bytes]), told);
        }
    }
}

pub(crate) mod limit_read {
    use super::*;

    #[test]
    fn attack_a_read_larger_than_all_files() {
        let world = World::new();
        world.file("ws/file", &"x".repeat(3 << 20));
        for bytes in ["10000000000", "18446744073709551615"] {
            let told = world.tell(guests::limit_read(), &["/ws", "file", bytes]);
            assert_eq!(told, format!("ok {}", 1 << 20), "a part of it is read");
        }
    }

    #[test]
    fn a_small_read_is_whole() {
        let world = World::new();
        world.file("ws/file", "content");
        let told = world.tell(guests::limit_read(), &["/ws", "file", "100"]);
        assert_eq!(told, "ok 7");
    }
}

#[test]
pub(crate) fn limit_stdin() {
    assert_eq!(World::new().tell(guests::limit_stdin(), &[]), "ok 0");
}

pub(crate) mod limit_recursion {
    use super::*;

    #[test]
    fn attack_deep_recursion() {
        let world = World::new();
        let end = || world.step(guests::limit_recursion(), &["1000000000"]).run();
        let first = end();
        assert_eq!(first.limit(), (Limit::Stack, 1 << 20));
        let Ending::LimitReached { backtrace, .. } = &first.ending else {
            unreachable!()
        };
        assert_eq!(backtrace[0].function, "limit_recursion::descend");
        assert!(backtrace.len() < 100);
        assert_eq!(first.ending, end().ending);
    }

    #[test]
    fn some_recursion_is_fine() {
        let world = World::new();
        assert_eq!(world.tell(guests::limit_recursion(), &["1000"]), "ok 1000");
    }
}

/// GHSA-j366-h8gg-77pm: lists of what to wait for, of any length.
mod poll {
    use super::*;

    /// Waits for one pollable, `COUNT` times in one list.
    const POLL: &str = r#"(component $C
        (import "wasi:io/poll@0.2.0" (instance $poll
            (export "pollable" (type $pollable (sub resource)))
            (export "poll"
                (func (param "in" (list (borrow $pollable))) (result (list u32))))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
            (alias outer $C $pollable (type $outer))
            (export "pollable" (type $pollable (eq $outer)))
            (export "subscribe-duration"
                (func (param "when" u64) (result (own $pollable))))))
        (core module $heap
            (memory (export "memory") 1)
            (global $next (mut i32) (i32.const 16))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                (local.set $at (global.get $next))
                (global.set $next (i32.and (i32.const -8)
                    (i32.add (i32.const 7) (i32.add (local.get $at) (local.get 3)))))
                (loop $more
                    (if (i32.gt_u (global.get $next)
                            (i32.mul (memory.size) (i32.const 65536)))
                        (then
                            (if (i32.eq (i32.const -1) (memory.grow (i32.const 16)))
                                (then unreachable))
                            (br $more))))
                (local.get $at)))
        (core instance $heap (instantiate $heap))
        (core func $poll (canon lower (func $poll "poll")
            (memory (core memory $heap "memory")) (realloc (core func $heap "realloc"))))
        (core func $subscribe (canon lower (func $clock "subscribe-duration")))
        (core module $main
            (import "" "memory" (memory 1))
            (import "" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
            (import "" "poll" (func $poll (param i32 i32 i32)))
            (import "" "subscribe" (func $subscribe (param i64) (result i32)))
            (func (export "run") (result i32) (local $one i32) (local $list i32) (local $at i32)
                (local.set $one (call $subscribe (i64.const 1)))
                (local.set $list (call $realloc (i32.const 0) (i32.const 0) (i32.const 4)
                    (i32.mul (i32.const 4) (i32.const COUNT))))
                (loop $more
                    (if (i32.lt_u (local.get $at) (i32.const COUNT))
                        (then
                            (i32.store
                                (i32.add (local.get $list)
                                    (i32.mul (local.get $at) (i32.const 4)))
                                (local.get $one))
                            (local.set $at (i32.add (local.get $at) (i32.const 1)))
                            (br $more))))
                (call $poll (local.get $list) (i32.const COUNT) (i32.const 8))
                (i32.ne (i32.load (i32.const 12)) (i32.const COUNT))))
        (core instance $main (instantiate $main (with "" (instance
            (export "memory" (memory $heap "memory"))
            (export "realloc" (func $heap "realloc"))
            (export "poll" (func $poll))
            (export "subscribe" (func $subscribe))))))
        (func $run (result (result)) (canon lift (core func $main "run")))
        (instance $exported (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $exported)))"#;

    fn poll(count: u32) -> Ending {
        let code = POLL.replace("COUNT", &count.to_string());
        World::new().step_of(code.into_bytes(), &[]).run().ending
    }

    #[test]
    fn attack_wait_for_millions_at_once() {
        for count in [10_000_000, 100_000_000] {
            let Ending::LimitReached { limit, .. } = poll(count) else {
                panic!("no limit ended it");
            };
            assert_eq!(limit, Limit::HostCall);
        }
    }

    #[test]
    fn attack_wait_for_nothing() {
        assert!(matches!(poll(0), Ending::Trapped { .. }));
    }

    #[test]
    fn some_may_be_waited_for() {
        assert_eq!(poll(100), Ending::SUCCESS);
    }
}

/// GHSA-852m-cvvp-9p4w: a length is an argument of eight bytes, and so is a terabyte.
mod zeroes {
    use super::*;

    /// Prints `COUNT` zeroes in one call.
    const ZEROES: &str = r#"(component $C
        (import "wasi:io/error@0.2.0" (instance $error
            (export "error" (type (sub resource)))))
        (alias export $error "error" (type $error))
        (import "wasi:io/streams@0.2.0" (instance $streams
            (export "output-stream" (type $stream (sub resource)))
            (alias outer $C $error (type $outer))
            (export "error" (type $error (eq $outer)))
            (type $failure (variant (case "last-operation-failed" (own $error)) (case "closed")))
            (export "stream-error" (type $stream-error (eq $failure)))
            (export "[method]output-stream.blocking-write-zeroes-and-flush"
                (func (param "self" (borrow $stream)) (param "len" u64)
                    (result (result (error $stream-error)))))))
        (alias export $streams "output-stream" (type $stream))
        (import "wasi:cli/stdout@0.2.0" (instance $stdout
            (alias outer $C $stream (type $outer))
            (export "output-stream" (type $stream (eq $outer)))
            (export "get-stdout" (func (result (own $stream))))))
        (core module $heap (memory (export "memory") 1))
        (core instance $heap (instantiate $heap))
        (core func $zeroes (canon lower
            (func $streams "[method]output-stream.blocking-write-zeroes-and-flush")
            (memory (core memory $heap "memory"))))
        (core func $stdout (canon lower (func $stdout "get-stdout")))
        (core module $main
            (import "" "zeroes" (func $zeroes (param i32 i64 i32)))
            (import "" "stdout" (func $stdout (result i32)))
            (func (export "run") (result i32)
                (call $zeroes (call $stdout) (i64.const COUNT) (i32.const 0))
                (i32.const 0)))
        (core instance $main (instantiate $main (with "" (instance
            (export "zeroes" (func $zeroes))
            (export "stdout" (func $stdout))))))
        (func $run (result (result)) (canon lift (core func $main "run")))
        (instance $exported (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $exported)))"#;

    fn zeroes(count: u64) -> End {
        let code = ZEROES.replace("COUNT", &count.to_string());
        World::new().step_of(code.into_bytes(), &[]).run()
    }

    #[test]
    fn attack_a_terabyte_of_zeroes_in_one_call() {
        for count in [100 << 20, 1 << 40, u64::MAX] {
            assert_eq!(zeroes(count).limit(), (Limit::HostCall, 16 << 20));
        }
    }

    #[test]
    fn some_zeroes_are_printed() {
        let end = zeroes(3 << 20);
        end.told();
        assert_eq!(end.bytes, 3 << 20);
    }
}
