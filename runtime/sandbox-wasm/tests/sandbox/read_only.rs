//! Every kind of write, on a mount that is to be looked at.

use std::path::Path;

use stepwell_guest_artifacts as guests;

use crate::world::World;

fn world() -> World {
    let world = World::new();
    for folder in ["ro", "ws"] {
        world.file(&format!("{folder}/file"), "content");
        world.folder(&format!("{folder}/empty"));
    }
    world
}

/// Runs a guest in the folder that stands for `DIR`.
fn told(world: &World, guest: &Path, args: &[&str], folder: &str) -> String {
    let args: Vec<String> = args.iter().map(|arg| arg.replace("DIR", folder)).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    world.tell(guest, &args)
}

#[track_caller]
fn refused(guest: &Path, args: &[&str]) {
    let world = world();
    let before = world.tree("ro");
    assert_eq!(told(&world, guest, args, "/ro"), "err rofs");
    assert_eq!(world.tree("ro"), before);
}

#[track_caller]
fn allowed(guest: &Path, args: &[&str]) {
    let world = world();
    let told = told(&world, guest, args, "/ws");
    assert!(told.starts_with("ok"), "{told}");
}

/// A kind of write for each guest: refused under `/ro`, done under `/ws`.
macro_rules! kinds_of_write {
    ($($test:ident: $guest:ident $args:expr;)*) => {
        $(
            pub(crate) mod $test {
                #[test]
                fn attack_on_a_read_only_mount() {
                    super::refused(super::guests::$guest(), &$args);
                }

                #[test]
                fn allowed_on_a_writable_one() {
                    super::allowed(super::guests::$guest(), &$args);
                }
            }
        )*
    };
}

kinds_of_write! {
    fs_write: fs_write ["DIR/file", "changed"];
    write_to_a_new_file: fs_write ["DIR/new", "new"];
    fs_append: fs_append ["DIR/file", "more"];
    fs_create: fs_create ["DIR/new"];
    fs_create_at: fs_create_at ["DIR", "new"];
    create_a_file_that_is_there: fs_create_at ["DIR", "file"];
    fs_truncate_at: fs_truncate_at ["DIR", "file"];
    fs_mkdir: fs_mkdir ["DIR/new"];
    make_a_symlink: fs_symlink ["file", "DIR", "link"];
    make_a_hard_link: fs_hard_link ["DIR/file", "DIR/link"];
    rename: fs_rename ["DIR/file", "DIR/moved"];
    remove_a_file: fs_remove ["DIR/file"];
    remove_a_folder: fs_remove_dir ["DIR/empty"];
    set_the_length: fs_set_len ["DIR/file", "2"];
    set_the_times: fs_set_times ["DIR", "file", "0", "0"];
    copy_a_tree: fs_copy_tree ["DIR/empty", "DIR/copy"];
}

#[test]
fn attack_read_only_folder_opened_below() {
    let world = World::new();
    world.file("ro/sub/file", "content");
    for (guest, args) in [
        (guests::fs_create_at(), ["/ro/sub", "new"].as_slice()),
        (guests::fs_truncate_at(), &["/ro/sub", "file"]),
        (guests::fs_symlink(), &["file", "/ro/sub", "link"]),
    ] {
        assert_eq!(world.tell(guest, args), "err rofs", "{guest:?}");
    }
    assert_eq!(world.read("ro/sub/file"), "content");
}

#[test]
fn attack_relative_path_into_a_read_only_working_directory() {
    let world = World::new();
    world.file("ro/file", "content");
    let step = world
        .step(guests::fs_write(), &["file", "changed"])
        .working_dir("/ro");
    assert_eq!(step.run().told(), "err rofs");
    let step = world.step(guests::fs_read(), &["file"]).working_dir("/ro");
    assert_eq!(step.run().told(), "ok content");
}
