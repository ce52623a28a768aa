//! What surrounds a step: arguments, environment, clocks, random bytes, a folder to start in.

use std::collections::BTreeSet;
use std::time::SystemTime;

use stepwell_guest_artifacts as guests;

use crate::world::{EPOCH, World};

pub(crate) mod ambient_env {
    use super::*;

    #[test]
    fn attack_the_environment_of_the_host() {
        assert!(std::env::vars_os().count() > 0, "the host has one");
        let world = World::new();
        assert_eq!(world.tell(guests::ambient_env(), &[]), "");
    }

    #[test]
    fn what_is_declared_is_there_in_its_order() {
        let world = World::new();
        let step = world
            .step(guests::ambient_env(), &[])
            .env("ZEBRA", "one two")
            .env("PATH", "")
            .env("APPLE", "a=b");
        assert_eq!(step.run().told(), "ZEBRA=one two\nPATH=\nAPPLE=a=b");
    }
}

pub(crate) mod ambient_args {
    use super::*;

    #[test]
    fn arguments_arrive_as_they_are() {
        let world = World::new();
        let args = ["a b", "", "--flag=\u{e9}", "$HOME", "*"];
        assert_eq!(
            world.tell(guests::ambient_args(), &args),
            "guest\na b\n\n--flag=\u{e9}\n$HOME\n*"
        );
    }

    #[test]
    fn attack_arguments_without_end() {
        let world = World::new();
        let long = "x".repeat(32 << 20);
        // The one call that hands them over has a bound; how the guest ends is its own affair, that it ends is ours.
        let end = world.step(guests::ambient_args(), &[&long]).run();
        assert!(end.bytes <= (32 << 20) + 1024, "{}", end.bytes);
    }
}

pub(crate) mod ambient_folder {
    use super::*;

    #[test]
    fn a_relative_path_starts_in_the_working_directory() {
        let world = World::new();
        world.file("ws/sub/file", "content");
        let step = world
            .step(guests::ambient_folder(), &["file"])
            .working_dir("/ws/sub");
        assert_eq!(step.run().told(), "ok content");
    }

    #[test]
    fn attack_leave_the_working_directory_for_its_neighbour() {
        let world = World::new();
        let step = world
            .step(guests::ambient_folder(), &["../../outside/secret"])
            .working_dir("/ws/sub");
        let told = step.run().told();
        assert!(told.starts_with("err "), "{told}");
    }

    #[test]
    fn attack_working_directory_that_is_a_symlink_out() {
        let world = World::new();
        world.link("../outside", "ws/link");
        let step = world
            .step(guests::ambient_folder(), &["secret"])
            .working_dir("/ws/link");
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| step.run()));
        assert!(refused.is_err(), "{refused:?}");
    }
}

pub(crate) mod ambient_clock {
    use super::*;

    #[test]
    fn a_virtual_clock_is_the_same_every_time() {
        let (one, other) = (World::new(), World::new());
        let told = one.tell(guests::ambient_clock(), &[]);
        assert_eq!(told, other.tell(guests::ambient_clock(), &[]));
        assert!(told.starts_with(&format!("wall {EPOCH}\n")), "{told}");
        let readings: BTreeSet<&str> = told.lines().collect();
        assert_eq!(readings.len(), 3, "it moves when it is read: {told}");
    }

    #[test]
    fn the_epoch_is_what_it_is_set_to() {
        let world = World::new();
        let step = world.step(guests::ambient_clock(), &[]).epoch(315_532_800);
        assert!(step.run().told().starts_with("wall 315532800\n"));
    }

    #[test]
    fn a_real_clock_is_granted() {
        let world = World::new();
        let step = world.step(guests::ambient_clock(), &[]).grant("clock=real");
        let told = step.run().told();
        let wall = told
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("wall "));
        let wall: u64 = wall.unwrap().parse().unwrap();
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        assert!(wall.abs_diff(now) < 3600, "{wall} {now}");
    }
}

pub(crate) mod ambient_random {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let (one, other) = (World::new(), World::new());
        let told = |world: &World, seed| {
            let step = world.step(guests::ambient_random(), &[]);
            step.seed(seed).run().told()
        };
        assert_eq!(told(&one, 1), told(&other, 1));
        let [one, other] = [told(&one, 1), told(&one, 2)];
        for (one, other) in one.lines().zip(other.lines()) {
            assert_ne!(one, other, "another seed gives other bytes");
        }
        let lines: BTreeSet<&str> = one.lines().collect();
        assert_eq!(lines.len(), 3, "the stream goes on: {one}");
    }

    #[test]
    fn real_random_bytes_are_granted() {
        let world = World::new();
        let told = || {
            let step = world.step(guests::ambient_random(), &[]);
            step.grant("random=real").run().told()
        };
        assert_ne!(told(), told());
    }
}
