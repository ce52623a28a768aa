//! The places of steps, for whoever looks into them from outside: known while their task is open, held after a failure
//! where that is wanted, and stopped at breakpoints.
//!
//! In: a task's thread says what it opens, runs and gives up (`TaskPlaces`). Out: what is there to look into
//! ([`Places::list`]). It does not know who looks, nor how: whoever opens a shell in a place does that with the place.

mod board;
mod held;
mod pause;
mod seat;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use stepwell_contract::{Cancel, CancelReason, Place, StepName, TaskName};

use board::{Board, OpenStep, OpenTask};

pub(crate) use held::{Held, close_scopes};
pub(crate) use pause::Paused;
pub use pause::{Breakpoint, GoOn};
pub(crate) use seat::Entered;
use seat::Seat;

/// What to tell of a step that stops at a breakpoint: how it is looked into and goes on.
pub type Announce = dyn Fn(&TaskName, &StepName, Breakpoint) -> String + Send + Sync;

/// A workspace of a task, by its name, and where its files are on this machine.
pub type WorkspacePath = (Arc<str>, PathBuf);

/// The places of a run's steps. Clones are the same places.
#[derive(Clone)]
pub struct Places(Arc<Shared>);

struct Shared {
    keep: bool,
    announce: Box<Announce>,
    board: Mutex<Board>,
    /// A step may go on, or somebody gave up.
    changed: Condvar,
}

/// What a step is doing, for whoever wants to look into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepState {
    /// It runs.
    Running,
    /// It waits at a breakpoint.
    Paused(Breakpoint),
    /// It has ended; its task is still there.
    Ended {
        /// Whether it failed.
        failed: bool,
    },
}

/// A step that can be looked into.
#[derive(Clone)]
pub struct Seen {
    /// Its task.
    pub task: TaskName,
    /// Which try of the task, from 0.
    pub attempt: u32,
    /// The step.
    pub step: StepName,
    /// What it is doing.
    pub state: StepState,
    /// Whether its task has failed and is held for somebody to look into.
    pub held: bool,
    /// Where it runs, or ran.
    pub place: Arc<dyn Place>,
    /// Asked for when the place goes away: whatever is done in there has to end.
    pub over: Cancel,
    /// The workspaces of its task.
    pub workspaces: Arc<[WorkspacePath]>,
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places")
            .field("keep", &self.0.keep)
            .finish_non_exhaustive()
    }
}

impl Places {
    /// No places yet. `keep` is whether those of a task that failed are held until [`Places::close`]; `announce` gives the
    /// words for a step that stops.
    pub fn new(
        keep: bool,
        announce: impl Fn(&TaskName, &StepName, Breakpoint) -> String + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            keep,
            announce: Box::new(announce),
            board: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Every step that can be looked into now, in the order in which they began.
    pub fn list(&self) -> Vec<Seen> {
        let board = self.board();
        board.tasks.iter().flat_map(OpenTask::seen).collect()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing in here panics half-way through a change.
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task is open, and its steps are about to run.
    pub(crate) fn open(
        &self,
        task: TaskName,
        attempt: u32,
        workspaces: Vec<WorkspacePath>,
    ) -> TaskPlaces {
        let mut board = self.board();
        board.last += 1;
        let number = board.last;
        board.tasks.push(OpenTask {
            number,
            task: task.clone(),
            attempt,
            steps: Vec::new(),
            workspaces: workspaces.into(),
            over: Cancel::new(),
            held: false,
        });
        drop(board);
        TaskPlaces {
            places: self.clone(),
            task,
            number,
            entered: Entered::default(),
        }
    }
}

/// The places of one try of a task, as its thread says them.
pub(crate) struct TaskPlaces {
    places: Places,
    task: TaskName,
    number: u64,
    entered: Entered,
}

impl TaskPlaces {
    /// Says whether somebody opened a shell in the task, from its opening on.
    pub(crate) fn entered(&self) -> Entered {
        Arc::clone(&self.entered)
    }

    /// Whether a failed task is held.
    pub(crate) fn keeps(&self) -> bool {
        self.places.0.keep
    }

    /// `step` has a place, and is about to run there.
    pub(crate) fn enter(&self, step: &StepName, place: Arc<dyn Place>) {
        let place = Arc::new(Seat {
            place,
            entered: self.entered(),
        });
        let mut board = self.places.board();
        if let Some(task) = board.task(self.number) {
            task.steps.push(OpenStep {
                name: step.clone(),
                place,
                state: StepState::Running,
                answer: None,
            });
        }
    }

    /// `step` has ended.
    pub(crate) fn leave(&self, step: &StepName, failed: bool) {
        let mut board = self.places.board();
        if let Some(step) = board.step(self.number, step) {
            step.state = StepState::Ended { failed };
        }
    }

    /// The task is about to be closed: whoever looks into it has to end. A second time changes nothing.
    pub(crate) fn close(&self) {
        let mut board = self.places.board();
        let gone = board.remove(self.number);
        drop(board);
        // Outside the lock: hooks run here, and places may be dropped.
        if let Some(task) = gone {
            task.over.cancel(CancelReason::Asked);
        }
    }
}

impl Drop for TaskPlaces {
    /// The thread may be gone without a word.
    fn drop(&mut self) {
        let board = self.places.board();
        let held = board.is_held(self.number);
        drop(board);
        if !held {
            self.close();
        }
    }
}
