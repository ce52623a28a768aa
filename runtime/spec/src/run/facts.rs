//! What a pipeline knows of its tasks while it runs: the one thing that comes in from outside when it makes the next
//! TaskRun.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use stepwell_contract::ParamValue;
use stepwell_contract::event::SkipReason;

use super::pipeline::{PipelineTask, Section};

/// What is known of every task of a pipeline, by its place in [`Pipeline::tasks`](super::Pipeline::tasks).
#[derive(Debug, Clone, Default)]
pub struct Facts {
    tasks: Vec<TaskFact>,
    /// `$(tasks.status)`, until a fact changes: ten thousand tasks of `finally` may ask for it.
    aggregate: OnceLock<TaskStatus>,
}

/// What is known of one task.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum TaskFact {
    /// It has not ended.
    #[default]
    Pending,
    /// It will not run.
    Skipped(SkipReason),
    /// All of its instances have ended.
    Ended {
        /// Whether all of them succeeded.
        succeeded: bool,
        /// Whether it was stopped from outside.
        cancelled: bool,
        /// Tekton's reason: that of the instance that decided.
        reason: Arc<str>,
        /// What each instance left behind, in the order of the rows; one where the task has no matrix.
        results: Arc<[BTreeMap<Arc<str>, ParamValue>]>,
        /// The artifacts of the first instance that left some: Tekton's object with `inputs` and `outputs`.
        artifacts: Option<Arc<Value>>,
    },
}

/// Tekton's words for `$(tasks.NAME.status)` and `$(tasks.status)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStatus {
    /// Every task has succeeded.
    Succeeded,
    /// One has failed.
    Failed,
    /// None has failed, and at least one was skipped.
    Completed,
    /// It has not run, or not to its end.
    None,
}

impl TaskStatus {
    /// Tekton's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Completed => "Completed",
            Self::None => "None",
        }
    }
}

impl TaskFact {
    /// `$(tasks.NAME.status)`.
    pub fn status(&self) -> TaskStatus {
        match self {
            Self::Pending | Self::Skipped(_) => TaskStatus::None,
            Self::Ended { succeeded, .. } if *succeeded => TaskStatus::Succeeded,
            Self::Ended { .. } => TaskStatus::Failed,
        }
    }
}

impl From<Vec<TaskFact>> for Facts {
    fn from(tasks: Vec<TaskFact>) -> Self {
        Self {
            tasks,
            aggregate: OnceLock::new(),
        }
    }
}

impl Facts {
    /// What is known of `tasks` tasks before anything has run.
    pub fn new(tasks: usize) -> Self {
        vec![TaskFact::Pending; tasks].into()
    }

    /// What is known of the task at `task`; of one that is not there, that it has not ended.
    pub fn of(&self, task: usize) -> &TaskFact {
        self.tasks.get(task).unwrap_or(&TaskFact::Pending)
    }

    /// Notes what is known of the task at `task` from now on.
    pub fn set(&mut self, task: usize, fact: TaskFact) {
        if let Some(known) = self.tasks.get_mut(task) {
            *known = fact;
            self.aggregate = OnceLock::new();
        }
    }

    /// `$(tasks.status)`: of all tasks that are not `finally`, when all of them have settled. `tasks` are those of the
    /// pipeline that these facts are about.
    pub fn aggregate(&self, tasks: &[PipelineTask]) -> TaskStatus {
        *self.aggregate.get_or_init(|| self.sum(tasks))
    }

    fn sum(&self, tasks: &[PipelineTask]) -> TaskStatus {
        let settled = tasks
            .iter()
            .zip(&self.tasks)
            .filter(|(task, _)| task.section == Section::Tasks)
            .map(|(_, fact)| fact);
        let mut status = TaskStatus::Succeeded;
        for fact in settled {
            match (fact, fact.status()) {
                (TaskFact::Pending, _) => return TaskStatus::None,
                (_, TaskStatus::Failed) => status = TaskStatus::Failed,
                (TaskFact::Skipped(_), _) if status == TaskStatus::Succeeded => {
                    status = TaskStatus::Completed;
                }
                _ => {}
            }
        }
        status
    }
}
