//! What a layer must not do, each beside what it may, and random trees against a model that is a map.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _};
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::{Bounds, Owners, Refusal, UnpackError, unpack};

/// An archive in the making.
struct Layer(Builder<Vec<u8>>);

impl Layer {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// An entry whose name is taken as it is: the builder would refuse the ones that matter.
    fn raw(mut self, name: &str, kind: EntryType, link: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.raw(name, EntryType::Regular, "", content.as_bytes())
    }

    fn folder(self, name: &str) -> Self {
        self.raw(name, EntryType::Directory, "", b"")
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.raw(name, EntryType::Symlink, target, b"")
    }

    fn hard_link(self, name: &str, target: &str) -> Self {
        self.raw(name, EntryType::Link, target, b"")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// A folder whose one folder is the root, so that what leaves it is seen.
struct Place {
    outer: tempfile::TempDir,
    root: Dir,
}

impl Place {
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        std::fs::create_dir(outer.path().join("root")).unwrap();
        let root = Dir::open_ambient_dir(outer.path().join("root"), ambient_authority()).unwrap();
        Self { outer, root }
    }

    fn unpack_with(&self, archive: impl Read, bounds: &Bounds) -> Result<(), UnpackError> {
        let unpacked = unpack(archive, &self.root, Owners::Ours, bounds);
        let names: Vec<_> = std::fs::read_dir(self.outer.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["root"], "something left the root");
        unpacked
    }

    fn unpack(&self, layer: Layer) -> Result<(), UnpackError> {
        self.unpack_with(&layer.bytes()[..], &Bounds::default())
    }

    fn read(&self, path: &str) -> String {
        self.root.read_to_string(path).unwrap()
    }

    fn is_opaque(&self, path: &str) -> bool {
        let dir = self.root.open_dir(path).unwrap();
        let mut value = [0; 8];
        rustix::fs::fgetxattr(
            super::readable(&dir).unwrap(),
            "user.overlay.opaque",
            &mut value[..],
        )
        .is_ok()
    }

    fn is_whiteout(&self, path: &str) -> bool {
        let found = self.root.symlink_metadata(path).unwrap();
        rustix::fs::FileType::from_raw_mode(found.mode()) == rustix::fs::FileType::CharacterDevice
            && found.rdev() == 0
    }
}

#[track_caller]
fn refusal(layer: Layer) -> Refusal {
    match Place::new().unpack(layer) {
        Err(UnpackError::Refused { refusal, .. }) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn unpacked(layer: Layer) -> Place {
    let place = Place::new();
    place.unpack(layer).unwrap();
    place
}

#[test]
fn attack_dot_dot_is_refused_and_dots_in_a_name_are_not() {
    for name in ["../out", "a/../../out", "a/..", ".."] {
        assert_eq!(
            refusal(Layer::new().file(name, "x")),
            Refusal::DotDot,
            "{name}"
        );
    }
    let place = unpacked(Layer::new().file("./a/..b/c..", "x"));
    assert_eq!(place.read("a/..b/c.."), "x");
}

#[test]
fn attack_an_absolute_path_stays_in_the_root() {
    let place = unpacked(Layer::new().file("/etc/passwd", "x"));
    assert_eq!(place.read("etc/passwd"), "x");
}

#[test]
fn attack_a_link_that_leaves_is_not_gone_through_and_one_that_stays_is() {
    for target in ["..", "/tmp", "/", "../../etc", "a/../../.."] {
        let layer = Layer::new().folder("a").symlink("link", target);
        assert_eq!(
            refusal(layer.file("link/x", "x")),
            Refusal::Leaves,
            "{target}"
        );
    }
    let place = unpacked(
        Layer::new()
            .folder("usr/lib")
            .symlink("lib", "usr/lib")
            .file("lib/x", "x"),
    );
    assert_eq!(place.read("usr/lib/x"), "x");
}

#[test]
fn attack_a_file_is_not_written_through_a_link_of_its_name() {
    let place = unpacked(
        Layer::new()
            .file("kept", "old")
            .symlink("link", "kept")
            .file("link", "new"),
    );
    assert_eq!(place.read("kept"), "old");
    assert_eq!(place.read("link"), "new");
    let place = unpacked(
        Layer::new()
            .symlink("away", "/etc")
            .folder("away")
            .file("away/x", "1"),
    );
    assert_eq!(place.read("away/x"), "1");
}

#[test]
fn attack_a_file_is_not_written_through_a_hard_link_of_its_name() {
    let layer = Layer::new()
        .file("a", "old")
        .hard_link("b", "a")
        .file("b", "new");
    let place = unpacked(layer);
    assert_eq!(
        (place.read("a"), place.read("b")),
        ("old".into(), "new".into())
    );
}

#[test]
fn attack_a_device_is_refused_and_a_fifo_is_not() {
    for kind in [EntryType::Char, EntryType::Block] {
        assert_eq!(
            refusal(Layer::new().raw("dev/x", kind, "", b"")),
            Refusal::Device
        );
    }
    let place = unpacked(Layer::new().raw("fifo", EntryType::Fifo, "", b""));
    assert!(place.root.exists("fifo"));
}

#[test]
fn attack_a_hard_link_out_is_refused_and_one_within_is_made() {
    for target in ["../outside", "/etc/hostname", "missing", "folder"] {
        let layer = Layer::new().folder("folder").hard_link("x", target);
        assert!(
            matches!(refusal(layer), Refusal::LinkTarget(_) | Refusal::DotDot),
            "{target}"
        );
    }
    let layer = Layer::new()
        .symlink("away", "/etc")
        .hard_link("x", "away/hostname");
    assert!(matches!(refusal(layer), Refusal::LinkTarget(_)));
    let place = unpacked(Layer::new().file("a/b", "x").hard_link("c", "/a/b"));
    assert_eq!(place.root.metadata("c").unwrap().nlink(), 2);
}

#[test]
fn attack_a_whiteout_is_no_way_to_a_file() {
    let layer = Layer::new().file(".wh.gone", "").hard_link("x", "gone");
    assert!(matches!(refusal(layer), Refusal::LinkTarget(_)));
    assert!(unpacked(Layer::new().file(".wh.gone", "")).is_whiteout("gone"));
}

#[test]
fn attack_a_whiteout_out_of_place_is_refused_and_one_in_place_hides() {
    for name in [
        ".wh.",
        ".wh..",
        ".wh...",
        "a/.wh...",
        ".wh.a/b",
        ".wh..wh.plnk",
        ".wh..wh..opq/a",
    ] {
        assert_eq!(
            refusal(Layer::new().file(name, "")),
            Refusal::Whiteout,
            "{name}"
        );
    }
    assert_eq!(refusal(Layer::new().folder(".wh.a")), Refusal::Whiteout);
    assert_eq!(
        refusal(Layer::new().symlink(".wh.a", "x")),
        Refusal::Whiteout
    );
    let place = unpacked(
        Layer::new()
            .file("a/.wh.b", "")
            .file("c/.wh..wh..opq", "")
            .file("c/d", "x"),
    );
    assert!(place.is_whiteout("a/b"));
    assert!(place.is_opaque("c") && !place.is_opaque("a"));
    assert_eq!(place.read("c/d"), "x");
}

#[test]
fn a_whiteout_hides_lower_layers_and_not_its_own() {
    let before = unpacked(
        Layer::new()
            .file(".wh.f", "")
            .file(".wh.d", "")
            .file("f", "x")
            .file("d/x", "x"),
    );
    let after = unpacked(
        Layer::new()
            .file("f", "x")
            .file("d/x", "x")
            .file(".wh.f", "")
            .file(".wh.d", ""),
    );
    for place in [before, after] {
        assert_eq!(
            (place.read("f"), place.read("d/x")),
            ("x".into(), "x".into())
        );
        assert!(place.is_opaque("d"));
    }
}

#[test]
fn attack_a_second_entry_of_one_name_replaces_the_first_and_a_folder_is_kept() {
    let place = unpacked(Layer::new().file("a/b", "1").file("a/b", "2"));
    assert_eq!(place.read("a/b"), "2");
    let place = unpacked(Layer::new().file("a/b", "1").file("a", "2"));
    assert_eq!(place.read("a"), "2");
    let place = unpacked(Layer::new().file("a/b", "1").folder("a"));
    assert_eq!(place.read("a/b"), "1");
    assert_eq!(
        refusal(Layer::new().file("a", "1").file("a/b", "2")),
        Refusal::NotAFolder
    );
}

#[test]
fn attack_a_sparse_file_is_refused() {
    assert_eq!(
        refusal(Layer::new().raw("a", EntryType::GNUSparse, "", b"")),
        Refusal::Sparse
    );
    let pax = b"22 GNU.sparse.major=1\n";
    let layer = Layer::new().raw("pax", EntryType::XHeader, "", pax);
    assert_eq!(refusal(layer.file("a", "x")), Refusal::Sparse);
}

#[test]
fn attack_an_extended_header_lies_and_one_that_does_not_is_taken() {
    let layer = Layer::new().raw("pax", EntryType::XHeader, "", b"12 size=999\n");
    assert_eq!(refusal(layer.file("a", "x")), Refusal::Extension);
    let huge = vec![b'a'; (1 << 20) + 1];
    let layer = Layer::new().raw("././@LongLink", EntryType::GNULongName, "", &huge);
    assert_eq!(refusal(layer.file("a", "x")), Refusal::Extension);
    let layer = Layer::new().raw("pax", EntryType::XHeader, "", b"14 path=../up\n");
    assert_eq!(refusal(layer.file("a", "x")), Refusal::DotDot);
    let layer = Layer::new().raw("pax", EntryType::XHeader, "", b"14 path=b/cde\n9 size=1\n");
    assert_eq!(unpacked(layer.file("a", "x")).read("b/cde"), "x");
}

#[test]
fn attack_a_name_too_long_or_too_deep_is_refused_and_a_long_one_is_not() {
    let long = |name: &str| {
        let mut bytes = name.as_bytes().to_vec();
        bytes.push(0);
        Layer::new()
            .raw("././@LongLink", EntryType::GNULongName, "", &bytes)
            .file("a", "x")
    };
    assert_eq!(refusal(long(&"n".repeat(256))), Refusal::NameTooLong);
    assert_eq!(refusal(long(&"nn/".repeat(1400))), Refusal::NameTooLong);
    assert_eq!(refusal(long(&"n/".repeat(300))), Refusal::TooDeep(256));
    let name = format!("{}{}", "d/".repeat(200), "n".repeat(255));
    assert_eq!(unpacked(long(&name)).read(&name), "x");
}

#[test]
fn attack_a_bomb_is_stopped_and_what_fits_is_not() {
    let bounds = Bounds {
        bytes: 1 << 20,
        entries: 3,
        depth: 4,
    };
    let mut header = Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(1 << 40);
    header.set_cksum();
    let bomb = (&header.as_bytes()[..]).chain(io::repeat(0));
    let place = Place::new();
    let error = place.unpack_with(bomb, &bounds).unwrap_err();
    assert!(error.is_the_layers(), "{error:?}");
    assert!(place.root.metadata("zeros").unwrap().len() <= 1 << 20);

    let many = |count| (0..count).fold(Layer::new(), |layer, n| layer.file(&n.to_string(), ""));
    let refused = Place::new().unpack_with(&many(4).bytes()[..], &bounds);
    assert!(matches!(
        refused,
        Err(UnpackError::Refused {
            refusal: Refusal::TooManyEntries(3),
            ..
        })
    ));
    Place::new()
        .unpack_with(&many(3).bytes()[..], &bounds)
        .unwrap();
}

#[test]
fn attack_a_message_shows_no_control_characters() {
    let error = Place::new()
        .unpack(Layer::new().raw("\x1b[2J\n", EntryType::Char, "", b""))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "entry `\\u{1b}[2J\\n` is refused: it is a device node"
    );
}

#[test]
fn an_archive_that_breaks_off_is_the_layers_fault() {
    let bytes = Layer::new().file("a", &"x".repeat(2000)).bytes();
    let error = Place::new()
        .unpack_with(&bytes[..1024], &Bounds::default())
        .unwrap_err();
    assert!(error.is_the_layers(), "{error:?}");
}

#[test]
fn modes_and_times_are_kept_for_folders_too() {
    let place = unpacked(Layer::new().folder("a").file("a/b", "x").folder("a/c"));
    for path in ["a", "a/b", "a/c"] {
        assert_eq!(place.root.metadata(path).unwrap().mtime(), 1_000, "{path}");
    }
    assert_eq!(place.root.metadata("a/b").unwrap().mode() & 0o7777, 0o644);
}

#[derive(Debug, Clone)]
enum Made {
    File(String, u8),
    Folder(String),
    Link(String, String),
}

fn made() -> impl Strategy<Value = Made> {
    let path = "[ab](/[ab]){0,2}";
    prop_oneof![
        (path, any::<u8>()).prop_map(|(path, content)| Made::File(path, content)),
        path.prop_map(Made::Folder),
        (path, "(\\.\\./){0,3}[ab]?|/[ab]").prop_map(|(path, target)| Made::Link(path, target)),
    ]
}

/// What a tree holds, by path; folders hold nothing.
type Model = BTreeMap<String, Option<String>>;

fn model(entries: &[Made]) -> Model {
    let mut model = Model::new();
    for entry in entries {
        let (Made::File(path, _) | Made::Folder(path) | Made::Link(path, _)) = entry;
        for (slash, _) in path.match_indices('/') {
            model.insert(path[..slash].to_owned(), None);
        }
        let content = match entry {
            Made::File(_, content) => Some(format!("file {content}")),
            Made::Link(_, target) => Some(format!("link {target}")),
            Made::Folder(_) => None,
        };
        if content.is_some() {
            let below = format!("{path}/");
            model.retain(|name, _| !name.starts_with(&below));
        }
        model.insert(path.clone(), content);
    }
    model
}

fn found(root: &Path) -> Model {
    let entries = walkdir::WalkDir::new(root).min_depth(1).into_iter();
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let kind = entry.file_type();
            let content = if kind.is_dir() {
                None
            } else if kind.is_symlink() {
                let target = std::fs::read_link(entry.path()).unwrap();
                Some(format!("link {}", target.display()))
            } else {
                Some(format!(
                    "file {}",
                    std::fs::read_to_string(entry.path()).unwrap()
                ))
            };
            let name = entry.path().strip_prefix(root).unwrap();
            (name.to_str().unwrap().to_owned(), content)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Where nothing is refused and no path goes through a link, a tree is what a map would be; and whatever is refused,
    /// nothing is made outside.
    #[test]
    fn random_layers_unpack_as_a_map_would(entries in proptest::collection::vec(made(), 0..12)) {
        let mut layer = Layer::new();
        for entry in &entries {
            layer = match entry {
                Made::File(path, content) => layer.file(path, &content.to_string()),
                Made::Folder(path) => layer.folder(path),
                Made::Link(path, target) => layer.symlink(path, if target.is_empty() { "." } else { target }),
            };
        }
        let place = Place::new();
        let unpacked = place.unpack(layer);
        let through_a_link = entries.iter().any(|entry| matches!(entry, Made::Link(..)))
            || matches!(unpacked, Err(UnpackError::Refused { .. }));
        if !through_a_link {
            unpacked.unwrap();
            prop_assert_eq!(found(&place.outer.path().join("root")), model(&entries));
        }
    }
}
