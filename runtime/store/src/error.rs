//! What can go wrong in the store, and how to mend it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// How a folder is open to others. A folder that another user could write to is never used: precompiled code is loaded
/// from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exposure {
    /// It is a symbolic link, or no directory at all.
    NotADirectory,
    /// It belongs to another user.
    OtherOwner {
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Its group or everybody may write to it.
    Writable {
        /// Its permission bits.
        mode: u32,
    },
}

impl Exposure {
    /// A command that mends it.
    pub fn mend(self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::NotADirectory => format!("rm {path}"),
            Self::OtherOwner { user, .. } => format!("chown -R {user} {path}"),
            Self::Writable { .. } => format!("chmod 700 {path}"),
        }
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADirectory => f.write_str("it is a symbolic link or no directory"),
            Self::OtherOwner { owner, user } => {
                write!(f, "it belongs to user {owner} and we are user {user}")
            }
            Self::Writable { mode } => {
                write!(f, "its mode {mode:o} lets other users write to it")
            }
        }
    }
}

/// The store could not do its job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A folder of the store is open to others.
    #[error("`{}` is not private: {exposure}; mend it with `{}`", path.display(), exposure.mend(path))]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// How it is open.
        exposure: Exposure,
    },
    /// The file system refused.
    #[error("failed to {doing} `{}`", path.display())]
    Io {
        /// What was being done: completes "failed to …".
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
    /// No run has this id.
    #[error("there is no run `{id}`")]
    NoRun {
        /// The id.
        id: String,
    },
    /// A run that is running cannot be removed.
    #[error("the run `{id}` is running, as process {pid}")]
    RunAlive {
        /// The id.
        id: String,
        /// The process.
        pid: u32,
    },
    /// What a run says of itself makes no sense.
    #[error("failed to understand `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// What a run says of itself was written by another version of Stepwell.
    #[error("`{}` has version {version}, which this Stepwell does not read", path.display())]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The version of the format.
        version: u32,
    },
}

impl StoreError {
    /// Says what was being done to `path`; for `map_err`.
    pub(crate) fn io<E: Into<io::Error>>(
        doing: &'static str,
        path: &Path,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source: source.into(),
        }
    }
}
