//! Folders: what is in them, in an order that does not change.

use std::fs;
use std::io;
use std::path::Path;

/// The names of the folders in a folder, sorted.
///
/// # Errors
///
/// When it cannot be listed.
pub fn folders(root: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Every file below a folder by its path there, sorted.
///
/// # Errors
///
/// When a folder cannot be listed.
pub fn files(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(prefix) = open.pop() {
        for entry in fs::read_dir(root.join(&prefix))? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                open.push(format!("{path}/"));
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_listed_in_order() {
        let temp = tempfile::tempdir().unwrap();
        for path in ["b/2.txt", "b/1.txt", "a/c/3.txt", "0.txt"] {
            let path = temp.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(folders(temp.path()).unwrap(), ["a", "b"]);
        let expected = ["0.txt", "a/c/3.txt", "b/1.txt", "b/2.txt"];
        assert_eq!(files(temp.path()).unwrap(), expected);
    }
}
