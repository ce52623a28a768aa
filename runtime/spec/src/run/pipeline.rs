//! One PipelineRun: its graph, and what makes the TaskRuns of a task once the tasks before it have ended.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_contract::event::Verdict;
use stepwell_contract::{ParamValue, RunName, TaskName};

use super::facts::Facts;
use super::remote::RemoteRef;
use super::task::{OnError, TaskRun};
use crate::resolve::Recipe;

/// One execution of a Pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The PipelineRun's name.
    pub name: RunName,
    /// The Pipeline's name; the run's own where its spec is inline.
    pub pipeline: Arc<str>,
    /// For a nested pipeline, the task of the pipeline around it, as events name it.
    pub parent: Option<TaskName>,
    /// What a person calls it, where the task that it is says so.
    pub display_name: Option<Arc<str>>,
    /// The PipelineRun as a cluster would store it: `apiVersion`, `kind`, `metadata`, `spec`.
    pub object: Arc<Value>,
    /// The Pipeline's spec with params and context filled in (Tekton's `status.pipelineSpec`).
    pub spec: Arc<Value>,
    /// Where the Pipeline came from; `None` for the given files.
    pub provenance: Option<Arc<Value>>,
    /// How long it and its two parts may take.
    pub timeouts: Timeouts,
    /// What `spec.status` asks for.
    pub status: Option<RequestedStatus>,
    /// Its tasks in the order of the document, those of `finally` last.
    pub tasks: Vec<PipelineTask>,
    /// Every value of every Secret that the documents hold.
    pub secrets: Arc<[Arc<str>]>,
    /// What its TaskRuns are made from.
    pub(crate) recipe: Arc<Recipe>,
}

/// How long a pipeline and its parts may take; `None` for no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// The whole.
    pub pipeline: Option<Duration>,
    /// All tasks that are not `finally`, from the start of the run.
    pub tasks: Option<Duration>,
    /// All tasks of `finally`, from the start of the first.
    pub finally: Option<Duration>,
}

/// What a PipelineRun or somebody from outside asks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedStatus {
    /// Stop everything; `finally` does not run.
    Cancelled,
    /// Stop what runs, then run `finally`.
    CancelledRunFinally,
    /// Let what runs come to its end, begin nothing new, then run `finally`.
    StoppedRunFinally,
    /// Do not begin.
    Pending,
}

/// Which part of a pipeline a task is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `tasks`
    Tasks,
    /// `finally`
    Finally,
}

/// One task of a pipeline, as the scheduler sees it.
#[derive(Debug, Clone)]
pub struct PipelineTask {
    /// The pipeline task's name.
    pub name: Arc<str>,
    /// What events call it when it is skipped: [`TaskRun::task`] without the row.
    pub key: TaskName,
    /// Where it is.
    pub section: Section,
    /// The tasks that have to settle before it: places in [`Pipeline::tasks`], each once, in order. For a task of
    /// `finally` empty.
    pub parents: Vec<usize>,
    /// Those among `parents`, or for `finally` among all tasks, whose results it refers to.
    pub result_parents: Vec<usize>,
    /// How often each of its instances is tried again.
    pub retries: u32,
    /// What its failure means for the pipeline.
    pub on_error: OnError,
    /// Whether it has a matrix.
    pub matrixed: bool,
}

/// Whether a task's `when` lets it run.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// It does; the expressions as they were evaluated (Tekton's `whenExpressions`).
    True(Vec<Value>),
    /// It does not; the task is skipped.
    False(Vec<Value>),
    /// An expression refers to a result that is not there, and the task is skipped for it.
    ResultsMissing,
    /// It cannot be said, and the whole run fails.
    Broken(Verdict),
}

/// What a task becomes when its turn has come.
#[derive(Debug, Clone)]
pub enum Instances {
    /// These run: one, or one for each row of the matrix, in order.
    Run(Vec<Instance>),
    /// A param refers to a result that is not there, and the task is skipped for it.
    ResultsMissing,
    /// An array of the matrix is empty, and the task is skipped for it.
    EmptyMatrix,
    /// The task's own document has to be fetched: hand it to [`Pipeline::supply`] and ask again.
    Needs(RemoteRef),
    /// It cannot be made, and the whole run fails.
    Broken(Verdict),
}

/// One thing that runs for a task.
#[derive(Debug, Clone)]
pub enum Instance {
    /// A TaskRun.
    Task(Box<TaskRun>),
    /// A PipelineRun, nested.
    Pipeline(Box<Pipeline>),
    /// A TaskRun that fails before it starts: the controller would have made it and found it wrong.
    Broken(Box<Broken>),
}

/// A TaskRun that cannot start.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The TaskRun's name.
    pub name: RunName,
    /// What events call it.
    pub task: TaskName,
    /// The pipeline task that it is an instance of.
    pub pipeline_task: Option<Arc<str>>,
    /// The TaskRun as it would be stored.
    pub document: Arc<Value>,
    /// Why, in Tekton's words.
    pub verdict: Verdict,
}

impl Pipeline {
    /// Whether the `when` of the task at `task` lets it run, now that the tasks it refers to have ended.
    pub fn when(&self, task: usize, facts: &Facts) -> When {
        self.recipe.when(self, task, facts)
    }

    /// The `when` of the task at `task` for when it is skipped without having been asked: references to other tasks stay
    /// as they are written.
    pub fn unasked_when(&self, task: usize) -> Vec<Value> {
        self.recipe.unasked_when(self, task)
    }

    /// What will run for the task at `task`, whatever the tasks before it leave; `None` where that is not known yet.
    pub fn instances_ahead(&self, task: usize) -> Option<Vec<Instance>> {
        self.recipe.instances_ahead(self, task)
    }

    /// What runs for the task at `task`, now that the tasks it refers to have ended.
    pub fn instances(&self, task: usize, facts: &Facts) -> Instances {
        self.recipe.instances(self, task, facts)
    }

    /// What is known without running of what will run for the task at `task`: references to results stay as they are
    /// written, and where the number of rows of a matrix is not known, there is one. What would be stored of a TaskRun
    /// ([`TaskRun::document`], [`TaskRun::task_spec`]) is not made.
    pub fn preview(&self, task: usize) -> Vec<Instance> {
        self.recipe.preview(self, task)
    }

    /// The pipeline's results; one that refers to something that is not there is left out.
    ///
    /// # Errors
    ///
    /// What the run fails with where a result cannot be what the Pipeline says it is.
    pub fn results(&self, facts: &Facts) -> Result<Vec<(Arc<str>, ParamValue)>, Verdict> {
        self.recipe.results(self, facts)
    }

    /// Hands over the document that [`Instances::Needs`] asked for: its `text`, which diagnostics call `name`, and
    /// where it came from.
    ///
    /// # Errors
    ///
    /// What the run fails with where the text is not such a document.
    pub fn supply(
        &mut self,
        reference: &RemoteRef,
        name: &str,
        text: &str,
        provenance: Arc<Value>,
    ) -> Result<(), Verdict> {
        Arc::make_mut(&mut self.recipe).supply(reference, name, text, provenance)
    }
}
