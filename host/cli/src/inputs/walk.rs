//! Finds the documents below a folder.
//!
//! A folder may be anybody's checkout, so that everything in it is hostile: links are not followed, hidden folders are
//! left alone, and depth, number and size are bounded.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::exit::Coded;

/// No project nests its documents as deep; a folder made to exhaust whoever walks it does.
const MOST_DEPTH: usize = 32;

/// No project has as many documents; a home folder that was named by mistake does.
const MOST_DOCUMENTS: usize = 10_000;

/// How many entries are looked at. Whoever names the root of a machine is told within a second.
const MOST_ENTRIES: usize = 200_000;

/// What all documents may have together.
const MOST_BYTES: u64 = 256 << 20;

/// What a document's name ends in.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The documents in `folder` and below, sorted by their paths.
///
/// # Errors
///
/// A folder that cannot be read; more of something than a project has.
pub(super) fn documents(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut walk = Walk::default();
    walk.folder(folder, 0)?;
    walk.documents.sort();
    Ok(walk.documents)
}

#[derive(Default)]
struct Walk {
    documents: Vec<PathBuf>,
    entries: usize,
    bytes: u64,
}

impl Walk {
    fn folder(&mut self, folder: &Path, depth: usize) -> anyhow::Result<()> {
        let failed = || Coded::usage(format!("failed to read the folder `{}`", folder.display()));
        if depth > MOST_DEPTH {
            return Err(too_much(folder, MOST_DEPTH, "folders inside each other"));
        }
        for entry in fs::read_dir(folder).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(too_much(folder, MOST_ENTRIES, "files and folders"));
            }
            // The entry itself: a link is neither a file nor a folder here, wherever it leads.
            let kind = entry.file_type().with_context(failed)?;
            let path = entry.path();
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if kind.is_dir() && !hidden {
                self.folder(&path, depth + 1)?;
            } else if kind.is_file() && !hidden && is_document(&path) {
                self.bytes += entry.metadata().with_context(failed)?.len();
                self.documents.push(path);
            }
        }
        if self.documents.len() > MOST_DOCUMENTS {
            return Err(too_much(folder, MOST_DOCUMENTS, "documents"));
        }
        if self.bytes > MOST_BYTES {
            let most = usize::try_from(MOST_BYTES >> 20).unwrap_or(usize::MAX);
            return Err(too_much(folder, most, "MiB of documents"));
        }
        Ok(())
    }
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("");
    EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

fn too_much(folder: &Path, most: usize, what: &str) -> anyhow::Error {
    let folder = folder.display();
    Coded::usage(format!(
        "there are more than {most} {what} up to `{folder}`; name a folder with less in it"
    ))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(root: &Path, paths: &[&str]) {
        for path in paths {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    fn found(root: &Path) -> Vec<String> {
        let documents = documents(root).unwrap();
        let short = |path: &PathBuf| path.strip_prefix(root).unwrap().display().to_string();
        documents.iter().map(short).collect()
    }

    #[test]
    fn documents_are_found_at_any_depth_in_the_order_of_their_paths() {
        let temp = tempfile::tempdir().unwrap();
        make(
            temp.path(),
            &[
                "b/c.yml",
                "b/a.json",
                "z.YAML",
                "a.yaml",
                "README.md",
                "noext",
            ],
        );
        assert_eq!(
            found(temp.path()),
            ["a.yaml", "b/a.json", "b/c.yml", "z.YAML"]
        );
    }

    #[test]
    fn hidden_folders_are_left_alone_unless_they_are_named() {
        let temp = tempfile::tempdir().unwrap();
        make(
            temp.path(),
            &[".github/ci.yaml", ".a.yaml", "x/.git/b.yaml"],
        );
        assert_eq!(found(temp.path()), [""; 0]);
        assert_eq!(found(&temp.path().join(".github")), ["ci.yaml"]);
    }

    #[test]
    fn attack_a_link_leads_out_of_the_folder() {
        let temp = tempfile::tempdir().unwrap();
        make(temp.path(), &["secret/a.yaml", "named/mine.yaml"]);
        let link = |to: &str, at: &str| {
            std::os::unix::fs::symlink(temp.path().join(to), temp.path().join(at)).unwrap();
        };
        link("secret", "named/folder");
        link("secret/a.yaml", "named/file.yaml");
        // One that leads up would be walked for ever.
        link("named", "named/again");
        assert_eq!(found(&temp.path().join("named")), ["mine.yaml"]);
    }

    #[test]
    fn attack_folders_without_end() {
        let temp = tempfile::tempdir().unwrap();
        let deep = |depth: usize| {
            let path = temp.path().join("d/".repeat(depth));
            fs::create_dir_all(path).unwrap();
            documents(temp.path())
        };
        assert!(deep(MOST_DEPTH).is_ok());
        let error = deep(MOST_DEPTH + 1).unwrap_err();
        assert!(error.to_string().contains("inside each other"), "{error}");
    }
}
