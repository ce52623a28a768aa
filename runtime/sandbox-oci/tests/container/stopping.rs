//! Stopping a container: asked first, then not.

use std::time::Duration;

use stepwell_contract::{CancelReason, Ending};

use crate::world::world;

#[test]
fn a_container_is_asked_first_and_says_its_last_words() {
    let mut world = world!();
    world.options().grace = Duration::from_secs(600);
    let step = world.shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done");
    let cancel = step.cancel.clone();
    let ran = step
        .when_it_speaks(move || cancel.cancel(CancelReason::Asked))
        .run();
    assert_eq!(
        (ran.ending, ran.stdout.as_str()),
        (Ending::Cancelled, "ready\nbye\n")
    );
}

#[test]
fn a_program_that_knows_no_signals_ends_at_once() {
    let mut world = world!();
    world.options().grace = Duration::from_secs(600);
    let step = world.shell("echo ready; exec sleep 1000");
    let cancel = step.cancel.clone();
    let ran = step
        .when_it_speaks(move || cancel.cancel(CancelReason::Asked))
        .run();
    assert_eq!(ran.ending, Ending::Cancelled);
}

#[test]
fn the_images_own_signal_asks() {
    let mut world = world!();
    world.options().grace = Duration::from_secs(600);
    let step =
        world.shell("trap 'echo quit; exit 0' QUIT; echo ready; while :; do sleep 0.1; done");
    let step = step.image(|image| image.stop_signal = Some("SIGQUIT".into()));
    let cancel = step.cancel.clone();
    let ran = step
        .when_it_speaks(move || cancel.cancel(CancelReason::Asked))
        .run();
    assert_eq!(ran.stdout, "ready\nquit\n");
}

#[test]
fn attack_a_program_that_ignores_its_signal_is_killed_with_all_it_started() {
    let mut world = world!();
    world.options().grace = Duration::from_millis(10);
    let reason = CancelReason::TimedOut(Duration::from_secs(5));
    let step = world.shell(
        "trap '' TERM; (trap '' TERM; sleep 1000) & echo ready; while :; do sleep 1000; done",
    );
    let cancel = step.cancel.clone();
    let ran = step.when_it_speaks(move || cancel.cancel(reason)).run();
    let after = Duration::from_secs(5);
    assert_eq!(ran.ending, Ending::TimedOut { after });
}

#[test]
fn a_step_that_is_cancelled_before_it_begins_does_not_begin() {
    let world = world!();
    let step = world.shell("echo began");
    step.cancel.cancel(CancelReason::Asked);
    let ran = step.run();
    assert_eq!((ran.ending, ran.stdout.as_str()), (Ending::Cancelled, ""));
}
