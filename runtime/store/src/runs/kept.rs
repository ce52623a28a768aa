//! A run that is read, whether it still runs or not.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::live::{DOCUMENTS, EVENTS, OBJECTS, RECORD, STATUS};
use super::record::{RunRecord, VERSION};
use super::tail::Tail;
use crate::error::StoreError;

/// How long a `run.json` may be. It lists the files that were given, and there may be many.
const LONGEST_RECORD: u64 = 4 << 20;

/// What has become of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Its process is alive and at it.
    Running,
    /// It has ended, and its process holds what failed for somebody to look into.
    Kept,
    /// It has ended.
    Ended,
    /// Its process is gone, and it has not ended.
    Died,
}

/// A file of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunFile {
    /// `events.ndjson`
    Events,
    /// `objects.ndjson`
    Objects,
    /// `documents.yaml`
    Documents,
    /// `status.yaml`
    Status,
}

impl RunFile {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => EVENTS,
            Self::Objects => OBJECTS,
            Self::Documents => DOCUMENTS,
            Self::Status => STATUS,
        }
    }
}

/// The folder of a run.
#[derive(Debug)]
pub struct KeptRun {
    folder: OwnedFd,
    path: PathBuf,
    record: RunRecord,
    state: RunState,
}

impl KeptRun {
    /// Reads what `folder` says of itself; `None` where it says nothing.
    pub(super) fn read(folder: OwnedFd, path: PathBuf) -> Result<Option<Self>, StoreError> {
        // In this order: a run that ends in between is then seen as ended, not as dead.
        let locked = super::is_locked(&folder).map_err(StoreError::io("look at", &path))?;
        let file_path = path.join(RECORD);
        let Some(file) = open(&folder, RECORD).map_err(StoreError::io("open", &file_path))? else {
            return Ok(None);
        };
        let mut text = Vec::new();
        file.take(LONGEST_RECORD)
            .read_to_end(&mut text)
            .map_err(StoreError::io("read", &file_path))?;
        // What a machine that lost its power may leave.
        if text.is_empty() {
            return Ok(None);
        }
        let unreadable = |source| StoreError::Unreadable {
            path: file_path.clone(),
            source,
        };
        let record: RunRecord = serde_json::from_slice(&text).map_err(unreadable)?;
        if record.version != VERSION {
            return Err(StoreError::OtherVersion {
                path: file_path,
                version: record.version,
            });
        }
        let state = match (record.ended_ms, locked) {
            (Some(_), true) if record.kept => RunState::Kept,
            (Some(_), _) => RunState::Ended,
            (None, true) => RunState::Running,
            (None, false) => RunState::Died,
        };
        Ok(Some(Self {
            folder,
            path,
            record,
            state,
        }))
    }

    /// What it says of itself.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// What had become of it when it was opened.
    pub fn state(&self) -> RunState {
        self.state
    }

    /// The process that runs it, or holds what failed of it; `None` where there is none.
    pub fn pid(&self) -> Option<u32> {
        let alive = matches!(self.state, RunState::Running | RunState::Kept);
        alive.then_some(self.record.pid)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself, to reach what its process put there.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Opens one of its files; `None` where there is no such file, or not yet.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn file(&self, which: RunFile) -> Result<Option<File>, StoreError> {
        let path = self.path.join(which.name());
        open(&self.folder, which.name()).map_err(StoreError::io("open", &path))
    }

    /// Reads one of its files line by line, and goes on while the run does. Meant for events and objects.
    ///
    /// # Errors
    ///
    /// What the file system refused; also that there is no such file.
    pub fn lines(&self, which: RunFile) -> Result<Tail, StoreError> {
        let path = self.path.join(which.name());
        let file = self
            .file(which)?
            .ok_or_else(|| StoreError::io("open", &path)(Errno::NOENT))?;
        let folder = self.folder.try_clone();
        let folder = folder.map_err(StoreError::io("open", &self.path))?;
        Ok(Tail::new(file, folder, path))
    }
}

fn open(folder: &OwnedFd, name: &str) -> Result<Option<File>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        opened => Ok(Some(File::from(opened?))),
    }
}
