//! Ways out of a workspace by the text of a path, and through what is no file.

use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use stepwell_contract::Access;
use stepwell_guest_artifacts as guests;

use crate::world::{SECRET, World};

/// A path that leaves its workspace, as WASI 0.1 calls it.
const LEFT: &str = "err perm";

pub(crate) mod fs_read {
    use super::*;

    #[test]
    fn attack_dot_dot() {
        let world = World::new();
        world.folder("ws/sub");
        for path in [
            "/ws/../outside/secret",
            "/ws/sub/../../outside/secret",
            "/ws/./sub/.././../outside/secret",
            "../outside/secret",
        ] {
            assert_eq!(world.tell(guests::fs_read(), &[path]), LEFT, "{path}");
        }
    }

    #[test]
    fn dot_dot_may_stay_inside() {
        let world = World::new();
        world.folder("ws/sub/deeper");
        world.file("ws/file", "content");
        for path in [
            "/ws/sub/../file",
            "/ws/sub/deeper/../../file",
            "sub/../file",
        ] {
            assert_eq!(
                world.tell(guests::fs_read(), &[path]),
                "ok content",
                "{path}"
            );
        }
    }

    #[test]
    fn attack_absolute_path_of_the_host() {
        let world = World::new();
        let secret = world.path("outside/secret");
        for path in [
            secret.to_str().unwrap(),
            "/etc/passwd",
            "/proc/self/environ",
            "/",
        ] {
            let told = world.tell(guests::fs_read(), &[path]);
            assert!(told.starts_with("err "), "{path}: {told}");
        }
    }

    #[test]
    fn an_absolute_path_of_the_step_is_a_workspaces() {
        let world = World::new();
        world.file("ro/etc/passwd", "the workspace's own");
        assert_eq!(
            world.tell(guests::fs_read(), &["/ro/etc/passwd"]),
            "ok the workspace's own"
        );
    }

    #[test]
    fn attack_named_pipe_that_nobody_writes_to() {
        let world = World::new();
        let pipe = world.path("ws/pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!(world.tell(guests::fs_read(), &["/ws/pipe"]), LEFT);
    }

    #[test]
    fn attack_socket_file() {
        let world = World::new();
        let _listener = UnixListener::bind(world.path("ws/socket")).unwrap();
        let told = world.tell(guests::fs_read(), &["/ws/socket"]);
        assert!(told.starts_with("err "), "{told}");
    }

    #[test]
    fn attack_device_in_a_workspace() {
        let world = World::new();
        for access in [Access::ReadOnly, Access::ReadWrite] {
            for device in ["/dev/zero", "/dev/random", "/dev/tty"] {
                let step =
                    world
                        .step(guests::fs_read(), &[device])
                        .mount("/dev".as_ref(), "/dev", access);
                let told = step.run().told();
                assert!(told.starts_with("err "), "{device}: {told}");
            }
        }
    }

    #[test]
    fn a_folder_is_no_file() {
        let world = World::new();
        world.folder("ws/sub");
        let told = world.tell(guests::fs_read(), &["/ws/sub"]);
        assert!(["err isdir", "err badf"].contains(&told.as_str()), "{told}");
        assert_eq!(world.tell(guests::fs_read(), &["/ws/none"]), "err noent");
    }
}

/// The same with paths that no C library has looked at.
pub(crate) mod fs_read_at {
    use super::*;

    #[test]
    fn attack_path_with_no_manners() {
        let world = World::new();
        world.folder("ws/sub");
        world.file("ws/file", "content");
        let absolute = world.path("outside/secret");
        for path in [
            "../outside/secret",
            "sub/../../outside/secret",
            "./../outside/secret",
            "..//outside/secret",
            "sub/./../../ws/../outside/secret",
            "../ws/file",
            "..",
            "/",
            "/etc/passwd",
            "//etc/passwd",
            "/ws/file",
            absolute.to_str().unwrap(),
        ] {
            assert_eq!(
                world.tell(guests::fs_read_at(), &["/ws", path]),
                LEFT,
                "{path}"
            );
        }
        for path in ["", "file/", "file/.", "file/..", "sub/../file/"] {
            let told = world.tell(guests::fs_read_at(), &["/ws", path]);
            assert!(told.starts_with("err "), "{path:?}: {told}");
        }
    }

    #[test]
    fn an_odd_path_may_stay_inside() {
        let world = World::new();
        world.folder("ws/sub");
        world.file("ws/file", "content");
        for path in [
            "file",
            "./file",
            "sub/../file",
            "sub//..//file",
            "sub/./../file",
        ] {
            assert_eq!(
                world.tell(guests::fs_read_at(), &["/ws", path]),
                "ok content",
                "{path}"
            );
        }
    }

    #[test]
    fn attack_folder_that_was_opened_below() {
        let world = World::new();
        world.folder("ws/sub");
        world.file("ws/file", "content");
        // A folder opened below a workspace is a new border: wasi:filesystem resolves beneath the descriptor.
        for path in ["../file", "../../outside/secret"] {
            assert_eq!(
                world.tell(guests::fs_read_at(), &["/ws/sub", path]),
                LEFT,
                "{path}"
            );
        }
    }
}

pub(crate) mod fs_copy_tree {
    use super::*;

    #[test]
    fn a_tree_is_copied_whole() {
        let world = World::new();
        for file in ["ro/a", "ro/sub/b", "ro/sub/deeper/c"] {
            world.file(file, file);
        }
        assert_eq!(
            world.tell(guests::fs_copy_tree(), &["/ro", "/ws/copy"]),
            "ok 3"
        );
        assert_eq!(world.read("ws/copy/sub/deeper/c"), "ro/sub/deeper/c");
    }

    #[test]
    fn attack_copy_out() {
        let world = World::new();
        world.file("ro/a", "a");
        let told = world.tell(guests::fs_copy_tree(), &["/ro", "/ws/../outside/copy"]);
        assert!(told.starts_with("err "), "{told}");
        assert_eq!(world.tree("outside").len(), 1);
        assert_eq!(world.read("outside/secret"), SECRET);
    }
}

/// Names that mean something to other systems (GHSA-c2f5-jxjv-2hh8) mean nothing here.
pub(crate) mod fs_names {
    use super::*;

    #[test]
    fn attack_names_of_other_systems() {
        let world = World::new();
        let told = world.tell(guests::fs_names(), &["/ws"]);
        for name in [
            "plain.txt",
            "CON",
            "nul.txt",
            "COM1",
            "a:stream",
            "back\\slash",
        ] {
            assert!(told.contains(&format!("ok {name:?}")), "{told}");
            assert_eq!(world.read(&format!("ws/{name}")), "", "{name}");
        }
        for name in ["nul\0byte", "slash/", "", &"n".repeat(300)] {
            assert!(!told.contains(&format!("ok {name:?}")), "{told}");
        }
    }
}
