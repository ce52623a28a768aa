use std::fs;

use rustix::fs::{Mode, OFlags};

use super::*;

fn version(inode: u64, second: i64) -> Version {
    Version {
        device: 1,
        inode,
        size: 3,
        modified: (second, 5),
        changed: (second, 5),
    }
}

fn index(root: &std::path::Path) -> DigestIndex {
    for folder in ["digests", "temp"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let dir = rustix::fs::open(root, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    DigestIndex::new(Files::new(dir, root))
}

#[test]
fn a_file_is_known_by_its_whole_state() {
    let temp = tempfile::tempdir().unwrap();
    let index = index(temp.path());
    let known = version(7, 50);
    let digest = Digest::of(b"a");
    index.put(&known.settled().unwrap(), digest);
    assert_eq!(index.get(&known), Some(digest));
    let changes: [fn(&mut Version); 7] = [
        |version| version.device = 2,
        |version| version.inode = 8,
        |version| version.size = 4,
        |version| version.modified.0 += 1,
        |version| version.modified.1 += 1,
        |version| version.changed.0 += 1,
        |version| version.changed.1 += 1,
    ];
    for change in changes {
        let mut other = known;
        change(&mut other);
        assert_eq!(index.get(&other), None, "{other:?}");
    }
}

#[test]
fn what_one_process_learned_the_next_one_knows_and_neither_loses_what_the_other_saved() {
    let temp = tempfile::tempdir().unwrap();
    let digest = Digest::of(b"a");
    let (one, other) = (index(temp.path()), index(temp.path()));
    // Both have loaded the file before either saves.
    assert_eq!(one.get(&version(1, 50)), None);
    assert_eq!(other.get(&version(2, 50)), None);
    one.put(&version(1, 50).settled().unwrap(), digest);
    other.put(&version(2, 50).settled().unwrap(), digest);
    drop(one);
    drop(other);
    let third = index(temp.path());
    assert_eq!(third.get(&version(1, 50)), Some(digest));
    assert_eq!(third.get(&version(2, 50)), Some(digest));
}

#[test]
fn a_damaged_file_of_digests_is_dropped_and_made_again() {
    let temp = tempfile::tempdir().unwrap();
    let digest = Digest::of(b"a");
    let known = version(1, 50);
    let path = temp.path().join(name(shard_of(&known)));
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes.extend(b"more"),
    ];
    for damage in damages {
        let first = index(temp.path());
        first.put(&known.settled().unwrap(), digest);
        drop(first);
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let second = index(temp.path());
        assert_eq!(second.get(&known), None);
        assert!(!path.exists());
    }
}

#[test]
fn a_full_file_of_digests_keeps_what_was_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let digest = Digest::of(b"a");
    let first = index(temp.path());
    let home = shard_of(&version(0, 50));
    let mut inodes = (0_u64..).filter(|inode| shard_of(&version(*inode, 50)) == home);
    let full: Vec<_> = inodes.by_ref().take(MOST).collect();
    for inode in &full {
        first.put(&version(*inode, 50).settled().unwrap(), digest);
    }
    drop(first);
    let second = index(temp.path());
    assert!(second.get(&version(full[1], 50)).is_some());
    let new = inodes.next().unwrap();
    second.put(&version(new, 50).settled().unwrap(), digest);
    drop(second);
    let third = index(temp.path());
    let known = |inode| third.get(&version(inode, 50)).is_some();
    assert!(known(new) && known(full[1]));
    assert!(!known(full[0]) && !known(full[2]));
}
