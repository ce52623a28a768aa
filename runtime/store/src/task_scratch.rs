//! The folders of one task in its run's scratch, made when they are asked for and handed on to the next task.
//!
//! A run of ten thousand tasks would spend its time making and removing the same few folders. A task that is done
//! therefore leaves them behind, emptied, and the next one finds them. Nobody may have them any more then: where a handle
//! is still held, by a thread that was given up, or a folder cannot be emptied, they are removed instead.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;
use rustix::fs::Mode;

use crate::error::StoreError;
use crate::remove;
use crate::scratch::{Scratch, make};

/// How many folders of tasks that are done are kept for the next: more than ever run at once are of no use.
const SPARE: usize = 64;

/// Which tasks' folders are there for the next.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    spare: Mutex<Vec<TaskFolder>>,
    next: AtomicU64,
}

impl Tasks {
    pub(crate) fn name(&self) -> String {
        format!("task-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn spare(&self) -> Option<TaskFolder> {
        self.lock().pop()
    }

    /// Keeps `folder` for the next task, or gives it back where there are enough.
    pub(crate) fn keep(&self, folder: TaskFolder) -> Option<TaskFolder> {
        let mut spare = self.lock();
        if spare.len() >= SPARE {
            return Some(folder);
        }
        spare.push(folder);
        None
    }

    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TaskFolder>> {
        // One push or pop.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's folder and what was made in it.
#[derive(Debug)]
pub(crate) struct TaskFolder {
    name: String,
    path: PathBuf,
    dir: Dir,
    made: Vec<Made>,
}

#[derive(Debug)]
struct Made {
    name: Box<str>,
    path: PathBuf,
    dir: Arc<Dir>,
    /// Whether this task has asked for it.
    used: bool,
}

impl TaskFolder {
    pub(crate) fn new(name: String, path: PathBuf, dir: Dir) -> Self {
        Self {
            name,
            path,
            dir,
            made: Vec::new(),
        }
    }

    /// Makes everything that was used as good as new; says whether it is.
    fn clean(&mut self) -> bool {
        self.made.iter_mut().filter(|made| made.used).all(|made| {
            let nobodys = Arc::get_mut(&mut made.dir).is_some();
            made.used = false;
            nobodys && remove::empty(&made.dir).is_ok()
        })
    }
}

/// The folders of one task. Dropped, they are as good as gone.
#[derive(Debug)]
pub struct TaskScratch {
    run: Arc<Scratch>,
    /// `None` once it is given back.
    folder: Option<TaskFolder>,
    /// Whether any user may write there.
    for_anyone: bool,
}

impl TaskScratch {
    pub(crate) fn new(run: Arc<Scratch>, folder: TaskFolder) -> Self {
        Self {
            run,
            folder: Some(folder),
            for_anyone: false,
        }
    }

    pub(crate) fn for_anyone(run: Arc<Scratch>, folder: TaskFolder) -> Self {
        let mut scratch = Self::new(run, folder);
        scratch.for_anyone = true;
        scratch
    }

    /// An empty folder, which is asked for once: `name` is one plain file name. Gives its handle and its path.
    ///
    /// # Errors
    ///
    /// What the file system refused; also that the folder was asked for before.
    pub fn folder(&mut self, name: &str) -> Result<(Arc<Dir>, PathBuf), StoreError> {
        let Some(folder) = &mut self.folder else {
            let gone = io::Error::from(io::ErrorKind::NotFound);
            return Err(StoreError::io("create", self.run.path())(gone));
        };
        if let Some(made) = folder.made.iter_mut().find(|made| &*made.name == name) {
            if made.used {
                let twice = io::Error::from(io::ErrorKind::AlreadyExists);
                return Err(StoreError::io("create", &made.path)(twice));
            }
            made.used = true;
            return Ok((Arc::clone(&made.dir), made.path.clone()));
        }
        let path = folder.path.join(name);
        let dir = Arc::new(make(&folder.dir, name, &path)?);
        if self.for_anyone {
            let all = Mode::RWXU | Mode::RWXG | Mode::RWXO;
            rustix::fs::fchmod(&*dir, all).map_err(StoreError::io("open to all users", &path))?;
        }
        folder.made.push(Made {
            name: name.into(),
            path: path.clone(),
            dir: Arc::clone(&dir),
            used: true,
        });
        Ok((dir, path))
    }

    /// Ends it now and says what could not be removed. A drop does the same and only logs.
    ///
    /// # Errors
    ///
    /// What is left behind, and why.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let Some(mut folder) = self.folder.take() else {
            return Ok(());
        };
        let left = match !self.for_anyone && folder.clean() {
            true => self.run.give_back(folder),
            false => Some(folder),
        };
        let Some(TaskFolder {
            name, path, dir, ..
        }) = left
        else {
            return Ok(());
        };
        self.run
            .discard(&name, &dir)
            .map_err(StoreError::io("remove", &path))
    }
}

impl Drop for TaskScratch {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(run = %self.run.path().display(), ?error, "a task's folder is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::sync::Arc;

    use super::SPARE;
    use crate::{Scratch, Store};

    fn scratch() -> (tempfile::TempDir, Arc<Scratch>) {
        let temp = tempfile::tempdir().unwrap();
        let scratch = Store::open(temp.path()).unwrap().scratch().unwrap();
        (temp, Arc::new(scratch))
    }

    #[test]
    fn folders_for_anyone_are_open_to_all_and_go_with_their_task() {
        let (_temp, scratch) = scratch();
        let mut task = scratch.task_for_anyone().unwrap();
        let (_, open) = task.folder("workspace").unwrap();
        let mut next = scratch.task().unwrap();
        let (_, private) = next.folder("workspace").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&open), mode(&private)), (0o777, 0o700));
        task.close().unwrap();
        next.close().unwrap();
        assert_eq!((open.exists(), private.exists()), (false, true));
    }

    #[test]
    fn the_next_task_gets_the_folders_as_if_they_were_new() {
        let (_temp, scratch) = scratch();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("kept"), "1").unwrap();
        let mut paths = Vec::new();
        for _ in 0..3 {
            let mut task = scratch.task().unwrap();
            let (dir, path) = task.folder("workspace").unwrap();
            assert_eq!(dir.entries().unwrap().count(), 0);
            dir.create_dir_all("deep/er").unwrap();
            dir.write("deep/er/file", "1").unwrap();
            symlink(elsewhere.path(), path.join("link")).unwrap();
            paths.push(path);
            drop(dir);
            task.close().unwrap();
        }
        assert!(paths.iter().all(|path| *path == paths[0]), "{paths:?}");
        assert!(elsewhere.path().join("kept").exists());
    }

    #[test]
    fn a_folder_is_asked_for_once_and_is_inside() {
        let (_temp, scratch) = scratch();
        let mut task = scratch.task().unwrap();
        task.folder("a").unwrap();
        for name in ["a", "../out", "/tmp/out", "missing/b"] {
            assert!(task.folder(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_folder_is_emptied_through_the_handle_that_is_there() {
        let (_temp, scratch) = scratch();
        let mut task = scratch.task().unwrap();
        let (dir, _) = task.folder("workspace").unwrap();
        dir.write("script-0", "1").unwrap();
        assert_eq!(crate::remove::unlink_files(&dir), Ok(true));
        assert_eq!(dir.entries().unwrap().count(), 0);
    }

    #[test]
    fn attack_a_folder_that_somebody_still_holds_is_nobodys_next() {
        let (_temp, scratch) = scratch();
        let mut task = scratch.task().unwrap();
        let (held, path) = task.folder("workspace").unwrap();
        task.close().unwrap();
        assert!(!path.exists());
        let mut next = scratch.task().unwrap();
        let (dir, _) = next.folder("workspace").unwrap();
        // A thread that was given up goes on writing, and reaches nobody.
        drop(held.write("late", "1"));
        assert_eq!(dir.entries().unwrap().count(), 0);
    }

    #[test]
    fn tasks_that_run_at_once_share_nothing_and_few_folders_are_kept() {
        let (_temp, scratch) = scratch();
        let mut tasks: Vec<_> = (0..SPARE + 5).map(|_| scratch.task().unwrap()).collect();
        let paths: std::collections::BTreeSet<_> = tasks
            .iter_mut()
            .map(|task| task.folder("a").unwrap().1)
            .collect();
        assert_eq!(paths.len(), SPARE + 5);
        drop(tasks);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), SPARE);
        scratch.close().unwrap();
        assert!(!scratch.path().exists());
    }
}
