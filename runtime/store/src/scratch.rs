//! A run's own temporary folder, `scratch/<pid>-<random>`, and the sweep of those whose run died.
//!
//! The owner holds a `flock` on the folder itself for as long as it lives; the kernel lets go of it when the owner dies,
//! however it dies. A sweeper that gets the lock has found a dead run. There is an instant between making a folder and
//! locking it in which a sweeper may be faster: whoever has locked a folder therefore looks whether it is still the one
//! with that name, and makes another if not. A lock file beside the folder would do the same with one name more to
//! clean up.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_fs_ext::DirExt as _;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::remove;
use crate::task_scratch::{TaskFolder, TaskScratch, Tasks};

/// How often a folder may be lost to a sweeper before something else must be wrong.
const ATTEMPTS: u32 = 100;

/// A temporary folder of one run, shared by its tasks. Dropped, it is removed with all that is in it; so it is when its
/// owner died and the store is next opened.
#[derive(Debug)]
pub struct Scratch {
    parent: Arc<Dir>,
    name: String,
    path: PathBuf,
    /// Holds the lock; `None` once the folder is removed.
    dir: Mutex<Option<Arc<Dir>>>,
    tasks: Tasks,
}

impl Scratch {
    pub(crate) fn create(parent: &Arc<Dir>, parent_path: &Path) -> Result<Self, StoreError> {
        let random = RandomState::new();
        let pid = std::process::id();
        for attempt in 0..ATTEMPTS {
            let name = format!("{pid}-{:016x}", random.hash_one(attempt));
            let path = parent_path.join(&name);
            match rustix::fs::mkdirat(&**parent, &name, Mode::RWXU) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(StoreError::io("create", &path)(error)),
            }
            if let Some(dir) = lock(parent, &name).map_err(StoreError::io("lock", &path))? {
                return Ok(Self {
                    parent: Arc::clone(parent),
                    name,
                    path,
                    dir: Mutex::new(Some(Arc::new(dir))),
                    tasks: Tasks::default(),
                });
            }
        }
        let busy = io::Error::from(io::ErrorKind::ResourceBusy);
        Err(StoreError::io("make a folder of our own in", parent_path)(
            busy,
        ))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder of the run's own, made where it is missing: `name` is one plain file name. Gives its handle, to work
    /// through, and its path, to hand to another process or to show.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn folder(&self, name: &str) -> Result<(Arc<Dir>, PathBuf), StoreError> {
        let path = self.path.join(name);
        let dir = self.open(&path)?;
        match make(&dir, name, &path) {
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                let folder = dir.open_dir_nofollow(name);
                folder.map_err(StoreError::io("open", &path))
            }
            made => made,
        }
        .map(|folder| (Arc::new(folder), path))
    }

    /// The folders of one task. A name is free again once the task is done, and folders that are found empty, or can be
    /// emptied, are handed to the next task as they are: making and removing them costs more than all else here.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn task(self: &Arc<Self>) -> Result<TaskScratch, StoreError> {
        let spare = self.tasks.spare();
        match spare {
            Some(folder) => Ok(TaskScratch::new(Arc::clone(self), folder)),
            None => Ok(TaskScratch::new(Arc::clone(self), self.task_folder()?)),
        }
    }

    /// The folders of one task whose programs are not all the user of this one: whoever they are, they may write there.
    /// Nobody of this machine gets that far, for the run's own folder is private. They are made for this task alone and
    /// removed with it: a program may have changed whose they are.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn task_for_anyone(self: &Arc<Self>) -> Result<TaskScratch, StoreError> {
        Ok(TaskScratch::for_anyone(
            Arc::clone(self),
            self.task_folder()?,
        ))
    }

    fn task_folder(&self) -> Result<TaskFolder, StoreError> {
        let name = self.tasks.name();
        let path = self.path.join(&name);
        let dir = make(&*self.open(&path)?, &name, &path)?;
        Ok(TaskFolder::new(name, path, dir))
    }

    fn open(&self, path: &Path) -> Result<Arc<Dir>, StoreError> {
        let gone = || StoreError::io("create", path)(io::Error::from(io::ErrorKind::NotFound));
        self.dir().clone().ok_or_else(gone)
    }

    fn dir(&self) -> MutexGuard<'_, Option<Arc<Dir>>> {
        // Taken or put as a whole.
        self.dir.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the folders of a task back: the next one gets them. What is not wanted any more is returned.
    pub(crate) fn give_back(&self, folder: TaskFolder) -> Option<TaskFolder> {
        match self.dir().is_some() {
            true => self.tasks.keep(folder),
            // It has gone with the whole.
            false => None,
        }
    }

    /// Removes the folders of a task, which nobody else may have.
    pub(crate) fn discard(&self, name: &str, dir: &Dir) -> io::Result<()> {
        match self.dir().clone() {
            Some(parent) => remove::folder(&parent, name, dir),
            None => Ok(()),
        }
    }

    /// Removes it now and says what could not be removed. A drop does the same and only logs.
    ///
    /// # Errors
    ///
    /// What is left behind, and why.
    pub fn close(&self) -> Result<(), StoreError> {
        // The handle, and with it the lock, lives until the folder is gone.
        let Some(dir) = self.dir().take() else {
            return Ok(());
        };
        self.tasks.forget();
        remove::folder(&self.parent, &self.name, &dir).map_err(StoreError::io("remove", &self.path))
    }
}

/// Makes the private folder `name`, which is not there yet, in `parent`.
pub(crate) fn make(parent: &Dir, name: &str, path: &Path) -> Result<Dir, StoreError> {
    let mut private = DirBuilder::new();
    private.mode(Mode::RWXU.as_raw_mode());
    parent
        .create_dir_with(name, &private)
        .map_err(StoreError::io("create", path))?;
    // To be listed through: what only stands for a place would have to be opened again each time.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(parent, name, flags, Mode::empty());
    dir.map(|dir| Dir::from_std_file(File::from(dir)))
        .map_err(StoreError::io("open", path))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(path = %self.path.display(), ?error, "a scratch folder is left behind");
        }
    }
}

/// Removes the folders in `scratch` whose owner is dead. What cannot be removed is logged: it keeps no run from running.
pub(crate) fn sweep(scratch: &Dir, path: &Path) {
    let entries = match scratch.entries() {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the scratch folder cannot be listed");
            return;
        }
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let swept = match lock(scratch, &name) {
            Ok(Some(dir)) => remove::folder(scratch, &name, &dir),
            // Alive, or swept by somebody else.
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = swept {
            tracing::warn!(path = %path.join(&name).display(), %error, "a dead run's folder is left behind");
        }
    }
}

/// Opens and locks the folder `name` of `parent`: `None` where somebody else holds the lock or the folder is gone.
pub(crate) fn lock(parent: &Dir, name: &str) -> Result<Option<Dir>, Errno> {
    lock_by(parent, name, FlockOperation::NonBlockingLockExclusive)
}

/// The same, waiting for whoever holds the lock. Only for a new folder, which nobody holds for longer than a look takes.
pub(crate) fn lock_when_free(parent: &Dir, name: &str) -> Result<Option<Dir>, Errno> {
    lock_by(parent, name, FlockOperation::LockExclusive)
}

fn lock_by(parent: &Dir, name: &str, how: FlockOperation) -> Result<Option<Dir>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = match rustix::fs::openat(parent, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened?,
    };
    match rustix::fs::flock(&dir, how) {
        Err(Errno::WOULDBLOCK) => return Ok(None),
        locked => locked?,
    }
    let ours = rustix::fs::fstat(&dir)?;
    let named = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(None),
        named => named?,
    };
    let same = (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino);
    Ok(same.then(|| Dir::from_std_file(File::from(dir))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::Store;

    fn store() -> (tempfile::TempDir, Store) {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        (temp, store)
    }

    #[test]
    fn a_scratch_is_gone_with_its_owner() {
        let (_temp, store) = store();
        let scratch = store.scratch().unwrap();
        let (dir, path) = scratch.folder("results").unwrap();
        dir.write("x", "1").unwrap();
        assert_eq!(fs::read(path.join("x")).unwrap(), b"1");
        let folder = scratch.path().to_owned();
        drop(scratch);
        assert!(!folder.exists());
        let scratch = store.scratch().unwrap();
        let folder = scratch.path().to_owned();
        scratch.close().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_folder_is_made_where_it_is_missing_and_inside() {
        let (temp, store) = store();
        let scratch = store.scratch().unwrap();
        scratch.folder("a").unwrap();
        scratch.folder("a").unwrap();
        for name in ["../out", "/tmp/out", "missing/b"] {
            assert!(scratch.folder(name).is_err(), "{name}");
        }
        assert!(!temp.path().join("scratch/out").exists());
    }

    #[test]
    fn a_live_scratch_is_not_swept_and_a_dead_one_is() {
        let (temp, store) = store();
        let scratch = store.scratch().unwrap();
        scratch.folder("kept").unwrap();
        let dead = temp.path().join("scratch/1-dead");
        fs::create_dir_all(dead.join("deep/er")).unwrap();
        Store::open(temp.path()).unwrap();
        assert!(scratch.path().join("kept").exists());
        assert!(!dead.exists());
    }

    #[test]
    fn a_symlink_among_the_scratch_folders_is_not_followed() {
        let (temp, _store) = store();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("kept"), "1").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), temp.path().join("scratch/1-link")).unwrap();
        Store::open(temp.path()).unwrap();
        assert!(elsewhere.path().join("kept").exists());
    }

    #[test]
    fn sweepers_and_makers_do_not_meet() {
        let (temp, store) = store();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let scratch = store.scratch().unwrap();
                        let (dir, _) = scratch.folder("a").unwrap();
                        dir.write("file", "1").unwrap();
                        assert!(scratch.path().join("a/file").exists());
                        scratch.close().unwrap();
                    }
                });
                scope.spawn(|| {
                    for _ in 0..200 {
                        Store::open(temp.path()).unwrap();
                    }
                });
            }
        });
        assert_eq!(
            fs::read_dir(temp.path().join("scratch")).unwrap().count(),
            0
        );
    }
}
