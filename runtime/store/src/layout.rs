//! The store's folders: made private when they are new, checked to be private when they are not.
//!
//! ```text
//! ROOT/            0700
//!   artifacts/     0700  precompiled code, kept between runs
//!   scratch/       0700  one folder per live run
//!   steps/         0700  what steps left: see `cache`
//! ```
//!
//! It does not know what is kept in them. A one-shot run opens the store, so this costs a dozen system calls and walks
//! nothing.

use std::fs::{DirBuilder, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Exposure, StoreError};
use crate::scratch::{self, Scratch};

const ARTIFACTS: &str = "artifacts";
const SCRATCH: &str = "scratch";
const STEPS: &str = "steps";

/// The user alone.
const PRIVATE: Mode = Mode::RWXU;

/// Write permission for anybody but the user.
const OTHERS_WRITE: u32 = 0o022;

/// One directory of ours, shared by any number of processes.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    scratch: Arc<Dir>,
}

impl Store {
    /// Opens the store at `root`, makes what is missing of it, and sweeps away the scratch folders of runs that died.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exposed`] for a folder that another user could write to, with the command that mends it;
    /// [`StoreError::Io`] for what the file system refused.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let root_dir = open_root(root)?;
        open_private(&root_dir, ARTIFACTS, &root.join(ARTIFACTS))?;
        let scratch_path = root.join(SCRATCH);
        let scratch = open_private(&root_dir, SCRATCH, &scratch_path)?;
        let scratch = Arc::new(Dir::from_std_file(File::from(scratch)));
        scratch::sweep(&scratch, &scratch_path);
        Ok(Self {
            root: root.to_owned(),
            scratch,
        })
    }

    /// The folder for precompiled code: private, so that what is loaded from it is ours.
    pub fn artifacts(&self) -> PathBuf {
        self.root.join(ARTIFACTS)
    }

    /// The folder for what steps left: for [`Cache::open`](crate::Cache::open).
    pub fn steps(&self) -> PathBuf {
        self.root.join(STEPS)
    }

    /// Makes a temporary folder for one run. It goes away when the [`Scratch`] is dropped, or, should this process die
    /// first, when the store is next opened.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        Scratch::create(&self.scratch, &self.root.join(SCRATCH))
    }
}

/// Opens `root`, with whatever leads to it made where it is missing. What leads to it is the user's business and may
/// hold links; `root` itself may not be one.
pub(crate) fn open_root(root: &Path) -> Result<OwnedFd, StoreError> {
    let opened = match open_dir(CWD, root) {
        Err(Errno::NOENT) => {
            DirBuilder::new()
                .recursive(true)
                .mode(PRIVATE.as_raw_mode())
                .create(root)
                .map_err(StoreError::io("create", root))?;
            open_dir(CWD, root)
        }
        opened => opened,
    };
    checked(opened, root)
}

/// Opens the folder `name` of the store, which is made where it is missing.
pub(crate) fn open_private(root: &OwnedFd, name: &str, path: &Path) -> Result<OwnedFd, StoreError> {
    let opened = match open_dir(root, name) {
        Err(Errno::NOENT) => match rustix::fs::mkdirat(root, name, PRIVATE) {
            // Another process may have been faster.
            Ok(()) | Err(Errno::EXIST) => open_dir(root, name),
            Err(error) => return Err(StoreError::io("create", path)(error)),
        },
        opened => opened,
    };
    checked(opened, path)
}

fn open_dir(
    at: impl std::os::fd::AsFd,
    path: impl rustix::path::Arg,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}

/// Passes on a directory that was opened only if it is ours alone. The question is put to the open handle, so that
/// nobody can swap the folder between the answer and its use.
fn checked(opened: rustix::io::Result<OwnedFd>, path: &Path) -> Result<OwnedFd, StoreError> {
    let exposed = |exposure| StoreError::Exposed {
        path: path.to_owned(),
        exposure,
    };
    let dir = match opened {
        // Linux says NOTDIR for a link, others say LOOP.
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(exposed(Exposure::NotADirectory)),
        opened => opened.map_err(StoreError::io("open", path))?,
    };
    let stat = rustix::fs::fstat(&dir).map_err(StoreError::io("look at", path))?;
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid != user {
        return Err(exposed(Exposure::OtherOwner {
            owner: stat.st_uid,
            user,
        }));
    }
    let mode = Mode::from_raw_mode(stat.st_mode).as_raw_mode();
    if mode & OTHERS_WRITE != 0 {
        return Err(exposed(Exposure::Writable { mode }));
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn exposure(result: Result<Store, StoreError>) -> (PathBuf, Exposure) {
        match result.map(|_| ()) {
            Err(StoreError::Exposed { path, exposure }) => (path, exposure),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn what_is_missing_is_made_private() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("cache/stepwell");
        let store = Store::open(&root).unwrap();
        for folder in [root.clone(), store.artifacts(), root.join("scratch")] {
            assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        }
        Store::open(&root).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused_with_its_mend() {
        let temp = tempfile::tempdir().unwrap();
        drop(Store::open(temp.path()).unwrap());
        let folder = |name| temp.path().join(name);
        for (path, mode) in [
            (temp.path().to_owned(), 0o770),
            (folder("artifacts"), 0o702),
            (folder("scratch"), 0o777),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = Store::open(temp.path()).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with(&format!("mend it with `chmod 700 {}`", path.display())),
                "{error}"
            );
            fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
            drop(Store::open(temp.path()).unwrap());
        }
    }

    #[test]
    fn a_folder_that_others_may_read_is_fine() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), Permissions::from_mode(0o755)).unwrap();
        Store::open(temp.path()).unwrap();
    }

    #[test]
    fn a_symlink_in_place_of_a_folder_is_refused() {
        for name in ["scratch", "artifacts"] {
            let temp = tempfile::tempdir().unwrap();
            let elsewhere = tempfile::tempdir().unwrap();
            fs::create_dir(elsewhere.path().join("kept")).unwrap();
            symlink(elsewhere.path(), temp.path().join(name)).unwrap();
            assert_eq!(
                exposure(Store::open(temp.path())),
                (temp.path().join(name), Exposure::NotADirectory)
            );
            assert!(elsewhere.path().join("kept").exists());
        }
    }

    #[test]
    fn a_symlink_in_place_of_the_root_is_refused_and_one_above_it_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let real = temp.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = temp.path().join("link");
        symlink(&real, &link).unwrap();
        assert_eq!(
            exposure(Store::open(&link)),
            (link.clone(), Exposure::NotADirectory)
        );
        Store::open(&link.join("stepwell")).unwrap();
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        // Only root can give a folder away, and only then is there something to refuse.
        if std::os::unix::fs::chown(temp.path(), Some(65534), None).is_ok() {
            let (path, exposure) = exposure(Store::open(temp.path()));
            assert_eq!(path, temp.path());
            assert!(matches!(
                exposure,
                Exposure::OtherOwner { owner: 65534, .. }
            ));
        }
    }
}
