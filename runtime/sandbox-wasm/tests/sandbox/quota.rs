//! How much of the disk a step may take, and how much it may hold open.

use std::fs;

use stepwell_contract::Limit;
use stepwell_guest_artifacts as guests;

use crate::world::World;

pub(crate) mod fs_flood {
    use super::*;

    #[test]
    fn attack_a_million_files() {
        let world = World::new();
        let end = world
            .step(guests::fs_flood(), &["/ws", "1000000"])
            .limit("files=1000")
            .run();
        assert_eq!(end.limit(), (Limit::Files, 1000));
        assert_eq!(world.tree("ws").len(), 1000);
    }

    #[test]
    fn the_last_file_of_the_limit_is_created() {
        let world = World::new();
        let step = world
            .step(guests::fs_flood(), &["/ws", "1000"])
            .limit("files=1000");
        assert_eq!(step.run().told(), "ok 1000");
    }

    #[test]
    fn attack_folders_and_links_count_as_files() {
        let world = World::new();
        world.file("ws/file", "");
        for (guest, args) in [
            (guests::fs_deep(), ["/ws", "10"].as_slice()),
            (guests::fs_copy_tree(), &["/ro", "/ws/one/two"]),
        ] {
            let end = world.step(guest, args).limit("files=1").run();
            assert_eq!(end.limit(), (Limit::Files, 1), "{guest:?}");
        }
        for (guest, args) in [
            (guests::fs_symlink(), ["file", "/ws", "link"].as_slice()),
            (guests::fs_hard_link(), &["/ws/file", "/ws/second"]),
            (guests::fs_mkdir(), &["/ws/folder"]),
        ] {
            let told = world.step(guest, args).limit("files=1").run().told();
            assert!(told.starts_with("ok "), "{guest:?}: {told}");
        }
    }
}

/// Deeper than a path can be long.
pub(crate) mod fs_deep {
    use super::*;

    #[test]
    fn attack_folders_deeper_than_a_path_can_say() {
        let world = World::new();
        let told = world.tell(guests::fs_deep(), &["/ws", "3000"]);
        assert_eq!(told, "ok 3000");
        // What removes a tree goes down it: not that deep.
        while world.path("ws/d/d").exists() {
            fs::rename(world.path("ws/d/d"), world.path("ws/deeper")).unwrap();
            fs::remove_dir(world.path("ws/d")).unwrap();
            fs::rename(world.path("ws/deeper"), world.path("ws/d")).unwrap();
        }
    }

    #[test]
    fn a_few_folders_are_made() {
        let world = World::new();
        assert_eq!(world.tell(guests::fs_deep(), &["/ws", "3"]), "ok 3");
        assert!(world.path("ws/d/d/d").is_dir());
    }
}

pub(crate) mod fs_fill {
    use super::*;

    #[test]
    fn attack_fill_the_disk() {
        let world = World::new();
        let end = world
            .step(guests::fs_fill(), &["/ws/file", "1073741824"])
            .limit("file-bytes=1Mi")
            .run();
        assert_eq!(end.limit(), (Limit::FileBytes, 1 << 20));
        assert!(fs::metadata(world.path("ws/file")).unwrap().len() <= 1 << 20);
    }

    #[test]
    fn the_last_byte_of_the_limit_is_written() {
        let world = World::new();
        let step = world
            .step(guests::fs_fill(), &["/ws/file", "1048576"])
            .limit("file-bytes=1Mi");
        assert_eq!(step.run().told(), "ok 1048576");
    }

    #[test]
    fn attack_several_files_are_one_sum() {
        let world = World::new();
        world.file("ro/one", &"1".repeat(600));
        world.file("ro/two", &"2".repeat(600));
        let step = || world.step(guests::fs_copy_tree(), &["/ro", "/ws"]);
        let end = step().limit("file-bytes=1000").run();
        assert_eq!(end.limit(), (Limit::FileBytes, 1000));
        assert_eq!(step().limit("file-bytes=1200").run().told(), "ok 2");
    }
}

/// A file can be long without a byte of it being written.
pub(crate) mod fs_set_len {
    use super::*;

    /// Opens `file` in the first folder that it has, writes one byte at `OFFSET`.
    const WRITE_FAR_OUT: &str = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pwrite"
            (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_seek"
            (func $seek (param i32 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "file")
        (data (i32.const 16) "\00\00\00\00\01\00\00\00")
        (func (export "_start")
            (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0)
                    (i64.const 0x60) (i64.const 0x60) (i32.const 0) (i32.const 32))
                (then unreachable))
            (if (call $WAY (i32.load (i32.const 32)) ARGS) (then unreachable))))"#;

    fn write_far_out(way: &str, offset: u64) -> String {
        match way {
            "pwrite" => WRITE_FAR_OUT.replace("$WAY", "$pwrite").replace(
                "ARGS",
                &format!("(i32.const 16) (i32.const 1) (i64.const {offset}) (i32.const 40)"),
            ),
            _ => WRITE_FAR_OUT.replace("$WAY", "$write").replace(
                "ARGS",
                &format!(
                    "(block (result i32)
                        (drop (call $seek (i32.load (i32.const 32)) (i64.const {offset}) (i32.const 0) (i32.const 40)))
                        (i32.const 16)) (i32.const 1) (i32.const 40)"
                ),
            ),
        }
    }

    #[test]
    fn attack_sparse_file_by_its_length() {
        let world = World::new();
        world.file("ws/file", "");
        let end = world
            .step(guests::fs_set_len(), &["/ws/file", "1099511627776"])
            .run();
        assert_eq!(end.limit().0, Limit::FileBytes);
        assert_eq!(world.read("ws/file"), "");
    }

    #[test]
    fn attack_sparse_file_by_writing_far_out() {
        for way in ["pwrite", "seek"] {
            let world = World::new();
            world.file("ws/file", "");
            let code = write_far_out(way, 1 << 40);
            let end = world.step_of(code.into_bytes(), &[]).run();
            assert_eq!(end.limit().0, Limit::FileBytes, "{way}");
            assert_eq!(world.read("ws/file"), "", "{way}");
        }
    }

    #[test]
    fn a_hole_that_fits_is_made() {
        for way in ["pwrite", "seek"] {
            let world = World::new();
            world.file("ws/file", "");
            let code = write_far_out(way, 1 << 20).into_bytes();
            world.step_of(code, &[]).run().told();
            let length = fs::metadata(world.path("ws/file")).unwrap().len();
            assert_eq!(length, (1 << 20) + 1, "{way}");
        }
    }

    #[test]
    fn a_file_becomes_longer_and_shorter() {
        let world = World::new();
        world.file("ws/file", "content");
        for (length, content) in [("3", "con"), ("5", "con\0\0")] {
            let told = world.tell(guests::fs_set_len(), &["/ws/file", length]);
            assert_eq!(told, "ok set");
            assert_eq!(world.read("ws/file"), content);
        }
    }
}

/// Through WASI 0.1 a program meets the bound of the wrapper around it, which is lower than ours.
pub(crate) mod fs_open_many {
    use super::*;

    #[test]
    fn attack_open_more_than_a_program_may() {
        let world = World::new();
        world.file("ws/file", "");
        let told = world.tell(guests::fs_open_many(), &["/ws/file", "100000"]);
        assert!(told.starts_with("err "), "{told}");
    }

    #[test]
    fn some_files_may_be_open() {
        let world = World::new();
        world.file("ws/file", "");
        let told = world.tell(guests::fs_open_many(), &["/ws/file", "100"]);
        assert_eq!(told, "ok 100");
    }
}

pub(crate) mod limit_open_files {
    use super::*;

    #[test]
    fn attack_open_more_than_the_host_has_descriptors() {
        let world = World::new();
        world.file("ws/file", "");
        let args = ["/ws", "file", "100000"];
        let end = world.step(guests::limit_open_files(), &args).run();
        assert_eq!(end.limit(), (Limit::OpenFiles, 512));
    }

    #[test]
    fn as_many_as_the_limit_may_be_open() {
        let world = World::new();
        world.file("ws/file", "");
        let told = world.tell(guests::limit_open_files(), &["/ws", "file", "512"]);
        assert_eq!(told, "ok 512");
    }
}

/// GHSA-3p27-qvp9-27qf: a descriptor that takes the number of another one must close that.
#[test]
fn attack_descriptors_leaked_by_renumbering() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_renumber"
            (func $renumber (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "file")
        (func $open_file (result i32)
            (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0)
                    (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 32))
                (then unreachable))
            (i32.load (i32.const 32)))
        (func (export "_start") (local $kept i32) (local $at i32)
            (local.set $kept (call $open_file))
            (loop $again
                (if (call $renumber (call $open_file) (local.get $kept)) (then unreachable))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $at) (i32.const 20000))))))"#;
    let world = World::new();
    world.file("ws/file", "");
    world.step_of(text.as_bytes(), &[]).run().told();
}
