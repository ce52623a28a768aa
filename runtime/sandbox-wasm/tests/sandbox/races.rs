//! Somebody on the host exchanges what a path leads through, while a guest goes through it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use stepwell_guest_artifacts as guests;

use crate::world::{End, SECRET, World};

const TIMES: &str = "20000";

/// A write takes longer.
const WRITES: &str = "2000";

/// Runs `step` while `one` and `two` change places; says how often they did.
fn while_exchanging(one: &Path, two: &Path, step: impl FnOnce() -> End) -> (End, u64) {
    let (ended, exchanges) = (AtomicBool::new(false), AtomicU64::new(0));
    let end = std::thread::scope(|threads| {
        threads.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                renameat_with(CWD, one, CWD, two, RenameFlags::EXCHANGE).unwrap();
                exchanges.fetch_add(1, Ordering::Relaxed);
            }
        });
        let end = step();
        ended.store(true, Ordering::Relaxed);
        end
    });
    (end, exchanges.into_inner())
}

/// A folder `sub` with a harmless file, and a link to the outside that changes places with it.
fn world() -> World {
    let world = World::new();
    world.file("ws/sub/secret", "harmless");
    world.link("../outside", "ws/link");
    world
}

pub(crate) mod fs_race {
    use super::*;

    #[test]
    fn attack_symlink_swapped_for_a_folder_during_open() {
        let world = world();
        let (end, exchanges) =
            while_exchanging(&world.path("ws/sub"), &world.path("ws/link"), || {
                let path = "/ws/sub/secret";
                world.step(guests::fs_race(), &[path, TIMES]).run()
            });
        assert!(exchanges > 0);
        assert!(!end.told().contains(SECRET), "{end:?}");
        for line in end.told().lines() {
            assert!(line == "ok harmless" || line.starts_with("err "), "{line}");
        }
    }

    #[test]
    fn attack_symlink_swapped_for_a_file_during_open() {
        let world = world();
        world.file("ws/file", "harmless");
        world.link("../outside/secret", "ws/other");
        let (end, exchanges) =
            while_exchanging(&world.path("ws/file"), &world.path("ws/other"), || {
                world.step(guests::fs_race(), &["/ws/file", TIMES]).run()
            });
        assert!(exchanges > 0);
        for line in end.told().lines() {
            assert!(line == "ok harmless" || line.starts_with("err "), "{line}");
        }
    }

    #[test]
    fn attack_folder_moved_out_while_a_path_goes_through_it() {
        let world = World::new();
        world.file("ws/sub/deeper/file", "harmless");
        world.file("outside/away/file", "harmless");
        world.file("outside/file", SECRET);
        let (end, exchanges) = while_exchanging(
            &world.path("ws/sub/deeper"),
            &world.path("outside/away"),
            || {
                let path = "/ws/sub/deeper/../../sub/deeper/../deeper/file";
                world.step(guests::fs_race(), &[path, TIMES]).run()
            },
        );
        assert!(exchanges > 0);
        assert!(!end.told().contains(SECRET), "{end:?}");
    }

    #[test]
    fn two_folders_may_be_exchanged() {
        let world = World::new();
        world.file("ws/one/file", "one");
        world.file("ws/two/file", "two");
        let (end, _) = while_exchanging(&world.path("ws/one"), &world.path("ws/two"), || {
            world
                .step(guests::fs_race(), &["/ws/one/file", TIMES])
                .run()
        });
        for line in end.told().lines() {
            assert!(["ok one", "ok two"].contains(&line), "{line}");
        }
    }
}

pub(crate) mod fs_race_write {
    use super::*;

    #[test]
    fn attack_write_through_a_symlink_that_comes_and_goes() {
        let world = world();
        let (end, exchanges) =
            while_exchanging(&world.path("ws/sub"), &world.path("ws/link"), || {
                let args = ["/ws/sub/secret", WRITES, "changed"];
                world.step(guests::fs_race_write(), &args).run()
            });
        assert!(exchanges > 0);
        for line in end.told().lines() {
            assert!(line == "ok written" || line.starts_with("err "), "{line}");
        }
        assert_eq!(world.read("outside/secret"), SECRET);
        assert_eq!(world.tree("outside").len(), 1);
    }

    #[test]
    fn a_file_may_be_exchanged_while_it_is_written() {
        let world = World::new();
        world.file("ws/one", "");
        world.file("ws/two", "");
        let (end, _) = while_exchanging(&world.path("ws/one"), &world.path("ws/two"), || {
            let args = ["/ws/one", WRITES, "changed"];
            world.step(guests::fs_race_write(), &args).run()
        });
        assert_eq!(end.told(), "ok written");
        assert_eq!(fs::read_dir(world.path("ws")).unwrap().count(), 2);
    }
}
