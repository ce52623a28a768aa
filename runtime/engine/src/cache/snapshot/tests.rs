use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{Access, Mount, NoDigests, Volume};

use super::*;

/// A step with a workspace that it may write to and one that it may not.
struct World {
    temp: tempfile::TempDir,
    places: Places,
}

impl World {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut volumes = Vec::new();
        let mut mounts = Vec::new();
        for (name, access) in [("own", Access::ReadWrite), ("given", Access::ReadOnly)] {
            let path = temp.path().join(name);
            fs::create_dir(&path).unwrap();
            let dir = Dir::open_ambient_dir(&path, ambient_authority()).unwrap();
            volumes.push(Volume {
                name: name.into(),
                dir: Arc::new(dir),
                path,
            });
            mounts.push(Mount {
                volume: name.into(),
                path: format!("/{name}").into(),
                access,
            });
        }
        let places = Places::of(&mounts, &volumes).unwrap();
        Self { temp, places }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.temp.path().join(path)
    }

    fn take(&self) -> Result<Snapshot, NotKept> {
        self.take_at(Most::default())
    }

    fn take_at(&self, most: Most) -> Result<Snapshot, NotKept> {
        Snapshot::take(&self.places, &NoDigests, most)
    }

    /// What `step` changed.
    fn changes(&self, step: impl FnOnce()) -> Result<(Trace, Changes), NotKept> {
        let before = self.take().unwrap();
        step();
        before.changes(&self.places, &NoDigests)
    }

    fn written(&self, step: impl FnOnce()) -> Vec<String> {
        let (trace, _) = self.changes(step).unwrap();
        trace.written.iter().map(ToString::to_string).collect()
    }

    fn refused(&self, step: impl FnOnce()) -> String {
        let refused = self.changes(step).err();
        refused.map_or_else(|| "kept".to_owned(), |reason| reason.to_string())
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn everything_below_every_mount_is_observed_a_folder_before_what_is_in_it() {
    let world = World::new();
    fs::create_dir_all(world.at("own/a/b")).unwrap();
    fs::write(world.at("own/a/b/c"), "1").unwrap();
    fs::write(world.at("given/d"), "2").unwrap();
    symlink("/etc/passwd", world.at("given/e")).unwrap();
    let snapshot = world.take().unwrap();
    let spots = snapshot.observations.iter();
    let spots: Vec<_> = spots.map(|one| one.spot.to_string()).collect();
    assert_eq!(
        spots,
        [
            "/own:",
            "/own:a",
            "/own:a/b",
            "/own:a/b/c",
            "/given:",
            "/given:d",
            "/given:e"
        ]
    );
    let again = world.take().unwrap();
    assert_eq!(again.observations, snapshot.observations);
}

#[test]
fn what_differs_afterwards_is_what_the_step_changed() {
    let world = World::new();
    for name in ["stays", "goes", "grows", "closes"] {
        fs::write(world.at("own").join(name), "x").unwrap();
    }
    fs::create_dir(world.at("own/folder")).unwrap();
    let written = world.written(|| {
        fs::remove_file(world.at("own/goes")).unwrap();
        fs::write(world.at("own/grows"), "xx").unwrap();
        set_mode(&world.at("own/closes"), 0o600);
        fs::write(world.at("own/folder/new"), "").unwrap();
        fs::create_dir(world.at("own/empty")).unwrap();
        // The same bytes again are no change.
        fs::write(world.at("own/stays"), "x").unwrap();
    });
    assert_eq!(
        written,
        [
            "/own:closes",
            "/own:empty",
            "/own:folder/new",
            "/own:goes",
            "/own:grows"
        ]
    );
}

#[test]
fn a_folder_whose_mode_alone_changed_is_not_kept_with_all_that_is_in_it() {
    let world = World::new();
    fs::create_dir(world.at("own/folder")).unwrap();
    fs::write(world.at("own/folder/large"), "x").unwrap();
    let (trace, changes) = world
        .changes(|| set_mode(&world.at("own/folder"), 0o711))
        .unwrap();
    assert!(trace.written.is_empty());
    let permissions = changes.agreed(&[]).unwrap();
    assert_eq!(permissions, [(Spot::new("/own", "folder"), 0o711)]);
}

#[test]
fn attack_a_change_where_the_step_may_not_write_is_somebody_elses() {
    let world = World::new();
    fs::write(world.at("given/file"), "x").unwrap();
    let refused = world.refused(|| fs::write(world.at("given/file"), "y").unwrap());
    assert_eq!(refused, "`/given:file` changed while the step ran");
    let refused = world.refused(|| fs::remove_file(world.at("given/file")).unwrap());
    assert_eq!(refused, "`/given:file` changed while the step ran");
    let kept = world.refused(|| fs::write(world.at("own/file"), "y").unwrap());
    assert_eq!(kept, "kept");
}

#[test]
fn attack_what_cannot_be_put_back_is_not_kept() {
    type Leave = fn(&Path);
    let left: [(Leave, &str); 7] = [
        (|at| drop(fs::write(at, "")), "kept"),
        // A link that leads out is kept as a link, and never followed.
        (|at| symlink("/etc/shadow", at).unwrap(), "kept"),
        (
            |at| {
                rustix::fs::mkfifoat(rustix::fs::CWD, at, rustix::fs::Mode::RUSR).unwrap();
            },
            "it left `/own/left`, which is a FIFO",
        ),
        (
            |at| drop(std::os::unix::net::UnixListener::bind(at).unwrap()),
            "it left `/own/left`, which is a socket",
        ),
        (
            |at| {
                fs::write(at, "").unwrap();
                set_mode(at, 0o4755);
            },
            "it left `/own/left`, which is of mode 4755",
        ),
        (
            |at| {
                fs::create_dir(at).unwrap();
                set_mode(at, 0o1777);
            },
            "it left `/own/left`, which is of mode 1777",
        ),
        (
            |at| fs::hard_link(at.with_file_name("there"), at).unwrap(),
            "it left `/own/left`, which is a file with other names",
        ),
    ];
    for (leave, expected) in left {
        let world = World::new();
        fs::write(world.at("own/there"), "x").unwrap();
        let refused = world.refused(|| leave(&world.at("own/left")));
        assert_eq!(refused, expected);
    }
}

#[test]
fn attack_a_device_is_not_kept() {
    let world = World::new();
    let null = rustix::fs::makedev(1, 3);
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        world.at("own/device"),
        rustix::fs::FileType::CharacterDevice,
        rustix::fs::Mode::RUSR,
        null,
    );
    if let Err(error) = made {
        eprintln!("skipped: no device can be made here: {error}");
        return;
    }
    let before = world.take().err().map(|reason| reason.to_string());
    let expected =
        "failed to look at `/own/device`, which it may look at too: it is a character device";
    assert_eq!(before.as_deref(), Some(expected));
    fs::remove_file(world.at("own/device")).unwrap();
    assert!(world.take().is_ok());
}

#[test]
fn attack_a_folder_without_an_end_is_too_much_and_one_below_the_bound_is_not() {
    let world = World::new();
    for name in 0..8 {
        File::create(world.at("own").join(name.to_string())).unwrap();
    }
    fs::create_dir_all(world.at("given/aaaa/bbbb")).unwrap();
    File::create(world.at("own/0"))
        .unwrap()
        .set_len(1 << 20)
        .unwrap();
    let most = Most {
        places: 12,
        bytes: 1 << 20,
        path: 9,
    };
    assert_eq!(world.take_at(most).unwrap().len(), 12);
    for (most, what) in [
        (
            Most { places: 11, ..most },
            "it may look at more than 11 files",
        ),
        (
            Most {
                bytes: (1 << 20) - 1,
                ..most
            },
            "it may look at more than 1048575 bytes of files",
        ),
        (
            Most { path: 8, ..most },
            "it may look at more than 8 bytes of one path",
        ),
    ] {
        let refused = world.take_at(most).err().unwrap().to_string();
        assert_eq!(refused, what);
    }
}

#[test]
fn what_changes_after_the_step_has_ended_is_seen() {
    let world = World::new();
    let (_, changes) = world
        .changes(|| fs::write(world.at("own/file"), "step").unwrap())
        .unwrap();
    let left = |text: &[u8]| {
        let left = Left::File {
            digest: stepwell_contract::Digest::of(text),
            size: 4,
            executable: false,
        };
        [(Spot::new("/own", "file"), left)]
    };
    assert!(changes.agreed(&left(b"them")).is_err());
    let (_, changes) = world
        .changes(|| fs::write(world.at("own/file"), "more").unwrap())
        .unwrap();
    assert_eq!(changes.agreed(&left(b"more")).unwrap().len(), 1);
}
