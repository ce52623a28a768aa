//! What the command line adds to the documents.

use std::path::PathBuf;

use crate::run::Remote;

/// What to run, and with what.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Which Task, TaskRun, Pipeline or PipelineRun, by name; needed where the files hold several.
    pub task: Option<String>,
    /// Params by name (`-p`). A string is taken as it is; an array is JSON or `a,b`; an object is JSON or `k=v,l=w`.
    pub params: Vec<(String, String)>,
    /// Folders by the name of the workspace that they are bound to (`-w`).
    pub workspaces: Vec<(String, PathBuf)>,
    /// Settings for the limits of every step (`--limit`), such as `memory=64Mi`. They come after all others.
    pub limits: Vec<String>,
    /// Settings for the grants of every step (`--grant`), such as `clock=real`. They come after all others.
    pub grants: Vec<String>,
    /// What was fetched for references with a `resolver`.
    pub remotes: Vec<Remote>,
    /// What makes this run different from every other.
    pub identity: Identity,
}

/// What a cluster would make up for a new object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Five lower-case letters and digits that end a generated name.
    pub suffix: String,
    /// The object's `metadata.uid`.
    pub uid: String,
}
