//! A step that does not end by itself is stopped: while it computes, and while it waits inside a host call.

use std::time::Duration;

use stepwell_contract::{CancelReason, Ending, Limit};
use stepwell_guest_artifacts as guests;

use crate::world::World;

const SOON: Duration = Duration::from_millis(200);
const TIME_OUT: CancelReason = CancelReason::TimedOut(SOON);

pub(crate) mod limit_loop {
    use super::*;

    #[test]
    fn attack_compute_for_ever() {
        let world = World::new();
        for (reason, ending) in [
            (CancelReason::Asked, Ending::Cancelled),
            (TIME_OUT, Ending::TimedOut { after: SOON }),
        ] {
            let end = world
                .step(guests::limit_loop(), &[])
                .stop_after(SOON, reason)
                .run();
            assert_eq!(end.ending, ending);
        }
    }

    #[test]
    fn one_of_two_is_stopped_and_the_other_goes_on() {
        let world = World::new();
        std::thread::scope(|threads| {
            let other = threads.spawn(|| {
                let rounds = "200000000";
                world.tell(guests::limit_loop(), &[rounds])
            });
            let end = world
                .step(guests::limit_loop(), &[])
                .stop_after(Duration::from_millis(20), CancelReason::Asked)
                .run();
            assert_eq!(end.ending, Ending::Cancelled);
            assert_eq!(other.join().unwrap(), "ok 200000000");
        });
    }

    #[test]
    fn a_step_that_was_stopped_before_it_began_does_not_begin() {
        let world = World::new();
        let end = world
            .step(guests::cli_hello(), &[])
            .stop_after(Duration::ZERO, CancelReason::Asked)
            .run();
        assert!(
            end.ending == Ending::Cancelled || end.told() == "hello world",
            "{end:?}"
        );
    }

    #[test]
    fn attack_compute_for_ever_on_a_budget() {
        let world = World::new();
        let end = || {
            let step = world.step(guests::limit_loop(), &[]);
            step.limit("fuel=10000000").run()
        };
        let first = end();
        assert_eq!(first.limit(), (Limit::Fuel, 10_000_000));
        assert_eq!(first.ending, end().ending, "at the same place every time");
        assert!(first.ending.summary().contains("`fuel` of 10000000"));
    }

    #[test]
    fn a_budget_that_is_enough_changes_nothing() {
        let world = World::new();
        let step = world
            .step(guests::limit_loop(), &["1000"])
            .limit("fuel=10000000");
        assert_eq!(step.run().told(), "ok 1000");
    }
}

pub(crate) mod limit_sleep {
    use super::*;

    #[test]
    fn a_virtual_hour_takes_no_time() {
        let world = World::new();
        let end = world.step(guests::limit_sleep(), &["3600"]).run();
        assert_eq!(end.told(), "ok 3600");
    }

    #[test]
    fn attack_blocked_in_a_host_call() {
        let world = World::new();
        for (reason, ending) in [
            (CancelReason::Asked, Ending::Cancelled),
            (TIME_OUT, Ending::TimedOut { after: SOON }),
        ] {
            let end = world
                .step(guests::limit_sleep(), &["3600"])
                .grant("clock=real")
                .stop_after(SOON, reason)
                .run();
            assert_eq!(end.ending, ending);
        }
    }

    /// GHSA-m63x-6p34-q65x: a wait costs no fuel, so fuel alone bounds nothing.
    #[test]
    fn attack_wait_where_only_instructions_are_counted() {
        let world = World::new();
        let end = world
            .step(guests::limit_sleep(), &["3600"])
            .grant("clock=real")
            .limit("fuel=100000000")
            .stop_after(SOON, TIME_OUT)
            .run();
        assert_eq!(end.ending, Ending::TimedOut { after: SOON });
    }

    #[test]
    fn a_real_second_passes() {
        let world = World::new();
        let end = world
            .step(guests::limit_sleep(), &["1"])
            .grant("clock=real")
            .run();
        assert_eq!(end.told(), "ok 1");
        assert!(end.took >= Duration::from_secs(1), "{:?}", end.took);
    }
}

#[test]
fn attack_print_for_ever() {
    let world = World::new();
    let end = world
        .step(guests::limit_output(), &["stdout", &u64::MAX.to_string()])
        .stop_after(SOON, TIME_OUT)
        .run();
    assert_eq!(end.ending, Ending::TimedOut { after: SOON });
}

#[test]
fn attack_create_files_for_ever() {
    let world = World::new();
    let end = world
        .step(guests::fs_flood(), &["/ws", "100000000"])
        .limit("files=100000000")
        .stop_after(SOON, TIME_OUT)
        .run();
    assert_eq!(end.ending, Ending::TimedOut { after: SOON });
}

/// A memory of a quarter of a gibibyte is filled by one instruction.
#[test]
fn attack_one_instruction_that_takes_long() {
    let world = World::new();
    let text = r#"(module (memory (export "memory") 4096)
        (func (export "_start")
            (loop $again
                (memory.fill (i32.const 0) (i32.const 1) (i32.const 268435456))
                (br $again))))"#;
    let end = world
        .step_of(text.as_bytes(), &[])
        .stop_after(SOON, TIME_OUT)
        .run();
    assert_eq!(end.ending, Ending::TimedOut { after: SOON });
}
