//! Stops a step at a breakpoint until somebody lets it go on, or it is told to stop.

use stepwell_contract::{Cancel, CancelReason, EventKind, StepName};

use super::{Places, StepState, TaskPlaces};
use crate::events::Outlet;

/// Where a step stops for somebody to look into it (Tekton's `debug.breakpoints`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakpoint {
    /// `beforeSteps`: its place is there, and nothing of it has run.
    BeforeStep,
    /// `onFailure`: it has failed.
    OnFailure,
}

/// How a step goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn {
    /// It runs, or counts as one that succeeded: Tekton's `debug-beforestep-continue` and `debug-continue`.
    Continue,
    /// It fails: Tekton's `debug-beforestep-fail-continue` and `debug-fail-continue`.
    Fail,
}

/// How a pause ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paused {
    /// Somebody said how it goes on.
    GoOn(GoOn),
    /// The task is told to stop.
    Stopped(CancelReason),
}

impl TaskPlaces {
    /// Says on `outlet` that `step` stops at `at`, and waits until it may go on or `cancel` is asked for. Blocks.
    pub(crate) fn pause(
        &self,
        step: &StepName,
        at: Breakpoint,
        outlet: &Outlet,
        cancel: &Cancel,
    ) -> Paused {
        let shared = &self.places.0;
        let hook = {
            let places = self.places.clone();
            move || {
                // Whoever is between a look at the request and its sleep has the lock.
                drop(places.board());
                places.0.changed.notify_all();
            }
        };
        let _hook = cancel.on_cancel(hook);
        if let Some(step) = self.places.board().step(self.number, step) {
            step.state = StepState::Paused(at);
            step.answer = None;
        }
        let message = (shared.announce)(&self.task, step, at);
        outlet.step(step, EventKind::Notice { message });
        let mut board = self.places.board();
        loop {
            let Some(open) = board.step(self.number, step) else {
                return Paused::Stopped(cancel.reason().unwrap_or(CancelReason::Asked));
            };
            if let Some(answer) = open.answer.take() {
                open.state = StepState::Running;
                return Paused::GoOn(answer);
            }
            if let Some(reason) = cancel.reason() {
                return Paused::Stopped(reason);
            }
            board = shared
                .changed
                .wait(board)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Places {
    /// Lets the step with this `task`, `attempt` and name go on, which waits at a breakpoint. Says whether it did.
    pub fn go_on(&self, seen: &super::Seen, how: GoOn) -> bool {
        let mut board = self.board();
        let steps = board
            .tasks
            .iter_mut()
            .filter(|task| task.task == seen.task && task.attempt == seen.attempt)
            .flat_map(|task| &mut task.steps);
        let mut paused = steps.filter(|step| {
            step.name == seen.step
                && matches!(step.state, StepState::Paused(_))
                && step.answer.is_none()
        });
        let Some(step) = paused.next() else {
            return false;
        };
        step.answer = Some(how);
        drop(board);
        self.0.changed.notify_all();
        true
    }
}
