//! What would make two runs differ: the order of a folder, inodes, times, link counts, the places of the host.

use std::fs::{self, File, FileTimes};
use std::time::{Duration, SystemTime};

use stepwell_guest_artifacts as guests;

use crate::world::{EPOCH, World};

const NAMES: [&str; 6] = ["B", "a", "a.txt", "b", "z", "\u{e9}"];

/// The same tree twice, made in different orders in different places.
fn worlds() -> [World; 2] {
    let (one, other) = (World::new(), World::new());
    for name in NAMES {
        one.file(&format!("ws/{name}"), "content");
    }
    for name in NAMES.iter().rev() {
        other.file(&format!("ws/other-{name}"), "");
        other.file(&format!("ws/{name}"), "content");
        fs::remove_file(other.path(&format!("ws/other-{name}"))).unwrap();
    }
    fs::hard_link(other.path("ws/a"), other.path("outside/a")).unwrap();
    for folder in ["ws/sub", "ws/sub/deeper"] {
        one.folder(folder);
        other.folder(folder);
    }
    other.file("ws/sub/more", "");
    fs::remove_file(other.path("ws/sub/more")).unwrap();
    for world in [&one, &other] {
        world.link("a", "ws/link");
    }
    [one, other]
}

pub(crate) mod fs_list {
    use super::*;

    #[test]
    fn entries_are_sorted_by_the_bytes_of_their_names() {
        for world in worlds() {
            let told = world.tell(guests::fs_list(), &["/ws"]);
            assert_eq!(
                told,
                "ok file B\nfile a\nfile a.txt\nfile b\nlink link\ndir sub\nfile z\nfile \u{e9}"
            );
        }
    }

    #[test]
    fn a_large_folder_is_sorted_too() {
        let world = World::new();
        for number in (0..3000).rev() {
            world.file(&format!("ws/{number:04}"), "");
        }
        let expected: Vec<String> = (0..3000).map(|n| format!("file {n:04}")).collect();
        let told = world.tell(guests::fs_list(), &["/ws"]);
        assert_eq!(told, format!("ok {}", expected.join("\n")));
    }

    #[test]
    fn attack_list_what_is_outside() {
        let world = World::new();
        world.link("../outside", "ws/link");
        for path in ["/ws/..", "/ws/link", "/ws/link/", "/ws/link/."] {
            assert_eq!(world.tell(guests::fs_list(), &[path]), "err perm", "{path}");
        }
        // A C library of WASI looks for `/` where it looks for every path that is in no workspace: in the folder that
        // the program starts in.
        assert_eq!(world.tell(guests::fs_list(), &["/"]), "ok link link");
    }
}

pub(crate) mod fs_stat {
    use super::*;

    #[test]
    fn what_is_said_of_a_file_depends_on_its_path_alone() {
        let worlds = worlds();
        for path in ["a", "sub", "sub/deeper", "link", "z"] {
            let [one, other] = worlds
                .each_ref()
                .map(|world| world.tell(guests::fs_stat(), &["/ws", path]));
            assert_eq!(one, other, "{path}");
            assert!(one.contains(" nlink=1 "), "{one}");
            let nanoseconds = EPOCH * 1_000_000_000;
            let times = format!("atim={nanoseconds} mtim={nanoseconds} ctim={nanoseconds}");
            assert!(one.ends_with(&times), "{one}");
        }
    }

    #[test]
    fn two_files_have_two_inodes() {
        let [world, _] = worlds();
        let inode = |path| {
            let told = world.tell(guests::fs_stat(), &["/ws", path]);
            let ino = told.split(' ').find(|part| part.starts_with("ino="));
            ino.unwrap().to_owned()
        };
        assert_eq!(inode("a"), inode("sub/../a"));
        assert_ne!(inode("a"), inode("z"));
    }

    /// GHSA-j2g9-4prp-pf6h, GHSA-mr2v-56j5-cmfc.
    #[test]
    fn attack_a_file_from_before_the_epoch_and_one_from_the_far_future() {
        let world = World::new();
        let years = |years: u64| Duration::from_secs(years * 365 * 24 * 60 * 60);
        let (past, future) = (
            SystemTime::UNIX_EPOCH - years(60),
            SystemTime::UNIX_EPOCH + years(400),
        );
        let mut stats = Vec::new();
        for time in [past, future, SystemTime::UNIX_EPOCH] {
            let file = File::create(world.path("ws/file")).unwrap();
            let times = FileTimes::new().set_accessed(time).set_modified(time);
            file.set_times(times).unwrap();
            stats.push(world.tell(guests::fs_stat(), &["/ws", "file"]));
        }
        assert!(stats[0].starts_with("ok "), "{}", stats[0]);
        stats.dedup();
        assert_eq!(stats.len(), 1, "{stats:?}");
    }

    #[test]
    fn attack_a_virtual_clock_beyond_all_dates() {
        let world = World::new();
        world.file("ws/file", "");
        for epoch in [u64::MAX, u64::MAX / 1_000_000_000 + 1, i64::MAX as u64] {
            let step = world.step(guests::fs_stat(), &["/ws", "file"]).epoch(epoch);
            // The guest's own library may not be able to say it; the host goes on.
            step.run();
            world.step(guests::ambient_clock(), &[]).epoch(epoch).run();
        }
    }

    #[test]
    fn attack_ask_about_what_is_outside() {
        let world = World::new();
        world.link("../outside", "ws/link");
        for path in ["../outside/secret", "link/secret", "..", "/etc/passwd"] {
            assert_eq!(
                world.tell(guests::fs_stat(), &["/ws", path]),
                "err perm",
                "{path}"
            );
        }
    }
}

pub(crate) mod fs_set_times {
    use super::*;

    #[test]
    fn attack_times_that_no_clock_can_show() {
        let world = World::new();
        world.file("ws/file", "");
        for time in [u64::MAX, i64::MAX as u64, i64::MAX as u64 + 1, 0] {
            let time = time.to_string();
            let told = world.tell(guests::fs_set_times(), &["/ws", "file", &time, &time]);
            assert!(["ok set", "err inval"].contains(&told.as_str()), "{told}");
        }
        let stat = world.tell(guests::fs_stat(), &["/ws", "file"]);
        assert!(stat.starts_with("ok "), "{stat}");
    }

    #[test]
    fn a_time_may_be_set_and_stays_pinned() {
        let world = World::new();
        world.file("ws/file", "");
        let before = world.tell(guests::fs_stat(), &["/ws", "file"]);
        let second = "1000000000";
        assert_eq!(
            world.tell(guests::fs_set_times(), &["/ws", "file", second, second]),
            "ok set"
        );
        assert_eq!(world.tell(guests::fs_stat(), &["/ws", "file"]), before);
    }
}

pub(crate) mod fs_set_odd_times {
    use super::*;

    #[test]
    fn attack_a_time_that_does_not_exist() {
        let world = World::new();
        world.file("ws/file", "");
        let max = u64::MAX.to_string();
        for (seconds, nanoseconds) in [
            (max.as_str(), "0"),
            ("9223372036854775808", "0"),
            ("0", "1000000000"),
            ("0", "4294967295"),
        ] {
            let args = ["/ws", "file", seconds, nanoseconds];
            let told = world.tell(guests::fs_set_odd_times(), &args);
            assert_eq!(told, "err invalid", "{seconds} {nanoseconds}");
        }
    }

    #[test]
    fn a_time_of_the_far_future_does() {
        let world = World::new();
        world.file("ws/file", "");
        for seconds in ["0", "9223372036854775807"] {
            let args = ["/ws", "file", seconds, "999999999"];
            assert_eq!(world.tell(guests::fs_set_odd_times(), &args), "ok set");
        }
    }
}
