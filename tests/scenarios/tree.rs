//! Folders as the host sees them, to compare with what steps say about them.
//!
//! Stories run over copies of the checkout's folders: nobody edits a copy while a story is told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::stage::{Stage, checkout};

/// Every file below a folder: its path with `/` between the parts, and its bytes.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Reads every file below a folder.
pub(crate) fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut open = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                open.push((format!("{path}/"), entry.path()));
            } else {
                found.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

/// Reads every file of a folder of the checkout.
pub(crate) fn checkout_files(folder: &str) -> Files {
    files(&checkout().join(folder))
}

/// Copies a folder of the checkout onto the stage.
pub(crate) fn copied(stage: &Stage, folder: &str) -> PathBuf {
    let to = stage.path(folder);
    write(&to, checkout_files(folder));
    to
}

/// Writes files below a folder, in the order in which they come.
pub(crate) fn write(folder: &Path, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
