//! What `resolve` gives: one run, with nothing left to look up in any document.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_contract::{
    Access, Grants, Limits, ParamValue, ResultDecl, RunName, StepName, TaskName,
};

use crate::source::Span;

/// How long a TaskRun may take that does not say so; Tekton's default.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// One execution of a document: params chosen, references substituted, defaults filled in.
#[derive(Debug, Clone)]
pub struct Run {
    /// The TaskRun's name.
    pub name: RunName,
    /// The Task's name; the run's own where the TaskRun has an inline spec.
    pub task: TaskName,
    /// The TaskRun as a cluster would store it: `apiVersion`, `kind`, `metadata`, `spec`.
    pub document: Arc<Value>,
    /// The Task's spec with every reference substituted (Tekton's `status.taskSpec`).
    pub task_spec: Arc<Value>,
    /// How long one attempt may take; `None` for no bound.
    pub timeout: Option<Duration>,
    /// Every param of the task with its value.
    pub params: BTreeMap<String, ParamValue>,
    /// The workspaces that are bound; an optional one that is not bound is left out.
    pub workspaces: Vec<Workspace>,
    /// The results that the task declares.
    pub results: Vec<ResultDecl>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Whether a step refers to the exit code file of another (`$(steps.step-x.exitCode.path)`), so that those files
    /// have to be written.
    pub reads_exit_codes: bool,
}

/// A workspace of the task and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its name in the task.
    pub name: Arc<str>,
    /// Where steps see it: absolute, normalised.
    pub mount_path: Arc<str>,
    /// What steps may do with it.
    pub access: Access,
    /// What stands behind it.
    pub source: WorkspaceSource,
}

/// What stands behind a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceSource {
    /// A folder of the user's, as given with `-w`, and a folder below it (`subPath`).
    Folder {
        /// As given: relative to where the command was started.
        path: PathBuf,
        /// Relative, without `..`.
        sub_path: Option<String>,
    },
    /// A new folder that goes away with the task.
    EmptyDir,
}

/// What to do when a step fails (Tekton's `onError`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Skip the remaining steps and fail the task.
    #[default]
    StopAndFail,
    /// Keep the exit code and go on.
    Continue,
}

/// One step with everything substituted.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name, `unnamed-N` where the document gives none.
    pub name: StepName,
    /// What `image:` says.
    pub image: Arc<str>,
    /// Where it says so, for a diagnostic about the image itself.
    pub image_span: Span,
    /// `command:`; empty where there is none.
    pub command: Vec<String>,
    /// `args:`.
    pub args: Vec<String>,
    /// `script:`, as the file it will become (with Tekton's default first lines where it has no shebang).
    pub script: Option<String>,
    /// `env:` after `stepTemplate` was merged in; names are unique.
    pub env: Vec<(String, String)>,
    /// `workingDir:`.
    pub working_dir: Option<String>,
    /// `timeout:`.
    pub timeout: Option<Duration>,
    /// `onError:`.
    pub on_error: OnError,
    /// What bounds it: defaults, then annotations, then `computeResources.limits.memory`.
    pub limits: Limits,
    /// What it is granted, by annotations and by the caller.
    pub grants: Grants,
}
