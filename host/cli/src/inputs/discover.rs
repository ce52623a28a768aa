//! Finds what belongs to a project by going up from a folder to the root of its repository.

use std::path::{Path, PathBuf};

use crate::exit::Coded;

/// The folder that documents are looked for in, when none are named.
const TEKTON: &str = ".tekton";

/// What the root of a repository has, of any of the tools that keep one.
const MARKS: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// The first `name` at `from` or above it that `fits`, and no further up than the root of a repository.
pub(crate) fn upward(from: &Path, name: &str, fits: fn(&Path) -> bool) -> Option<PathBuf> {
    for folder in from.ancestors() {
        let path = folder.join(name);
        if fits(&path) {
            return Some(path);
        }
        if MARKS.iter().any(|mark| folder.join(mark).exists()) {
            return None;
        }
    }
    None
}

/// The folder `.tekton` at `here` or above, as short as it can be said from `here`.
///
/// # Errors
///
/// There is none.
pub(super) fn tekton_folder(here: &Path) -> anyhow::Result<PathBuf> {
    let found = upward(here, TEKTON, Path::is_dir).ok_or_else(|| {
        Coded::usage(format!(
            "there is no folder `{TEKTON}` in `{}` or above it; name the files or folders to read, or `-` for \
             standard input",
            here.display()
        ))
    })?;
    // Paths are shown to their author: `../.tekton/x.wasm` says more than all that is above it.
    let parents = here.components().count() + 1 - found.components().count();
    let short = std::iter::repeat_n(Path::new(".."), parents);
    Ok(short.chain([Path::new(TEKTON)]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_is_found_and_no_other_repositorys() {
        let temp = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = temp.path().join(path);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        make("outer/.tekton");
        let inner = make("outer/inner/deep");
        let found = tekton_folder(&inner).unwrap();
        assert_eq!(found, Path::new("../../.tekton"));
        assert_eq!(
            tekton_folder(&temp.path().join("outer")).unwrap(),
            Path::new(".tekton")
        );
        make("outer/inner/.git");
        assert!(tekton_folder(&inner).is_err(), "it is another repository's");
    }
}
