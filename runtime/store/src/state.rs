//! What must outlive a cache: claims.
//!
//! ```text
//! ROOT/                        0700
//!   claims/                    0700
//!     <namespace>/<name>/      0700  a PersistentVolumeClaim's files
//!   runs/                      0700  one folder per kept run
//! ```
//!
//! It does not know documents: names come from them, and are one plain file name each or are refused.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::error::StoreError;
use crate::layout::{open_private, open_root};

const CLAIMS: &str = "claims";
const RUNS: &str = "runs";

/// The longest name that a file system takes.
const LONGEST_NAME: usize = 255;

/// One directory of ours for what is kept, shared by any number of processes.
#[derive(Debug, Clone)]
pub struct State {
    root: PathBuf,
    claims: Arc<OwnedFd>,
}

impl State {
    /// Opens the state at `root`, and makes what is missing of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exposed`] for a folder that another user could write to, with the command that mends it;
    /// [`StoreError::Io`] for what the file system refused.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let dir = open_root(root)?;
        let claims = open_private(&dir, CLAIMS, &root.join(CLAIMS))?;
        Ok(Self {
            root: root.to_owned(),
            claims: Arc::new(claims),
        })
    }

    /// Where runs are kept: for [`Runs::open`](crate::Runs::open).
    pub fn runs(&self) -> PathBuf {
        self.root.join(RUNS)
    }

    /// The folder of the claim `name` in `namespace`, made where it is missing. Gives its handle, to work through, and its
    /// path, to show.
    ///
    /// # Errors
    ///
    /// As [`State::open`]; also names that are not one plain file name each.
    pub fn claim(&self, namespace: &str, name: &str) -> Result<(Arc<Dir>, PathBuf), StoreError> {
        let path = self.root.join(CLAIMS).join(namespace);
        let folder = open_named(&self.claims, namespace, &path)?;
        let path = path.join(name);
        let claim = open_named(&folder, name, &path)?;
        Ok((Arc::new(Dir::from_std_file(File::from(claim))), path))
    }
}

fn open_named(parent: &OwnedFd, name: &str, path: &Path) -> Result<OwnedFd, StoreError> {
    let plain = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.starts_with('.')
        && !name.contains(['/', '\0']);
    if !plain {
        let cause = io::Error::from(io::ErrorKind::InvalidInput);
        return Err(StoreError::io("create", path)(cause));
    }
    open_private(parent, name, path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_claim_is_private_and_still_there_the_next_time() {
        let temp = tempfile::tempdir().unwrap();
        let state = State::open(temp.path()).unwrap();
        let (dir, path) = state.claim("default", "cache").unwrap();
        dir.write("x", "1").unwrap();
        assert_eq!(path, temp.path().join("claims/default/cache"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        let again = State::open(temp.path()).unwrap();
        let (dir, _) = again.claim("default", "cache").unwrap();
        assert_eq!(dir.read("x").unwrap(), b"1");
        assert!(again.claim("other", "cache").unwrap().0.read("x").is_err());
    }

    #[test]
    fn attack_names_that_lead_out_of_the_claims_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let state = State::open(&temp.path().join("state")).unwrap();
        let long = "x".repeat(256);
        for name in ["..", ".", "", "a/b", "/etc", ".hidden", "a\0b", &long] {
            assert!(state.claim("default", name).is_err(), "{name:?}");
            assert!(state.claim(name, "claim").is_err(), "{name:?}");
        }
        state.claim("default", "plain.name-1").unwrap();
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn attack_a_link_in_place_of_a_claim_is_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let state = State::open(temp.path()).unwrap();
        state.claim("default", "kept").unwrap();
        symlink(elsewhere.path(), temp.path().join("claims/default/stolen")).unwrap();
        let error = state.claim("default", "stolen").unwrap_err();
        assert!(matches!(error, StoreError::Exposed { .. }), "{error}");
        state.claim("default", "kept").unwrap();
    }
}
