//! One TaskRun: params chosen, references substituted, defaults filled in.
//!
//! Some references can only be filled in when the task runs: results of its earlier steps, and how often it was tried.
//! They stand in the texts of a [`Step`] as they were written, and the step says so ([`Step::is_late`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_contract::{
    Access, Grants, ImagePullPolicy, Limits, ParamValue, Resources, ResultDecl, RunName, Security,
    StepName, TaskName,
};

use super::sidecar::Sidecar;
use super::volume::{MountedVolume, TaskVolume, VolumeSource};
use crate::resolve::late;
use crate::source::Span;

/// One execution of a Task.
#[derive(Debug, Clone)]
pub struct TaskRun {
    /// The TaskRun's name.
    pub name: RunName,
    /// What the task is called in the run, and in no other place: for a TaskRun that runs by itself the Task's name, in a
    /// pipeline the pipeline task's, with `.N` for the row N of a matrix, after `PARENT/` in a nested pipeline.
    pub task: TaskName,
    /// The pipeline task that it is an instance of.
    pub pipeline_task: Option<Arc<str>>,
    /// What a person calls it, where the document says so.
    pub display_name: Option<Arc<str>>,
    /// The TaskRun as a cluster would store it: `apiVersion`, `kind`, `metadata`, `spec`.
    pub document: Arc<Value>,
    /// The Task's spec with every reference substituted but that to the number of the try; see
    /// [`TaskRun::task_spec_of`].
    pub task_spec: Arc<Value>,
    /// Whether the Task stands inside its run, so that what is around reaches in.
    pub inline: bool,
    /// Where the Task came from (Tekton's `status.provenance.refSource`); `None` for the given files.
    pub provenance: Option<Arc<Value>>,
    /// How long one attempt may take; `None` for no bound.
    pub timeout: Option<Duration>,
    /// How often it is tried again after a failure.
    pub retries: u32,
    /// Every param of the task with its value.
    pub params: BTreeMap<String, ParamValue>,
    /// The workspaces that are bound; an optional one that is not bound is left out.
    pub workspaces: Vec<Workspace>,
    /// The volumes that its steps mount, beside the workspaces.
    pub volumes: Vec<TaskVolume>,
    /// The results that the task declares.
    pub results: Vec<ResultDecl>,
    /// The results among them that come from steps: the text of `value`, by the name of the result.
    pub step_results: Vec<(Arc<str>, String)>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Its sidecars, in order.
    pub sidecars: Vec<Sidecar>,
    /// The proxies that its steps reach, by their names.
    pub proxies: Vec<Arc<str>>,
    /// Whether what its steps do is kept (`stepwell.dev/cache`).
    pub cache: CacheSetting,
    /// Whether steps may not have the network, whatever they are granted (`execution-mode: hermetic`).
    pub hermetic: bool,
    /// Whether a step refers to the exit code file of another (`$(steps.step-x.exitCode.path)`), so that those files
    /// have to be written.
    pub reads_exit_codes: bool,
    /// Whether a step refers to artifacts, so that their folders have to be there.
    pub uses_artifacts: bool,
    /// What its `spec.status` asks for; `None` to run.
    pub status: Option<RequestedEnd>,
    /// Where it is to stop for somebody to look into it.
    pub breakpoints: Breakpoints,
    /// Every value of every Secret that the documents hold.
    pub secrets: Arc<[Arc<str>]>,
}

/// Whether what steps do is kept, and done again where they would see the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheSetting {
    /// Where everything that decides what a step does is known.
    #[default]
    Auto,
    /// Also where it is not: the author says that what is not known does not matter.
    On,
    /// Never.
    Off,
}

impl TaskRun {
    /// A run of a task that has no steps, declares nothing and is given nothing.
    pub fn new(name: RunName, task: TaskName) -> Self {
        Self {
            name,
            task,
            pipeline_task: None,
            display_name: None,
            document: Arc::default(),
            task_spec: Arc::default(),
            inline: false,
            provenance: None,
            timeout: None,
            retries: 0,
            params: BTreeMap::new(),
            workspaces: Vec::new(),
            volumes: Vec::new(),
            results: Vec::new(),
            step_results: Vec::new(),
            steps: Vec::new(),
            sidecars: Vec::new(),
            proxies: Vec::new(),
            cache: CacheSetting::Auto,
            hermetic: false,
            reads_exit_codes: false,
            uses_artifacts: false,
            status: None,
            breakpoints: Breakpoints::default(),
            secrets: Arc::from([]),
        }
    }

    /// All that runs in it: its steps, then what its sidecars run.
    pub fn containers(&self) -> impl Iterator<Item = &Step> {
        let sidecars = self.sidecars.iter().map(|sidecar| &sidecar.step);
        self.steps.iter().chain(sidecars)
    }
}

/// Where a TaskRun stops for somebody to look into it (Tekton's `debug.breakpoints`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breakpoints {
    /// After a step that failed.
    pub on_failure: bool,
    /// Before these steps.
    pub before_steps: Vec<Arc<str>>,
}

/// What a TaskRun's own `spec.status` asks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedEnd {
    /// `TaskRunCancelled`, and what `statusMessage` says of it.
    Cancelled(Arc<str>),
    /// `TaskRunPending`: not to begin.
    Pending,
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
    /// Whether only those steps and sidecars see it that ask for it by name.
    pub isolated: bool,
    /// What stands behind it.
    pub source: VolumeSource,
}

/// What to do when a step or a pipeline task fails (Tekton's `onError`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Skip what remains, and fail.
    #[default]
    StopAndFail,
    /// Go on.
    Continue,
}

/// One step with everything substituted that is known before its task runs.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name, `unnamed-N` where the document gives none.
    pub name: StepName,
    /// What `image:` says.
    pub image: Arc<str>,
    /// Where it says so, for a diagnostic about the image itself.
    pub image_span: Span,
    /// `imagePullPolicy:`; where there is none, the reference decides.
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// `command:`; empty where there is none.
    pub command: Vec<String>,
    /// `args:`.
    pub args: Vec<String>,
    /// `script:`, as the file it will become (with Tekton's default first lines where it has no shebang).
    pub script: Option<String>,
    /// `env:` and `envFrom:` after `stepTemplate` was merged in; names are unique.
    pub env: Vec<(String, String)>,
    /// `workingDir:`.
    pub working_dir: Option<String>,
    /// `timeout:`.
    pub timeout: Option<Duration>,
    /// `onError:`.
    pub on_error: OnError,
    /// The isolated workspaces that it sees, and where.
    pub workspaces: Vec<(Arc<str>, Arc<str>)>,
    /// The volumes that it sees.
    pub mounts: Vec<MountedVolume>,
    /// The results that it declares itself.
    pub results: Vec<ResultDecl>,
    /// Where its standard output goes as well.
    pub stdout: Option<Tee>,
    /// Where its standard error goes as well.
    pub stderr: Option<Tee>,
    /// The step's `when`, as JSON; empty where there is none.
    pub when: Vec<Value>,
    /// Whether `$(context.task.retry-count)` is filled in; with a Task that is referred to, Tekton leaves it alone.
    pub retry_count: bool,
    /// Whether [`Step::filled`] has to be asked for before it can run.
    pub is_late: bool,
    /// What bounds it: defaults, then annotations, then `computeResources.limits.memory`.
    pub limits: Limits,
    /// What it is granted, by annotations and by the caller.
    pub grants: Grants,
    /// `securityContext:`, of the step over that of its pod.
    pub security: Security,
    /// `computeResources.limits`.
    pub resources: Resources,
}

impl Step {
    /// A step that runs `image`, named at `image_span`, and says nothing else.
    pub fn new(name: StepName, image: Arc<str>, image_span: Span) -> Self {
        Self {
            name,
            image,
            image_span,
            image_pull_policy: None,
            command: Vec::new(),
            args: Vec::new(),
            script: None,
            env: Vec::new(),
            working_dir: None,
            timeout: None,
            on_error: OnError::default(),
            workspaces: Vec::new(),
            mounts: Vec::new(),
            results: Vec::new(),
            stdout: None,
            stderr: None,
            when: Vec::new(),
            retry_count: true,
            is_late: false,
            limits: Limits::default(),
            grants: Grants::default(),
            security: Security::default(),
            resources: Resources::default(),
        }
    }
}

/// A file that an output of a step goes to as well (`stdoutConfig`, `stderrConfig`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tee {
    /// As the step would name it: absolute, in one of its mounts.
    pub path: String,
}

/// What a task knows of itself when one of its steps is about to begin.
#[derive(Debug, Clone, Copy)]
pub struct StepFacts<'a> {
    /// Which try of the task this is, from 0.
    pub retry_count: u32,
    /// What the steps before it left behind.
    pub steps: &'a [StepOutcome],
}

/// What a step left behind for others to refer to.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutcome {
    /// The step.
    pub name: StepName,
    /// The results that it declares and has written.
    pub results: BTreeMap<Arc<str>, ParamValue>,
    /// Its artifacts as it wrote them: Tekton's object with `inputs` and `outputs`.
    pub artifacts: Option<Value>,
}

impl Step {
    /// Whether the step's `when` lets it run.
    ///
    /// # Errors
    ///
    /// What is wrong with an expression, in Tekton's words.
    pub fn allowed(&self, facts: &StepFacts<'_>) -> Result<bool, String> {
        late::allowed(self, facts)
    }

    /// The step with its late references filled in.
    ///
    /// # Errors
    ///
    /// Which of them refers to something that is not there.
    pub fn filled(&self, facts: &StepFacts<'_>) -> Result<Self, String> {
        late::fill(self, facts)
    }
}

impl TaskRun {
    /// Tekton's `status.taskSpec` of the try with this number, counted from 0. With a Task that is referred to, Tekton
    /// leaves `$(context.task.retry-count)` alone.
    pub fn task_spec_of(&self, attempt: u32) -> Arc<Value> {
        match self.inline {
            true => late::task_spec(&self.task_spec, attempt),
            false => Arc::clone(&self.task_spec),
        }
    }

    /// The task's results that come from its steps (`value: $(steps.s.results.r)`); one whose step has not written it is
    /// left out.
    pub fn results_of_steps(&self, steps: &[StepOutcome]) -> Vec<(Arc<str>, ParamValue)> {
        late::results(self, steps)
    }
}
