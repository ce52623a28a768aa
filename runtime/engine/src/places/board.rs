//! What is known of open tasks: one list, in the order in which they were opened.
//!
//! It does not lock, nor wait: [`Places`](super::Places) does.

use std::sync::Arc;

use stepwell_contract::{Cancel, Place, StepName, TaskName};
use stepwell_store::Scratch;

use super::held::Held;
use super::{GoOn, Seen, StepState, WorkspacePath};

/// What is open now.
#[derive(Default)]
pub(super) struct Board {
    /// The number that was given last.
    pub(super) last: u64,
    /// As many as tasks run at once, and those that are held: a list is searched faster than a tree.
    pub(super) tasks: Vec<OpenTask>,
    pub(super) held: Vec<Held>,
    /// The run's folder, once the run has ended and something in it is held.
    pub(super) scratch: Option<Arc<Scratch>>,
}

/// A try of a task.
pub(super) struct OpenTask {
    pub(super) number: u64,
    pub(super) task: TaskName,
    pub(super) attempt: u32,
    /// Those that have begun.
    pub(super) steps: Vec<OpenStep>,
    pub(super) workspaces: Arc<[WorkspacePath]>,
    pub(super) over: Cancel,
    pub(super) held: bool,
}

/// A step that has begun.
pub(super) struct OpenStep {
    pub(super) name: StepName,
    pub(super) place: Arc<dyn Place>,
    pub(super) state: StepState,
    /// How it goes on, once somebody has said so.
    pub(super) answer: Option<GoOn>,
}

impl Board {
    pub(super) fn task(&mut self, number: u64) -> Option<&mut OpenTask> {
        self.tasks.iter_mut().find(|task| task.number == number)
    }

    pub(super) fn step(&mut self, number: u64, step: &StepName) -> Option<&mut OpenStep> {
        let steps = &mut self.task(number)?.steps;
        steps.iter_mut().rfind(|known| known.name == *step)
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<OpenTask> {
        let at = self.tasks.iter().position(|task| task.number == number)?;
        Some(self.tasks.remove(at))
    }

    pub(super) fn is_held(&self, number: u64) -> bool {
        let mut tasks = self.tasks.iter();
        tasks.any(|task| task.number == number && task.held)
    }
}

impl OpenTask {
    pub(super) fn seen(&self) -> impl Iterator<Item = Seen> {
        self.steps.iter().map(|step| Seen {
            task: self.task.clone(),
            attempt: self.attempt,
            step: step.name.clone(),
            state: step.state,
            held: self.held,
            place: Arc::clone(&step.place),
            over: self.over.clone(),
            workspaces: Arc::clone(&self.workspaces),
        })
    }
}
