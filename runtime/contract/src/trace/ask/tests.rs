use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Mutex;

use cap_std::ambient_authority;

use super::*;
use crate::trace::{NoDigests, Settled};

fn dir(path: &std::path::Path) -> Dir {
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

/// A folder with one thing of each sort.
fn furnished() -> (tempfile::TempDir, Dir) {
    let temp = tempfile::tempdir().unwrap();
    let at = |path: &str| temp.path().join(path);
    fs::create_dir_all(at("folder/inner")).unwrap();
    fs::write(at("file"), "bytes").unwrap();
    fs::write(at("folder/inner/deep"), "deep").unwrap();
    fs::write(at("program"), "run").unwrap();
    fs::set_permissions(at("program"), Permissions::from_mode(0o755)).unwrap();
    fs::write(at("one"), "both").unwrap();
    fs::hard_link(at("one"), at("other")).unwrap();
    symlink("folder", at("link")).unwrap();
    let fifo = rustix::fs::CWD;
    rustix::fs::mknodat(fifo, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let dir = dir(temp.path());
    (temp, dir)
}

const FILE: Kind = Kind::File {
    executable: false,
    shared: false,
};

fn kind(dir: &Dir, path: &str) -> Kind {
    match Asker::new(dir, &NoDigests)
        .ask(path, Question::Kind)
        .unwrap()
    {
        Answer::Kind(kind) => kind,
        other => panic!("{other:?}"),
    }
}

fn ask(dir: &Dir, path: &str, question: Question) -> Answer {
    Asker::new(dir, &NoDigests).ask(path, question).unwrap()
}

#[test]
fn each_sort_of_thing_has_a_kind() {
    let (_temp, dir) = furnished();
    assert_eq!(kind(&dir, ""), Kind::Folder);
    assert_eq!(kind(&dir, "file"), FILE);
    assert_eq!(kind(&dir, "folder/inner"), Kind::Folder);
    assert_eq!(kind(&dir, "link"), Kind::Link);
    assert_eq!(kind(&dir, "fifo"), Kind::Fifo);
    assert_eq!(kind(&dir, "missing"), Kind::Absent);
    assert_eq!(kind(&dir, "missing/below"), Kind::Absent);
    let not_a_folder = Kind::Refused(Errno::NOTDIR.raw_os_error());
    assert_eq!(kind(&dir, "file/below"), not_a_folder);
    assert_eq!(kind(&dir, "file/far/below"), not_a_folder);
    let executable = Kind::File {
        executable: true,
        shared: false,
    };
    assert_eq!(kind(&dir, "program"), executable);
    let shared = Kind::File {
        executable: false,
        shared: true,
    };
    assert_eq!(kind(&dir, "one"), shared);
}

#[test]
fn questions_get_what_they_ask_for_or_the_kind_instead() {
    let (_temp, dir) = furnished();
    let content = Answer::Content(Digest::of(b"bytes"));
    assert_eq!(ask(&dir, "file", Question::Content), content);
    let stat = Answer::Stat {
        kind: FILE,
        size: 5,
    };
    assert_eq!(ask(&dir, "file", Question::Stat), stat);
    let stat = Answer::Stat {
        kind: Kind::Link,
        size: 6,
    };
    assert_eq!(ask(&dir, "link", Question::Stat), stat);
    let target = Answer::Link((*b"folder").into());
    assert_eq!(ask(&dir, "link", Question::Link), target);
    let mut listing = ListingHasher::default();
    listing.entry(b"inner", Kind::Folder);
    let listing = Answer::Listing(listing.finish());
    assert_eq!(ask(&dir, "folder", Question::Listing), listing);
    for (path, question, instead) in [
        ("folder", Question::Content, Kind::Folder),
        ("folder", Question::Stat, Kind::Folder),
        ("file", Question::Listing, FILE),
        ("missing", Question::Content, Kind::Absent),
        ("file", Question::Link, FILE),
        ("fifo", Question::Content, Kind::Fifo),
    ] {
        assert_eq!(ask(&dir, path, question), Answer::Kind(instead), "{path}");
    }
}

#[test]
fn nothing_and_a_plain_file_are_room_and_whatever_leaves_a_trace_is_not() {
    let (_temp, dir) = furnished();
    assert_eq!(ask(&dir, "file", Question::Room), Answer::Room);
    assert_eq!(ask(&dir, "missing", Question::Room), Answer::Room);
    let nowhere = Answer::Kind(Kind::Absent);
    assert_eq!(ask(&dir, "missing/below", Question::Room), nowhere);
    for path in ["program", "one", "folder", "link", "fifo"] {
        let own = Answer::Kind(kind(&dir, path));
        assert_eq!(ask(&dir, path, Question::Room), own, "{path}");
    }
}

#[test]
fn attack_a_link_on_the_way_is_not_followed_and_a_folder_there_is() {
    let (temp, dir) = furnished();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path(), temp.path().join("out")).unwrap();
    symlink("..", temp.path().join("folder/up")).unwrap();
    for path in ["out/secret", "link/inner", "folder/up/file"] {
        for question in Question::ALL {
            assert_eq!(ask(&dir, path, question), Answer::Kind(Kind::Astray));
        }
    }
    let deep = Answer::Content(Digest::of(b"deep"));
    assert_eq!(ask(&dir, "folder/inner/deep", Question::Content), deep);
}

#[test]
fn attack_a_path_that_leaves_the_folder_is_no_path_and_dots_in_a_name_are_fine() {
    let (temp, dir) = furnished();
    fs::write(temp.path().join("..."), "dots").unwrap();
    let mut asker = Asker::new(&dir, &NoDigests);
    for path in [
        "..",
        "../x",
        "folder/../file",
        "/etc/passwd",
        "a//b",
        "a/",
        "./file",
        "a\0b",
    ] {
        let error = asker.ask(path, Question::Kind).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
    }
    assert_eq!(
        asker.ask("...", Question::Kind).unwrap(),
        Answer::Kind(FILE)
    );
}

#[test]
fn both_ways_to_a_folder_say_the_same() {
    let (temp, dir) = furnished();
    symlink("loop", temp.path().join("loop")).unwrap();
    let root = dir.as_fd();
    let seen = |reached: Reached| reached.map(|dir| rustix::fs::fstat(dir).unwrap().st_ino);
    for path in [
        "folder",
        "folder/inner",
        "link",
        "link/inner",
        "loop/x",
        "file",
        "file/x",
        "missing",
        "missing/x",
        "fifo/x",
    ] {
        let fast = seen(reach::folder(root, path));
        assert_eq!(fast, seen(reach::name_by_name(root, path)), "{path}");
    }
}

#[test]
fn a_known_digest_is_believed_and_a_new_one_is_told() {
    #[derive(Default)]
    struct Known(Mutex<HashMap<Version, Digest>>);
    impl Digests for Known {
        fn get(&self, version: &Version) -> Option<Digest> {
            self.0.lock().unwrap().get(version).copied()
        }
        fn put(&self, version: &Settled, digest: Digest) {
            self.0.lock().unwrap().insert(*version.version(), digest);
        }
    }
    // A file that was there before this test was compiled: one that was just written is not remembered.
    let dir = dir(env!("CARGO_MANIFEST_DIR").as_ref());
    let known = Known::default();
    let mut asker = Asker::new(&dir, &known);
    let content = |asker: &mut Asker<'_>| asker.ask("Cargo.toml", Question::Content).unwrap();
    let true_one = Digest::of(&dir.read("Cargo.toml").unwrap());
    assert_eq!(content(&mut asker), Answer::Content(true_one));
    let mut versions = known.0.lock().unwrap();
    assert_eq!(versions.values().copied().collect::<Vec<_>>(), [true_one]);
    let told = Digest::of(b"told");
    versions.values_mut().for_each(|digest| *digest = told);
    drop(versions);
    assert_eq!(content(&mut asker), Answer::Content(told));
    let (_temp, dir) = furnished();
    let mut asker = Asker::new(&dir, &known);
    let young = asker.ask("file", Question::Content).unwrap();
    assert_eq!(young, Answer::Content(Digest::of(b"bytes")));
    assert_eq!(known.0.lock().unwrap().len(), 1);
}

#[test]
fn many_questions_about_one_folder_see_it_change() {
    let (temp, dir) = furnished();
    let mut asker = Asker::new(&dir, &NoDigests);
    let new = "folder/inner/new";
    assert_eq!(
        asker.ask(new, Question::Kind).unwrap(),
        Answer::Kind(Kind::Absent)
    );
    fs::write(temp.path().join(new), "").unwrap();
    assert_eq!(asker.ask(new, Question::Kind).unwrap(), Answer::Kind(FILE));
}

#[test]
fn questions_in_a_row_about_one_file_are_about_one_state_of_it() {
    let (temp, dir) = furnished();
    let mut asker = Asker::new(&dir, &NoDigests);
    let size = Answer::Stat {
        kind: FILE,
        size: 5,
    };
    assert_eq!(asker.ask("file", Question::Stat).unwrap(), size);
    fs::write(temp.path().join("file"), "more bytes").unwrap();
    // What it said of the size is not joined with the bytes of another state.
    assert!(asker.ask("file", Question::Content).is_err());
    let content = Answer::Content(Digest::of(b"more bytes"));
    assert_eq!(asker.ask("file", Question::Content).unwrap(), content);
    // Another question in between, and it is looked at again.
    fs::write(temp.path().join("file"), "").unwrap();
    asker.ask("program", Question::Kind).unwrap();
    let size = Answer::Stat {
        kind: FILE,
        size: 0,
    };
    assert_eq!(asker.ask("file", Question::Stat).unwrap(), size);
}
