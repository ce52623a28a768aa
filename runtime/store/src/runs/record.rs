//! `run.json`: what a reader has to know of a run before it reads anything else.

use serde::{Deserialize, Serialize};

/// The version that is written and read. It changes when a field means something else; a new field is no new version.
pub(super) const VERSION: u32 = 1;

/// A run, in a few hundred bytes. The JSON form is a public interface: `docs/reference/runs.md` describes it, and a test
/// compares the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// Of this format: 1.
    pub version: u32,
    /// What the run is called here.
    pub id: String,
    /// The name of the TaskRun or PipelineRun.
    pub name: String,
    /// `TaskRun` or `PipelineRun`.
    pub kind: String,
    /// The process that runs it, or did.
    pub pid: u32,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended; `None` while it runs, and where it died.
    pub ended_ms: Option<u64>,
    /// Whether it has ended and its process still holds what failed, for somebody to look into.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    /// How it ended; `None` as long as it has not, and where Stepwell itself could not go on.
    pub verdict: Option<RunVerdict>,
    /// The files that were given, as they were given.
    pub files: Vec<String>,
    /// The version of Stepwell.
    pub stepwell: String,
}

/// How a run ended, in Tekton's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunVerdict {
    /// Whether it succeeded.
    pub succeeded: bool,
    /// A word, such as `Succeeded`.
    pub reason: String,
    /// A sentence.
    pub message: String,
}
