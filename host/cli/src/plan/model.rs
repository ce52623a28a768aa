//! What a person wants to know of a resolved run, the same for every format; `-o json` prints it as it stands here.
//!
//! `build` makes it.

use serde::Serialize;

/// What a run would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    /// `PipelineRun` or `TaskRun`.
    pub(crate) kind: &'static str,
    /// The run's name.
    pub(crate) name: String,
    /// The Pipeline's or the Task's name.
    pub(crate) of: String,
    /// How long it may take; nothing where there is no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
    /// How long all tasks, and all of `finally`, may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tasks_timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finally_timeout: Option<String>,
    /// Its tasks, those of `finally` last.
    pub(crate) tasks: Vec<Task>,
}

/// A task of a pipeline, or the only one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
    /// Its name in the pipeline.
    pub(crate) name: String,
    /// What events call it.
    pub(crate) key: String,
    /// Whether it is one of `finally`.
    pub(crate) finally: bool,
    /// How many tasks have to settle one after the other before it.
    pub(crate) depth: usize,
    /// The tasks that it runs after because it says so.
    pub(crate) run_after: Vec<String>,
    /// The tasks whose results it uses.
    pub(crate) results_of: Vec<String>,
    /// Its conditions.
    pub(crate) when: Vec<String>,
    /// How often it is tried again.
    pub(crate) retries: u32,
    /// Whether the pipeline goes on when it fails.
    pub(crate) goes_on: bool,
    /// Whether it has a matrix.
    pub(crate) matrix: bool,
    /// What runs for it: one, or one for each row that is known.
    pub(crate) rows: Vec<Row>,
}

/// One thing that runs for a task.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// What the matrix gives this row.
    pub(crate) params: Vec<(String, String)>,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What runs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum What {
    /// A TaskRun.
    Task {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout: Option<String>,
        hermetic: bool,
        workspaces: Vec<Mounted>,
        volumes: Vec<Mounted>,
        sidecars: Vec<StepPlan>,
        steps: Vec<StepPlan>,
    },
    /// A nested PipelineRun.
    Pipeline(Box<Plan>),
    /// A TaskRun that would fail before it starts, and why.
    Broken(String),
}

/// A workspace or a volume, and what stands behind it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mounted {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) read_only: bool,
}

/// A step.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StepPlan {
    pub(crate) name: String,
    pub(crate) image: String,
    /// The file with its code; nothing where it cannot be run here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// What runs in place of the image, where something stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) runs: Option<String>,
    /// What an image of a registry was when it was last looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// What kind of image it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) substituted_by: Option<String>,
    pub(crate) grants: Vec<String>,
    /// The limits that are not as they are by default.
    pub(crate) limits: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
    pub(crate) goes_on: bool,
    /// Whether it has conditions that are looked at when its turn comes.
    pub(crate) conditional: bool,
}
