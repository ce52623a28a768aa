//! Ways out of a workspace through links, and ways to carry something from one mount to another.

use std::fs;
use std::os::unix::fs::MetadataExt;

use stepwell_contract::Access;
use stepwell_guest_artifacts as guests;

use crate::world::{SECRET, World};

const LEFT: &str = "err perm";

#[test]
fn attack_symlink_out() {
    let world = World::new();
    world.link(world.path("outside/secret"), "ws/absolute");
    world.link("../outside/secret", "ws/relative");
    world.link("../outside", "ws/folder");
    world.link("folder", "ws/to-a-link");
    world.link("/proc/self/root/etc/passwd", "ws/magic");
    for path in [
        "absolute",
        "relative",
        "folder/secret",
        "to-a-link/secret",
        "magic",
    ] {
        for guest in [guests::fs_read(), guests::fs_list()] {
            let told = world.tell(guest, &[&format!("/ws/{path}")]);
            assert_eq!(told, LEFT, "{path}");
        }
    }
}

#[test]
fn a_symlink_may_stay_inside() {
    let world = World::new();
    world.file("ws/sub/file", "content");
    world.link("sub/file", "ws/link");
    world.link("sub", "ws/folder");
    world.link("../ws/sub", "ws/out-and-in");
    assert_eq!(world.tell(guests::fs_read(), &["/ws/link"]), "ok content");
    assert_eq!(
        world.tell(guests::fs_read(), &["/ws/folder/file"]),
        "ok content"
    );
    // Out and in again is out.
    assert_eq!(
        world.tell(guests::fs_read(), &["/ws/out-and-in/file"]),
        LEFT
    );
}

#[test]
fn attack_links_that_lead_to_each_other() {
    let world = World::new();
    world.link("two", "ws/one");
    world.link("one", "ws/two");
    assert_eq!(world.tell(guests::fs_read(), &["/ws/one"]), "err loop");
}

/// GHSA-vqjp-4c8c-hfgg: with a slash at its end, the name of a link means what it points to.
#[test]
fn attack_symlink_out_with_a_trailing_slash() {
    let world = World::new();
    world.link("../outside", "ws/folder");
    world.link("../outside/secret", "ws/file");
    let modified = |path| fs::metadata(world.path(path)).unwrap().modified().unwrap();
    let before = [modified("outside"), modified("outside/secret")];
    for path in [
        "folder/",
        "folder//",
        "folder/.",
        "folder/./",
        "file/",
        "file/.",
    ] {
        for (guest, args) in [
            (guests::fs_read_at(), ["/ws", path].as_slice()),
            (guests::fs_create_at(), &["/ws", path]),
            (guests::fs_truncate_at(), &["/ws", path]),
        ] {
            let told = world.tell(guest, args);
            assert!(told.starts_with("err "), "{guest:?} {path}: {told}");
        }
        // The link itself may be told of, not what it points to; times are never set.
        world.tell(guests::fs_set_times(), &["/ws", path, "0", "0"]);
        let told = world.tell(guests::fs_stat(), &["/ws", path]);
        assert!(
            told.starts_with("err ") || told.starts_with("ok type=SYMBOLIC_LINK "),
            "{path}: {told}"
        );
    }
    assert_eq!(world.read("outside/secret"), SECRET);
    assert_eq!([modified("outside"), modified("outside/secret")], before);
}

#[test]
fn a_trailing_slash_may_stay_inside() {
    let world = World::new();
    world.file("ws/sub/file", "content");
    world.link("sub", "ws/folder");
    assert_eq!(
        world.tell(guests::fs_list(), &["/ws/folder/"]),
        "ok file file"
    );
    assert_eq!(world.tell(guests::fs_list(), &["/ws/sub/"]), "ok file file");
}

pub(crate) mod fs_symlink {
    use super::*;

    #[test]
    fn attack_absolute_target() {
        let world = World::new();
        let secret = world.path("outside/secret");
        for target in ["/etc/passwd", "//etc/passwd", secret.to_str().unwrap()] {
            let told = world.tell(guests::fs_symlink(), &[target, "/ws", "link"]);
            assert_eq!(told, LEFT, "{target}");
        }
        assert!(world.tree("ws").is_empty());
    }

    #[test]
    fn attack_through_a_link_of_its_own() {
        let world = World::new();
        world.tell(guests::fs_symlink(), &["../outside/secret", "/ws", "link"]);
        world.tell(guests::fs_symlink(), &["../outside", "/ws", "folder"]);
        for path in ["/ws/link", "/ws/folder/secret"] {
            let told = world.tell(guests::fs_read(), &[path]);
            assert!(told.starts_with("err "), "{path}: {told}");
            let told = world.tell(guests::fs_write(), &[path, "changed"]);
            assert!(told.starts_with("err "), "{path}: {told}");
        }
        assert_eq!(world.read("outside/secret"), SECRET);
    }

    #[test]
    fn attack_link_made_through_a_link_out() {
        let world = World::new();
        world.link("../outside", "ws/folder");
        for name in ["folder/link", "../outside/link", "folder/"] {
            let told = world.tell(guests::fs_symlink(), &["secret", "/ws", name]);
            assert!(told.starts_with("err "), "{name}: {told}");
        }
        assert_eq!(world.tree("outside").len(), 1);
    }

    #[test]
    fn a_link_inside_is_made_and_followed() {
        let world = World::new();
        world.file("ws/file", "content");
        assert_eq!(
            world.tell(guests::fs_symlink(), &["file", "/ws", "link"]),
            "ok linked"
        );
        assert_eq!(world.tell(guests::fs_read(), &["/ws/link"]), "ok content");
    }
}

pub(crate) mod fs_readlink {
    use super::*;

    #[test]
    fn attack_the_places_of_the_host_in_an_absolute_link() {
        let world = World::new();
        world.link(world.path("outside/secret"), "ws/link");
        assert_eq!(world.tell(guests::fs_readlink(), &["/ws/link"]), LEFT);
    }

    #[test]
    fn a_relative_link_is_read() {
        let world = World::new();
        world.link("file", "ws/link");
        assert_eq!(world.tell(guests::fs_readlink(), &["/ws/link"]), "ok file");
    }
}

/// GHSA-4ch3-9j33-3pmj: both ends of a link and of a rename are checked.
pub(crate) mod fs_hard_link {
    use super::*;

    #[test]
    fn attack_across_grants() {
        let world = World::new();
        world.file("ro/file", "content");
        world.file("ws/file", "content");
        for (from, to) in [
            ("/ro/file", "/ws/link"),
            ("/ws/file", "/ro/link"),
            ("/ro/file", "/ro/link"),
        ] {
            let told = world.tell(guests::fs_hard_link(), &[from, to]);
            assert_eq!(told, "err rofs", "{from} {to}");
        }
        assert_eq!(fs::metadata(world.path("ro/file")).unwrap().nlink(), 1);
    }

    #[test]
    fn attack_one_folder_mounted_twice() {
        let world = World::new();
        world.file("ro/file", "content");
        let step = world
            .step(guests::fs_hard_link(), &["/ro/file", "/again/link"])
            .mount(&world.path("ro"), "/again", Access::ReadWrite);
        assert_eq!(step.run().told(), "err rofs");
        let step = world
            .step(guests::fs_hard_link(), &["/ws/file", "/again/link"])
            .mount(&world.path("ws"), "/again", Access::ReadWrite);
        world.file("ws/file", "content");
        assert_eq!(step.run().told(), "err xdev");
    }

    #[test]
    fn attack_across_mounts_and_out() {
        let world = World::new();
        world.file("ws/file", "content");
        assert_eq!(
            world.tell(guests::fs_hard_link(), &["/ws/file", "/other/link"]),
            "err xdev"
        );
        for (from, to) in [
            ("/ws/../outside/secret", "/ws/link"),
            ("/ws/file", "/ws/../outside/link"),
        ] {
            let told = world.tell(guests::fs_hard_link(), &[from, to]);
            assert_eq!(told, LEFT, "{from} {to}");
        }
    }

    #[test]
    fn attack_what_a_symlink_points_to() {
        let world = World::new();
        world.link("../outside/secret", "ws/link");
        world.link("../outside", "ws/folder");
        for from in ["/ws/link/", "/ws/folder/secret"] {
            let told = world.tell(guests::fs_hard_link(), &[from, "/ws/stolen"]);
            assert!(told.starts_with("err "), "{from}: {told}");
        }
        // The link itself may have a second name; what it points to has not.
        world.tell(guests::fs_hard_link(), &["/ws/link", "/ws/second"]);
        assert_eq!(
            fs::metadata(world.path("outside/secret")).unwrap().nlink(),
            1
        );
        assert_eq!(
            world.tell(guests::fs_read(), &["/ws/second"]).get(..4),
            Some("err ")
        );
    }

    #[test]
    fn a_file_of_a_writable_mount_may_have_two_names() {
        let world = World::new();
        world.file("ws/file", "content");
        assert_eq!(
            world.tell(guests::fs_hard_link(), &["/ws/file", "/ws/link"]),
            "ok linked"
        );
        assert_eq!(world.read("ws/link"), "content");
    }
}

pub(crate) mod fs_rename {
    use super::*;

    #[test]
    fn attack_across_grants() {
        let world = World::new();
        world.file("ro/file", "content");
        world.file("ws/file", "content");
        let before = world.tree("ro");
        for (from, to) in [("/ro/file", "/ws/moved"), ("/ws/file", "/ro/file")] {
            let told = world.tell(guests::fs_rename(), &[from, to]);
            assert_eq!(told, "err rofs", "{from} {to}");
        }
        assert_eq!(world.tree("ro"), before);
    }

    #[test]
    fn attack_across_mounts_and_out() {
        let world = World::new();
        world.file("ws/file", "content");
        assert_eq!(
            world.tell(guests::fs_rename(), &["/ws/file", "/other/file"]),
            "err xdev"
        );
        for (from, to) in [
            ("/ws/../outside/secret", "/ws/stolen"),
            ("/ws/file", "/ws/../outside/secret"),
            ("/ws/file", "/ws/../outside/new"),
        ] {
            let told = world.tell(guests::fs_rename(), &[from, to]);
            assert_eq!(told, LEFT, "{from} {to}");
        }
        assert_eq!(world.read("outside/secret"), SECRET);
        assert_eq!(world.tree("outside").len(), 1);
    }

    /// GHSA-m9f7-9w4p-gv38.
    #[test]
    fn attack_through_a_symlink_with_a_trailing_slash() {
        let world = World::new();
        world.file("ws/file", "content");
        world.folder("ws/sub");
        world.link("../outside", "ws/folder");
        world.link("sub", "ws/inside");
        for (from, to) in [
            ("/ws/folder/", "/ws/stolen"),
            ("/ws/folder/.", "/ws/stolen"),
            ("/ws/folder/secret", "/ws/stolen"),
            ("/ws/sub", "/ws/folder/"),
            ("/ws/file", "/ws/folder/file"),
            ("/ws/inside/", "/ws/moved"),
        ] {
            let told = world.tell(guests::fs_rename(), &[from, to]);
            assert!(told.starts_with("err "), "{from} {to}: {told}");
        }
        assert_eq!(world.tree("outside").len(), 1);
        assert!(world.path("ws/folder").is_symlink());
        assert!(world.path("ws/sub").is_dir());
    }

    #[test]
    fn a_file_moves_inside_its_mount() {
        let world = World::new();
        world.file("ws/file", "content");
        world.folder("ws/sub");
        world.link("../outside", "ws/link");
        assert_eq!(
            world.tell(guests::fs_rename(), &["/ws/file", "/ws/sub/file"]),
            "ok renamed"
        );
        assert_eq!(world.read("ws/sub/file"), "content");
        // A link moves as a link.
        assert_eq!(
            world.tell(guests::fs_rename(), &["/ws/link", "/ws/sub/link"]),
            "ok renamed"
        );
        assert!(world.path("ws/sub/link").is_symlink());
    }
}

pub(crate) mod fs_remove {
    use super::*;

    #[test]
    fn attack_remove_through_a_link() {
        let world = World::new();
        world.link("../outside", "ws/folder");
        world.link("../outside/secret", "ws/file");
        for path in [
            "/ws/folder/secret",
            "/ws/file/",
            "/ws/folder/",
            "/ws/../outside/secret",
        ] {
            let told = world.tell(guests::fs_remove(), &[path]);
            assert!(told.starts_with("err "), "{path}: {told}");
        }
        assert_eq!(world.read("outside/secret"), SECRET);
    }

    #[test]
    fn a_link_is_removed_and_not_what_it_points_to() {
        let world = World::new();
        world.link("../outside/secret", "ws/link");
        assert_eq!(world.tell(guests::fs_remove(), &["/ws/link"]), "ok removed");
        assert!(!world.path("ws/link").is_symlink());
        assert_eq!(world.read("outside/secret"), SECRET);
    }
}

pub(crate) mod fs_remove_dir {
    use super::*;

    #[test]
    fn attack_remove_a_folder_through_a_link() {
        let world = World::new();
        world.folder("outside/empty");
        world.link("../outside/empty", "ws/link");
        world.link("../outside", "ws/folder");
        for path in [
            "/ws/link",
            "/ws/link/",
            "/ws/folder/empty",
            "/ws/../outside/empty",
        ] {
            let told = world.tell(guests::fs_remove_dir(), &[path]);
            assert!(told.starts_with("err "), "{path}: {told}");
        }
        assert!(world.path("outside/empty").is_dir());
    }

    #[test]
    fn an_empty_folder_is_removed() {
        let world = World::new();
        world.folder("ws/empty");
        assert_eq!(
            world.tell(guests::fs_remove_dir(), &["/ws/empty/"]),
            "ok removed"
        );
        assert!(!world.path("ws/empty").exists());
    }
}
