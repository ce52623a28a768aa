//! What is kept of runs: a folder for each, until it is removed or trimmed.
//!
//! ```text
//! RUNS/                0700
//!   ID/                0700  the run's name, or NAME.2, NAME.3, … where that is taken
//!     run.json         0600  what a reader has to know first: see `RunRecord`
//!     events.ndjson    0600  events as they come
//!     objects.ndjson   0600  completed objects as they come
//!     documents.yaml   0600  what ran, as resolved
//!     status.yaml      0600  the run's own object, when it has ended
//!     look.sock              where its process answers those who want to look into steps, while there is one
//! ```
//!
//! Whoever runs holds a `flock` on the folder, as with [`Scratch`](crate::Scratch): one without it that has not ended has
//! died. `run.json` is written last when a run is made, and is replaced as a whole, so that a folder without it is what a
//! crash left behind. It does not know events or documents; the page `docs/reference/runs.md` describes all of it.

mod kept;
mod live;
mod record;
mod tail;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::layout::open_root;
use crate::{remove, scratch};

pub use kept::{KeptRun, RunFile, RunState};
pub use live::{LiveRun, NewRun, Whole};
pub use record::{RunRecord, RunVerdict};
pub use tail::{Next, Tail};

/// How many runs may have the same name at once. Looking for a free one takes a system call each.
const SAME_NAME: u32 = 10_000;

/// How often a run that is to be removed may be in somebody else's hands. A look takes microseconds.
const LOOKS: u32 = 10_000;

/// The longest name of a run that is taken as it is; a file name may have 255 bytes.
const LONGEST_NAME: usize = 200;

/// In the folder of runs: when too old ones were removed, in milliseconds since 1970.
const TRIMMED: &str = ".trimmed";

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How many runs are kept, and for how long. One that is running is never removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How many at most.
    pub most: usize,
    /// For how many days after their start at most.
    pub days: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            most: 100,
            days: 30,
        }
    }
}

/// The runs that are kept.
#[derive(Debug, Clone)]
pub struct Runs {
    dir: Arc<Dir>,
    path: PathBuf,
}

impl Runs {
    /// Opens the folder of runs at `path`, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exposed`] for a folder that another user could write to, with the command that mends it;
    /// [`StoreError::Io`] for what the file system refused.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let dir = open_root(path)?;
        Ok(Self {
            dir: Arc::new(Dir::from_std_file(File::from(dir))),
            path: path.to_owned(),
        })
    }

    /// Makes the folder of a run that begins, and locks it.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn create(&self, run: NewRun<'_>) -> Result<LiveRun, StoreError> {
        let name = plain(run.name);
        for number in 1..=SAME_NAME {
            let id = match number {
                1 => name.clone(),
                number => format!("{name}.{number}"),
            };
            let path = self.path.join(&id);
            // Lost to somebody who took the new folder for one that a crash left behind: made again.
            loop {
                match rustix::fs::mkdirat(&*self.dir, &id, Mode::RWXU) {
                    Ok(()) => {}
                    Err(Errno::EXIST) => break,
                    Err(error) => return Err(StoreError::io("create", &path)(error)),
                }
                let locked = scratch::lock_when_free(&self.dir, &id);
                if let Some(dir) = locked.map_err(StoreError::io("lock", &path))? {
                    return LiveRun::begin(dir, path, id, run);
                }
            }
        }
        Err(StoreError::io(
            "make a folder for one more run in",
            &self.path,
        )(Errno::EXIST))
    }

    /// Every run that is kept, the newest first. What cannot be read is left out and logged.
    ///
    /// # Errors
    ///
    /// That the folder of runs cannot be read.
    pub fn list(&self) -> Result<Vec<KeptRun>, StoreError> {
        let mut runs = Vec::new();
        for id in self.ids()? {
            match self.open_run(&id) {
                Ok(run) => runs.extend(run),
                Err(error) => {
                    tracing::warn!(%id, ?error, "a run cannot be read");
                }
            }
        }
        runs.sort_by(|a, b| {
            let newest = b.record().started_ms.cmp(&a.record().started_ms);
            newest.then_with(|| b.record().id.cmp(&a.record().id))
        });
        Ok(runs)
    }

    /// The run with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRun`] where there is none, and what the file system refused.
    pub fn run(&self, id: &str) -> Result<KeptRun, StoreError> {
        let known = is_plain(id).then(|| self.open_run(id)).transpose()?;
        known
            .flatten()
            .ok_or_else(|| StoreError::NoRun { id: id.to_owned() })
    }

    /// Removes a run that has ended or died.
    ///
    /// # Errors
    ///
    /// [`StoreError::RunAlive`] for one that is running, [`StoreError::NoRun`] where there is none, and what the file
    /// system refused.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        for _ in 0..LOOKS {
            if let Some(pid) = self.run(id)?.pid() {
                return Err(StoreError::RunAlive {
                    id: id.to_owned(),
                    pid,
                });
            }
            if self.remove_unlocked(id)? {
                return Ok(());
            }
            // Somebody looked at it in this instant, or removes it.
            std::thread::yield_now();
        }
        Err(StoreError::io("lock", &self.path.join(id))(
            Errno::WOULDBLOCK,
        ))
    }

    /// Removes the runs that are too many or too old at `now_ms`, and what a crash left behind. Gives the ids of the runs.
    /// What cannot be removed is logged: it keeps no run from running.
    ///
    /// # Errors
    ///
    /// That the folder of runs cannot be read.
    pub fn trim(&self, keep: Retention, now_ms: u64) -> Result<Vec<String>, StoreError> {
        let runs = self.list()?;
        let age = keep.days.saturating_mul(DAY_MS);
        let oldest = now_ms.saturating_sub(age);
        let mut removed = Vec::new();
        for (place, run) in runs.iter().enumerate() {
            let record = run.record();
            let goes = place >= keep.most || record.started_ms < oldest;
            if goes && run.pid().is_none() && self.try_to_remove(&record.id) {
                removed.push(record.id.clone());
            }
        }
        for id in self.ids()? {
            if matches!(self.open_run(&id), Ok(None)) {
                self.try_to_remove(&id);
            }
        }
        Ok(removed)
    }

    /// As [`trim`](Self::trim), where it is time for that: once a quarter more than are to be kept have come together, and once a day.
    /// To look how old each run is costs more than most runs do.
    ///
    /// # Errors
    ///
    /// As [`trim`](Self::trim); that it cannot be written down when that was.
    pub fn trim_in_time(&self, keep: Retention, now_ms: u64) -> Result<Vec<String>, StoreError> {
        let failed = |error| StoreError::io("write", &self.path.join(TRIMMED))(error);
        let most = keep.most.saturating_add(keep.most / 4);
        let last = self.dir.read_to_string(TRIMMED).unwrap_or_default();
        // A file that says nothing of use was never written, as far as we care; one from the future likewise.
        let since = last.parse().ok().and_then(|last| now_ms.checked_sub(last));
        if since.is_some_and(|since| since < DAY_MS) && self.ids()?.len() <= most {
            return Ok(Vec::new());
        }
        let removed = self.trim(keep, now_ms)?;
        self.dir
            .write(TRIMMED, now_ms.to_string())
            .map_err(failed)?;
        Ok(removed)
    }

    /// The folders of runs, by their names. A name with a dot in front is none of a run's.
    fn ids(&self) -> Result<Vec<String>, StoreError> {
        let entries = self.dir.entries();
        let entries = entries.map_err(StoreError::io("list", &self.path))?;
        Ok(entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect())
    }

    /// `None` where no such run is, or where it never got as far as to say what it is.
    fn open_run(&self, id: &str) -> Result<Option<KeptRun>, StoreError> {
        let path = self.path.join(id);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match rustix::fs::openat(&*self.dir, id, flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            opened => opened.map_err(StoreError::io("open", &path))?,
        };
        KeptRun::read(folder, path)
    }

    fn try_to_remove(&self, id: &str) -> bool {
        self.remove_unlocked(id).unwrap_or_else(|error| {
            tracing::warn!(%id, ?error, "a run cannot be removed");
            false
        })
    }

    /// Whether nobody held its lock, and it is gone.
    fn remove_unlocked(&self, id: &str) -> Result<bool, StoreError> {
        let path = self.path.join(id);
        let locked = scratch::lock(&self.dir, id).map_err(StoreError::io("lock", &path))?;
        let Some(dir) = locked else {
            return Ok(false);
        };
        remove::folder(&self.dir, id, &dir).map_err(StoreError::io("remove", &path))?;
        Ok(true)
    }
}

/// Whether somebody holds the lock on `folder`.
fn is_locked(folder: impl std::os::fd::AsFd) -> Result<bool, Errno> {
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => Ok(true),
        locked => {
            locked?;
            rustix::fs::flock(&folder, FlockOperation::Unlock)?;
            Ok(false)
        }
    }
}

/// Whether `id` is one file name and nothing else.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 255 && !id.starts_with('.') && !id.contains(['/', '\0'])
}

/// A run's name as a file name: as it is where it is a name of Tekton's.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars() {
        let kept =
            c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || (c == '.' && !plain.is_empty());
        plain.push(if kept { c } else { '-' });
        if plain.len() == LONGEST_NAME {
            break;
        }
    }
    match plain.is_empty() {
        true => "run".to_owned(),
        false => plain,
    }
}

#[cfg(test)]
mod tests;
