//! Finds Tekton's own examples, which are not part of this project and which tests run where they are at hand.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{command::say, repo};

/// What tells the tests where they are.
pub(super) const VARIABLE: &str = "STEPWELL_TEKTON_EXAMPLES";

/// Where they are: what the environment says, else a folder `tekton/examples` in a folder beside the checkout.
#[expect(
    clippy::disallowed_methods,
    reason = "where Tekton's examples are is said in the environment"
)]
pub(super) fn find() -> Option<PathBuf> {
    let found = match std::env::var_os(VARIABLE) {
        Some(folder) => Some(PathBuf::from(folder)),
        None => beside(repo::root()),
    };
    match &found {
        Some(folder) => say(&format!("Tekton's examples are in `{}`", folder.display())),
        None => say(&format!(
            "there are no examples of Tekton's here: the project's own documents are the proof. `{VARIABLE}` names a folder \
             with them"
        )),
    }
    found
}

/// The first in the order of the names.
fn beside(root: &Path) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root.parent()?)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("tekton/examples")))
        .filter(|folder| folder.is_dir())
        .collect();
    folders.sort();
    folders.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_beside_the_checkout_has_them() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("checkout");
        fs::create_dir_all(root.join("tekton")).unwrap();
        fs::create_dir(temp.path().join("a")).unwrap();
        assert_eq!(beside(&root), None);
        let examples = temp.path().join("other/tekton/examples");
        fs::create_dir_all(&examples).unwrap();
        assert_eq!(beside(&root), Some(examples));
    }
}
