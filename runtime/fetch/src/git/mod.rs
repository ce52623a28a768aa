//! The resolver `git`: a file of a repository, at a commit.
//!
//! It does not know the protocols or formats of git: the user's own `git` does the work, fenced in by `fence.rs`. A commit is
//! fetched into a bare repository of the cache and the file is read from there, as an object: nothing is ever checked out,
//! so links, hooks, filters and submodules have no chance to mean anything.

mod error;
mod fence;
mod lock;
mod place;
mod repository;

use std::{path::Path, time::Instant};

pub use error::GitError;

use crate::{
    cache::Asked,
    error::ParamError,
    fetcher::{FetchOptions, Fetched},
    params::Params,
    text::text,
};
use fence::Fence;
use place::{Place, Revision};
use repository::Repository;

pub(crate) use repository::clear;

/// What to get.
#[derive(Debug)]
pub(crate) struct Request {
    place: Place,
    revision: Revision,
    /// Inside of the repository, in the plainest form.
    path: String,
}

impl Request {
    pub(crate) fn read(params: Params<'_>) -> Result<Self, ParamError> {
        Ok(Self {
            place: Place::read(params)?,
            revision: Revision::read(params)?,
            path: place::path(params)?,
        })
    }

    /// Whether the repository is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.place.is_local()
    }

    pub(crate) fn asked(&self) -> Asked {
        let params = [
            ("url", self.place.url()),
            ("revision", self.revision.as_str()),
            ("pathInRepo", &self.path),
        ];
        Asked::new("git", self.revision.is_commit(), &params)
    }

    pub(crate) fn fetch(&self, folder: &Path, options: &FetchOptions) -> Result<Fetched, GitError> {
        let deadline = Instant::now() + options.limits.time;
        let fence = Fence::new(options, deadline)?;
        let repository = Repository::open(folder, &self.place, &fence, &options.limits)?;
        let commit = repository.fetch(&self.revision)?;
        let bytes = repository.read(&commit, &self.path)?;
        let url = self.place.url();
        Ok(Fetched {
            name: format!("{url}@{commit}:{}", self.path),
            text: text(bytes)?,
            provenance: serde_json::json!({
                "uri": format!("git+{}", self.place.uri()),
                "digest": { "sha1": commit },
                "entryPoint": self.path,
            }),
        })
    }
}
