//! Small trees with one of everything, by path.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::chance::Chance;

/// By path, which begins with the volume's name. What is in a folder comes after it.
pub(super) type Tree = BTreeMap<String, Node>;

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    File {
        bytes: Vec<u8>,
        executable: bool,
    },
    Folder,
    Link(String),
    Fifo,
    /// Another name of a file that is made before; where there is none, a file.
    Twin(String),
}

/// The volumes.
pub(super) const VOLUMES: [&str; 2] = ["ws", "other"];

pub(super) const NAMES: [&str; 4] = ["a", "b", "c", "d"];

const TEXTS: [&str; 8] = ["", "a", "b", "a/b", "b/c", "../a", "c/", "."];

const TARGETS: [&str; 12] = [
    "a",
    "b",
    "c",
    "a/b",
    "b/a/c",
    "../a",
    "../b/c",
    ".",
    "..",
    "/a",
    "d/",
    "../../ws/a",
];

fn file(chance: &mut Chance) -> Node {
    let mut bytes = chance.of(&TEXTS).as_bytes().to_vec();
    if chance.percent(20) {
        // Longer than what is read at once.
        bytes.resize(40 + chance.below(3), b'.');
        let at = chance.below(bytes.len());
        bytes[at] = b'x';
    }
    Node::File {
        bytes,
        executable: chance.percent(15),
    }
}

fn node(chance: &mut Chance, tree: &Tree) -> Node {
    match chance.below(100) {
        0..45 => file(chance),
        45..77 => Node::Folder,
        77..97 => Node::Link(chance.of(&TARGETS).to_owned()),
        97..98 => Node::Fifo,
        _ => match some(chance, tree) {
            Some(path) => Node::Twin(path),
            None => Node::Folder,
        },
    }
}

fn some(chance: &mut Chance, tree: &Tree) -> Option<String> {
    let at = chance.below(tree.len().max(1));
    tree.keys().nth(at).cloned()
}

/// Puts something in some folder.
fn add(tree: &mut Tree, chance: &mut Chance) {
    let mut folders: Vec<String> = VOLUMES.map(str::to_owned).into();
    let inner = tree.iter().filter(|(_, node)| **node == Node::Folder);
    folders.extend(inner.map(|(path, _)| path.clone()));
    let folder = &folders[chance.below(folders.len())];
    let path = format!("{folder}/{}", chance.of(&NAMES));
    if path.matches('/').count() <= 4 && !tree.contains_key(&path) {
        let node = node(chance, tree);
        tree.insert(path, node);
    }
}

/// A tree.
pub(super) fn made(chance: &mut Chance) -> Tree {
    let mut tree = Tree::new();
    for _ in 0..3 + chance.below(12) {
        add(&mut tree, chance);
    }
    tree
}

fn remove(tree: &mut Tree, path: &str) {
    let below = format!("{path}/");
    tree.retain(|other, _| other != path && !other.starts_with(&below));
}

/// Changes something.
pub(super) fn change(tree: &mut Tree, chance: &mut Chance) {
    let Some(path) = some(chance, tree) else {
        return add(tree, chance);
    };
    match chance.below(6) {
        0 | 1 => add(tree, chance),
        2 => remove(tree, &path),
        3 => {
            remove(tree, &path);
            let node = node(chance, tree);
            tree.insert(path, node);
        }
        _ => match tree.get_mut(&path) {
            Some(Node::File { executable, .. }) if chance.percent(20) => *executable ^= true,
            Some(changed @ Node::File { .. }) => *changed = file(chance),
            Some(Node::Link(target)) => *target = chance.of(&TARGETS).to_owned(),
            _ => add(tree, chance),
        },
    }
}

/// Makes the tree below `root`, siblings in any order.
pub(super) fn put(tree: &Tree, root: &Path, chance: &mut Chance) {
    for volume in VOLUMES {
        fs::create_dir(root.join(volume)).unwrap();
    }
    let mut nodes: Vec<(&String, &Node)> = tree.iter().collect();
    chance.shuffle(&mut nodes);
    // Folders before what is in them, and files before their other names.
    nodes.sort_by_key(|(path, node)| (matches!(node, Node::Twin(_)), path.matches('/').count()));
    for (path, node) in nodes {
        let at = root.join(path);
        match node {
            Node::File { bytes, executable } => {
                fs::write(&at, bytes).unwrap();
                if *executable {
                    fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).unwrap();
                }
            }
            Node::Folder => fs::create_dir(&at).unwrap(),
            Node::Link(target) => symlink(target, &at).unwrap(),
            Node::Fifo => mknodat(CWD, &at, FileType::Fifo, Mode::RUSR, 0).unwrap(),
            Node::Twin(of) => match tree.get(of) {
                Some(Node::File { .. }) => fs::hard_link(root.join(of), &at).unwrap(),
                _ => fs::write(&at, "alone").unwrap(),
            },
        }
    }
}

/// What is below `root`.
pub(super) fn found(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut left: Vec<String> = VOLUMES.map(str::to_owned).into();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            let metadata = entry.metadata().unwrap();
            let node = if metadata.is_dir() {
                left.push(path.clone());
                Node::Folder
            } else if metadata.is_symlink() {
                let target = fs::read_link(entry.path()).unwrap();
                Node::Link(target.to_str().unwrap().to_owned())
            } else if metadata.file_type().is_fifo() {
                Node::Fifo
            } else {
                Node::File {
                    bytes: fs::read(entry.path()).unwrap(),
                    executable: metadata.mode() & 0o100 != 0,
                }
            };
            tree.insert(path, node);
        }
    }
    tree
}
