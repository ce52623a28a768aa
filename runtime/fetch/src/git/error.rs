//! Why a file of a repository cannot be had. It does not know which document wanted it.

use std::{io, path::PathBuf};

use stepwell_registry::program::ProgramError;

use crate::text::NotText;

/// A file of a repository cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// Nobody installed it.
    #[error(
        "there is no `git` here, which the resolver needs; install it, as with `apt-get install git` or `brew install git`"
    )]
    Missing,
    /// It did not come to its end.
    #[error("failed to {doing} `{url}`")]
    Program {
        /// Completes "failed to …".
        doing: &'static str,
        /// The repository.
        url: String,
        /// Why.
        #[source]
        source: ProgramError,
    },
    /// It says that it cannot.
    #[error("failed to {doing} `{url}`: git says: {complaint}")]
    Refused {
        /// Completes "failed to …".
        doing: &'static str,
        /// The repository.
        url: String,
        /// What it says.
        complaint: String,
    },
    /// It wants a login.
    #[error(
        "`{url}` is not there or wants a login, and none is asked for here; clone it yourself and name the folder, or use its `ssh` URL"
    )]
    Login {
        /// The repository.
        url: String,
    },
    /// It is somebody else's, whose settings git does not trust.
    #[error(
        "`{url}` belongs to another user, and git does not read what others could have prepared; clone it into a folder of your own and name that"
    )]
    OtherOwner {
        /// The repository.
        url: String,
    },
    /// There is no such repository.
    #[error("there is no repository `{url}`")]
    NoRepository {
        /// Where it should be.
        url: String,
    },
    /// There is no such branch, tag or commit.
    #[error("`{url}` has no branch, tag or commit `{revision}`")]
    NoRevision {
        /// The repository.
        url: String,
        /// What was looked for.
        revision: String,
    },
    /// There is no such file.
    #[error("`{url}` has no file `{path}` at {commit}")]
    NoFile {
        /// The repository.
        url: String,
        /// The commit.
        commit: String,
        /// What was looked for.
        path: String,
    },
    /// There is something else.
    #[error("`{path}` of `{url}` is {what}, and not a file")]
    NotAFile {
        /// The repository.
        url: String,
        /// What was looked for.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// The file is too large.
    #[error("`{path}` of `{url}` has more than {most} bytes")]
    TooLarge {
        /// The repository.
        url: String,
        /// The file.
        path: String,
        /// The most it may have.
        most: u64,
    },
    /// The repository is too large.
    #[error(
        "`{url}` takes more than {most} bytes on disk and was removed again; clone it yourself and name the folder"
    )]
    RepositoryTooLarge {
        /// The repository.
        url: String,
        /// The most it may take.
        most: u64,
    },
    /// Another process fetches from it, for too long.
    #[error("failed to wait for another process that fetches `{url}`")]
    Busy {
        /// The repository.
        url: String,
    },
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
    /// It is no text.
    #[error(transparent)]
    NotText(#[from] NotText),
}

impl GitError {
    pub(crate) fn is_document(&self) -> bool {
        matches!(
            self,
            Self::NoRepository { .. }
                | Self::NoRevision { .. }
                | Self::NoFile { .. }
                | Self::NotAFile { .. }
                | Self::TooLarge { .. }
                | Self::NotText(_)
        )
    }
}
