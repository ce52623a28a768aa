//! A bare repository of the cache: commits are fetched into it, files are read from it.
//!
//! ```text
//! git/
//!   HASH/          one for each URL, named by its digest
//!   HASH.lock      held by whoever works on it
//! ```
//!
//! It does not know the cache of answers above it. Whatever is wrong with a repository, it is thrown away and made anew.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use stepwell_contract::Digest;
use stepwell_registry::program::{ProgramError, Said};

use super::{
    error::GitError,
    fence::{ANSWER_BYTES, Fence},
    lock::Lock,
    place::{Place, Revision},
};
use crate::limits::FetchLimits;

/// Where what was asked for is noted in the repository.
const FETCHED: &str = "refs/stepwell/fetched";

/// A repository, locked.
#[derive(Debug)]
pub(super) struct Repository<'a> {
    path: PathBuf,
    place: &'a Place,
    fence: &'a Fence,
    limits: &'a FetchLimits,
    _lock: Lock,
}

impl<'a> Repository<'a> {
    /// Waits for the repository of this place in `folder`.
    pub(super) fn open(
        folder: &Path,
        place: &'a Place,
        fence: &'a Fence,
        limits: &'a FetchLimits,
    ) -> Result<Self, GitError> {
        let name = Digest::of(place.url().as_bytes()).to_hex();
        let path = folder.join(&name);
        let lock_path = folder.join(format!("{name}.lock"));
        let lock = Lock::wait(&lock_path, fence.deadline())
            .map_err(|source| GitError::Io {
                doing: "lock",
                path: lock_path,
                source,
            })?
            .ok_or_else(|| GitError::Busy {
                url: place.url().to_owned(),
            })?;
        let repository = Self {
            path,
            place,
            fence,
            limits,
            _lock: lock,
        };
        if !repository.path.exists() {
            trim(folder, limits.repositories.saturating_sub(1));
        }
        Ok(repository)
    }

    /// Makes sure that a revision is there, and says which commit it is.
    pub(super) fn fetch(&self, revision: &Revision) -> Result<String, GitError> {
        let is_old = self.path.exists();
        if is_old
            && revision.is_commit()
            && let Ok(commit) = self.commit(revision.as_str(), revision)
        {
            return Ok(commit);
        }
        let first = self.fetch_one(revision);
        // A repository that somebody was killed in may be of no use: the second attempt is with a new one.
        let fetched = match first {
            Err(GitError::Refused { .. }) if is_old => {
                self.remove()?;
                self.fetch_one(revision)
            }
            first => first,
        };
        match fetched {
            Ok(()) => self.commit(FETCHED, revision),
            // Some servers do not hand out commits by name, and none does by its first digits.
            Err(error @ (GitError::NoRevision { .. } | GitError::Refused { .. }))
                if revision.is_short_commit() =>
            {
                self.remove()?;
                self.fetch_all(revision).map_err(|_| error)?;
                self.commit(revision.as_str(), revision)
            }
            Err(error) => {
                self.remove()?;
                Err(error)
            }
        }
    }

    /// Reads a file at a commit, from the repository's objects.
    pub(super) fn read(&self, commit: &str, path: &str) -> Result<Vec<u8>, GitError> {
        let url = || self.place.url().to_owned();
        let not_a_file = |what| GitError::NotAFile {
            url: url(),
            path: path.to_owned(),
            what,
        };
        let said = self.git(
            "read",
            &["ls-tree", "-z", "-l", "--full-tree", commit, "--", path],
            ANSWER_BYTES,
        )?;
        let listing = String::from_utf8_lossy(&said.output);
        let mut words = listing.split_ascii_whitespace();
        let (Some(mode), Some(_), Some(object), Some(size)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(GitError::NoFile {
                url: url(),
                commit: commit.to_owned(),
                path: path.to_owned(),
            });
        };
        match mode {
            "100644" | "100755" | "100664" => {}
            "120000" => return Err(not_a_file("a symbolic link")),
            "160000" => return Err(not_a_file("a submodule")),
            _ => return Err(not_a_file("a folder")),
        }
        let most = self.limits.document;
        if size.parse::<u64>().is_ok_and(|size| size <= most) {
            return Ok(self
                .git("read", &["cat-file", "blob", object], most)?
                .output);
        }
        Err(GitError::TooLarge {
            url: url(),
            path: path.to_owned(),
            most,
        })
    }

    fn fetch_one(&self, revision: &Revision) -> Result<(), GitError> {
        let refspec = format!("+{}:{FETCHED}", revision.as_str());
        self.fetch_refs(revision, &["--depth=1"], &[&refspec])
    }

    fn fetch_all(&self, revision: &Revision) -> Result<(), GitError> {
        let refspecs = [
            "+refs/heads/*:refs/stepwell/heads/*",
            "+refs/tags/*:refs/stepwell/tags/*",
        ];
        self.fetch_refs(revision, &[], &refspecs)
    }

    fn fetch_refs(
        &self,
        revision: &Revision,
        options: &[&str],
        refspecs: &[&str],
    ) -> Result<(), GitError> {
        if !self.path.exists() {
            self.git(
                "make a copy of",
                &["init", "--bare", "--quiet", "--template="],
                ANSWER_BYTES,
            )?;
        }
        let always = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-gc",
        ];
        let arguments: Vec<&str> = always
            .iter()
            .chain(options)
            .chain(&["--", self.place.url()])
            .chain(refspecs)
            .copied()
            .collect();
        let most = self.limits.repository;
        let is_small = || pack_bytes(&self.path) <= most;
        let too_large = || GitError::RepositoryTooLarge {
            url: self.place.url().to_owned(),
            most,
        };
        let said = match self
            .fence
            .git(&self.path, &arguments, ANSWER_BYTES, &is_small)
        {
            Err(ProgramError::Stopped(_)) => return Err(too_large()),
            said => said.map_err(|error| self.program("fetch", error))?,
        };
        if !said.status.success() {
            return Err(self.refused("fetch", &said, revision));
        }
        // It may have been faster than anybody looked.
        if is_small() { Ok(()) } else { Err(too_large()) }
    }

    /// The whole name of a commit.
    fn commit(&self, name: &str, revision: &Revision) -> Result<String, GitError> {
        let peeled = format!("{name}^{{commit}}");
        let arguments = [
            "rev-parse",
            "--quiet",
            "--verify",
            "--end-of-options",
            &peeled,
        ];
        let said = self
            .fence
            .git(&self.path, &arguments, ANSWER_BYTES, &|| true)
            .map_err(|error| self.program("read", error))?;
        let commit = String::from_utf8_lossy(&said.output).trim().to_owned();
        if said.status.success()
            && commit.bytes().all(|c| c.is_ascii_hexdigit())
            && !commit.is_empty()
        {
            return Ok(commit);
        }
        Err(self.no_revision(revision))
    }

    /// Runs a command that has no reason to fail.
    fn git(&self, doing: &'static str, arguments: &[&str], output: u64) -> Result<Said, GitError> {
        let said = self
            .fence
            .git(&self.path, arguments, output, &|| true)
            .map_err(|error| self.program(doing, error))?;
        if said.status.success() {
            return Ok(said);
        }
        Err(GitError::Refused {
            doing,
            url: self.place.url().to_owned(),
            complaint: said.complaint,
        })
    }

    fn program(&self, doing: &'static str, error: ProgramError) -> GitError {
        match error {
            ProgramError::Missing(_) => GitError::Missing,
            source => GitError::Program {
                doing,
                url: self.place.url().to_owned(),
                source,
            },
        }
    }

    /// Tells what is wrong from git's own words, which are English because we asked for that.
    fn refused(&self, doing: &'static str, said: &Said, revision: &Revision) -> GitError {
        let url = self.place.url().to_owned();
        let complaint = said.complaint.clone();
        let says = |words: &[&str]| words.iter().any(|words| complaint.contains(words));
        if says(&[
            "couldn't find remote ref",
            "not our ref",
            "unadvertised object",
            "no such remote ref",
        ]) {
            return self.no_revision(revision);
        }
        if says(&[
            "could not read Username",
            "could not read Password",
            "Authentication failed",
        ]) {
            return GitError::Login { url };
        }
        if says(&["dubious ownership"]) {
            return GitError::OtherOwner { url };
        }
        if says(&[
            "does not appear to be a git repository",
            "does not exist",
            "not found",
        ]) {
            return GitError::NoRepository { url };
        }
        GitError::Refused {
            doing,
            url,
            complaint,
        }
    }

    fn no_revision(&self, revision: &Revision) -> GitError {
        GitError::NoRevision {
            url: self.place.url().to_owned(),
            revision: revision.as_str().to_owned(),
        }
    }

    fn remove(&self) -> Result<(), GitError> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(GitError::Io {
                doing: "remove",
                path: self.path.clone(),
                source: error,
            }),
            _ => Ok(()),
        }
    }
}

/// What the packs of a repository take, half-written ones included.
fn pack_bytes(repository: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(repository.join("objects/pack")) else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

/// Removes all repositories in `folder` but those in use, and says how many.
pub(crate) fn clear(folder: &Path) -> usize {
    trim(folder, 0)
}

/// Removes the repositories that were not used for the longest time, until no more than `most` are left. One that is in use
/// stays. Says how many it removed.
fn trim(folder: &Path, most: usize) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let mut repositories: Vec<(SystemTime, PathBuf, PathBuf)> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none())
        .map(|path| {
            let lock = path.with_extension("lock");
            let used = lock.metadata().and_then(|metadata| metadata.modified());
            (used.unwrap_or(SystemTime::UNIX_EPOCH), path, lock)
        })
        .collect();
    repositories.sort();
    let surplus = repositories.len().saturating_sub(most);
    let oldest = repositories.iter().take(surplus);
    oldest
        .filter(|(_, path, lock)| {
            let held = Lock::try_now(lock);
            // Another time will do as well.
            matches!(held, Ok(Some(_))) && fs::remove_dir_all(path).is_ok()
        })
        .count()
}
