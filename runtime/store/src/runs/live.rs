//! A run that is being written.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags};

use super::record::{RunRecord, RunVerdict, VERSION};
use crate::error::StoreError;

pub(super) const RECORD: &str = "run.json";
pub(super) const EVENTS: &str = "events.ndjson";
pub(super) const OBJECTS: &str = "objects.ndjson";
pub(super) const DOCUMENTS: &str = "documents.yaml";
pub(super) const STATUS: &str = "status.yaml";

/// What is known of a run when it begins.
#[derive(Debug, Clone, Copy)]
pub struct NewRun<'a> {
    /// The name of the TaskRun or PipelineRun.
    pub name: &'a str,
    /// `TaskRun` or `PipelineRun`.
    pub kind: &'a str,
    /// The files that were given.
    pub files: &'a [String],
    /// When it begins, in milliseconds since 1970.
    pub started_ms: u64,
    /// The version of Stepwell.
    pub stepwell: &'a str,
}

/// The folder of a run that is running, locked for as long as this lives. Dropped before [`LiveRun::end`], the run counts
/// as one that died.
#[derive(Debug)]
pub struct LiveRun {
    dir: Arc<Dir>,
    path: PathBuf,
    record: RunRecord,
}

impl LiveRun {
    /// Makes the files of a run in `dir`, which is new and locked.
    pub(super) fn begin(
        dir: Dir,
        path: PathBuf,
        id: String,
        run: NewRun<'_>,
    ) -> Result<Self, StoreError> {
        let record = RunRecord {
            version: VERSION,
            id,
            name: run.name.to_owned(),
            kind: run.kind.to_owned(),
            pid: std::process::id(),
            started_ms: run.started_ms,
            ended_ms: None,
            kept: false,
            verdict: None,
            files: run.files.to_vec(),
            stepwell: run.stepwell.to_owned(),
        };
        let live = Self {
            dir: Arc::new(dir),
            path,
            record,
        };
        live.events()?;
        live.objects()?;
        live.write_record()?;
        Ok(live)
    }

    /// What the run is called here.
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself, for what only a running process has in there: it goes away with the run.
    pub fn folder(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// Where its events go, to be appended.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn events(&self) -> Result<File, StoreError> {
        self.append(EVENTS)
    }

    /// Where its completed objects go, to be appended.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn objects(&self) -> Result<File, StoreError> {
        self.append(OBJECTS)
    }

    /// Where its documents go. They must hold no secret.
    pub fn documents(&self) -> Whole {
        self.whole(DOCUMENTS)
    }

    /// Where its own object goes when it has ended.
    pub fn status(&self) -> Whole {
        self.whole(STATUS)
    }

    /// Says how it ended, and that this process still holds what failed of it.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn keep(&mut self, ended_ms: u64, verdict: Option<RunVerdict>) -> Result<(), StoreError> {
        self.record.ended_ms = Some(ended_ms);
        self.record.verdict = verdict;
        self.record.kept = true;
        self.write_record()
    }

    /// Says how it ended, and lets go of the lock. `None` says that Stepwell itself could not go on.
    ///
    /// # Errors
    ///
    /// What the file system refused; the run then counts as one that died.
    pub fn end(mut self, ended_ms: u64, verdict: Option<RunVerdict>) -> Result<(), StoreError> {
        self.record.ended_ms.get_or_insert(ended_ms);
        self.record.verdict = verdict;
        self.record.kept = false;
        self.write_record()
    }

    fn write_record(&self) -> Result<(), StoreError> {
        let path = self.path.join(RECORD);
        let mut text = serde_json::to_vec(&self.record)
            .map_err(io::Error::from)
            .map_err(StoreError::io("write", &path))?;
        text.push(b'\n');
        let mut file = self.whole(RECORD);
        file.write_all(&text)
            .and_then(|()| file.flush())
            .map_err(StoreError::io("write", &path))
    }

    fn append(&self, name: &str) -> Result<File, StoreError> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&*self.dir, name, flags, Mode::RUSR | Mode::WUSR);
        let file = file.map_err(StoreError::io("create", &self.path.join(name)))?;
        Ok(File::from(file))
    }

    fn whole(&self, name: &'static str) -> Whole {
        Whole {
            dir: Arc::clone(&self.dir),
            name,
            text: Vec::new(),
        }
    }
}

/// A file that is there as a whole or not at all: what is written shows when it is flushed, in place of what was there.
#[derive(Debug)]
pub struct Whole {
    dir: Arc<Dir>,
    name: &'static str,
    text: Vec<u8>,
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let new = format!("{}.new", self.name);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&*self.dir, &new, flags, Mode::RUSR | Mode::WUSR)?;
        File::from(file).write_all(&self.text)?;
        Ok(rustix::fs::renameat(
            &*self.dir, &new, &*self.dir, self.name,
        )?)
    }
}
