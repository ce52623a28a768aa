//! Answers that are kept: one file for each thing that was asked.
//!
//! ```text
//! CACHE/             0700
//!   answers/         one file each, named by the digest of what was asked; its first line is the digest of the rest
//!   git/             repositories, see `git`
//! ```
//!
//! It does not know when an answer is too old; it says when it came. A file is written aside and renamed, so that any
//! number of processes share the folder without a lock; one that is torn, altered or of another time is no answer.

use std::{
    fs::{self, DirBuilder},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepwell_contract::Digest;

use crate::fetcher::{Fetched, Held};

/// The form of the files. Another number is another time.
const FORMAT: u32 = 1;

/// Nobody writes one file for this long.
const WRITING: Duration = Duration::from_hours(1);

/// Write permission for anybody but the user.
const OTHERS_WRITE: u32 = 0o022;

/// What was asked: names an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) resolver: String,
    pub(crate) params: Vec<(String, String)>,
    /// Whether the answer can never be another one.
    pub(crate) pinned: bool,
}

impl Asked {
    pub(crate) fn new(resolver: &str, pinned: bool, params: &[(&str, &str)]) -> Self {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            resolver: resolver.to_owned(),
            params: params.iter().map(own).collect(),
            pinned,
        }
    }
}

/// One answer, as it stands in its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    format: u32,
    asked: Asked,
    /// Seconds since 1970.
    fetched: u64,
    name: String,
    provenance: Value,
    text: String,
}

impl Answer {
    /// How old it is; nothing where it claims to be from the future.
    pub(crate) fn age(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.when()).ok()
    }

    fn when(&self) -> SystemTime {
        UNIX_EPOCH
            .checked_add(Duration::from_secs(self.fetched))
            .unwrap_or(UNIX_EPOCH)
    }

    pub(crate) fn into_fetched(self) -> Fetched {
        Fetched {
            name: self.name,
            text: self.text,
            provenance: self.provenance,
        }
    }

    fn into_held(self) -> Held {
        Held {
            fetched: self.when(),
            resolver: self.asked.resolver,
            asked: self.asked.params,
            pinned: self.asked.pinned,
            name: self.name,
            provenance: self.provenance,
            bytes: self.text.len() as u64,
        }
    }
}

/// The cache cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The file system refused.
    #[error("failed to {doing} `{}`", path.display())]
    Io {
        /// Completes "failed to …".
        doing: &'static str,
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others could put their own documents there.
    #[error("the cache `{}` can be written to by other users; mend it with `chmod 700 {}`, or choose another", path.display(), path.display())]
    Exposed {
        /// The folder.
        path: PathBuf,
    },
}

/// The folder of the cache.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    /// The most answers that are kept.
    most: usize,
}

impl Cache {
    pub(crate) fn new(root: PathBuf, most: usize) -> Self {
        Self { root, most }
    }

    /// The answer to what was asked, where there is one that is whole.
    pub(crate) fn find(&self, asked: &Asked) -> Result<Option<Answer>, CacheError> {
        if !is_private(&self.root)? {
            return Ok(None);
        }
        let answer = read(&self.path(asked)).filter(|answer| answer.asked == *asked);
        Ok(answer)
    }

    /// Keeps an answer in place of an older one.
    pub(crate) fn keep(
        &self,
        asked: Asked,
        fetched: &Fetched,
        now: SystemTime,
    ) -> Result<(), CacheError> {
        let folder = self.folder("answers")?;
        let path = self.path(&asked);
        let answer = Answer {
            format: FORMAT,
            asked,
            fetched: now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            name: fetched.name.clone(),
            provenance: fetched.provenance.clone(),
            text: fetched.text.clone(),
        };
        let failed = |source| io_error("write", &path)(source);
        let body = serde_json::to_vec(&answer).map_err(|error| failed(error.into()))?;
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
        writeln!(file, "{}", Digest::of(&body)).map_err(failed)?;
        file.write_all(&body).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        self.trim(&folder);
        Ok(())
    }

    /// All that is whole, the newest first.
    pub(crate) fn list(&self) -> Result<Vec<Held>, CacheError> {
        if !is_private(&self.root)? {
            return Ok(Vec::new());
        }
        let mut held: Vec<Held> = files(&self.root.join("answers"))
            .iter()
            .filter_map(|(_, path)| read(path).map(Answer::into_held))
            .collect();
        held.sort_by(|a, b| b.fetched.cmp(&a.fetched).then_with(|| a.name.cmp(&b.name)));
        Ok(held)
    }

    /// Removes all answers, the damaged ones too, and says how many. What is still being written stays.
    pub(crate) fn clear(&self) -> Result<usize, CacheError> {
        if !is_private(&self.root)? {
            return Ok(0);
        }
        let folder = self.root.join("answers");
        sweep(&folder);
        let mut removed = 0;
        for (_, path) in files(&folder) {
            match fs::remove_file(&path) {
                Ok(()) => removed += 1,
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io_error("remove", &path)(error)),
            }
        }
        Ok(removed)
    }

    /// A folder in it, made where it is missing.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, CacheError> {
        let path = self.root.join(name);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(io_error("create", &path))?;
        is_private(&self.root)?;
        Ok(path)
    }

    fn path(&self, asked: &Asked) -> PathBuf {
        // Two different things asked are never written the same: JSON quotes every part.
        let text = serde_json::json!([asked.resolver, asked.params]).to_string();
        self.root
            .join("answers")
            .join(Digest::of(text.as_bytes()).to_hex())
    }

    /// Removes the oldest answers where there are too many. Another process may be doing the same.
    fn trim(&self, folder: &Path) {
        sweep(folder);
        let mut files = files(folder);
        if files.len() > self.most {
            files.sort();
            for (_, path) in &files[..files.len() - self.most] {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Whether the cache is there; an error where others could write to it.
fn is_private(root: &Path) -> Result<bool, CacheError> {
    let metadata = match fs::symlink_metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        metadata => metadata.map_err(io_error("look at", root))?,
    };
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    if !metadata.is_dir() || !is_ours || metadata.mode() & OTHERS_WRITE != 0 {
        return Err(CacheError::Exposed {
            path: root.to_owned(),
        });
    }
    Ok(true)
}

/// Removes what a process left that was killed while it wrote.
fn sweep(folder: &Path) {
    let is_left = |entry: &fs::DirEntry| {
        entry.file_name().as_encoded_bytes().starts_with(b".")
            && entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > WRITING))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_left(&entry) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The answers in a folder, each with the time of its writing; not what is still being written.
fn files(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect()
}

/// Reads a file; anything but what [`Cache::keep`] wrote is nothing.
fn read(path: &Path) -> Option<Answer> {
    let bytes = fs::read(path).ok()?;
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let (digest, body) = (&bytes[..end], &bytes[end + 1..]);
    if digest != Digest::of(body).to_string().as_bytes() {
        tracing::warn!(path = %path.display(), "an answer in the cache is damaged and not used");
        return None;
    }
    serde_json::from_slice(body)
        .ok()
        .filter(|answer: &Answer| answer.format == FORMAT)
}

pub(crate) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    move |source| CacheError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
