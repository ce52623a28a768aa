//! Where the sidecars of a task are in their lives, and who waits for that.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where a sidecar is in its life:
///
/// ```text
/// Starting ──→ Running ──→ Ready
///     └───────────┴──────────┴──→ Ended
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    /// Its program does not run yet.
    Starting,
    /// Its program runs.
    Running,
    /// The steps need not wait for it.
    Ready,
    /// It has ended.
    Ended,
}

impl Life {
    /// Whether no step waits for it.
    pub(super) fn is_settled(self) -> bool {
        self >= Self::Ready
    }
}

/// The lives of all sidecars of a task.
#[derive(Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lives: Vec<Life>,
    /// How many threads do something for them.
    threads: usize,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more sidecar: its number.
    pub(super) fn add(&self) -> usize {
        let mut state = self.state();
        state.lives.push(Life::Starting);
        state.lives.len() - 1
    }

    /// A sidecar goes on in its life; back it does not go.
    pub(super) fn set(&self, index: usize, life: Life) {
        let mut state = self.state();
        let now = &mut state.lives[index];
        *now = life.max(*now);
        drop(state);
        self.wake();
    }

    /// One more thread does something.
    pub(super) fn enter(&self) {
        self.state().threads += 1;
    }

    /// A thread has done it.
    pub(super) fn leave(&self) {
        self.state().threads -= 1;
        self.wake();
    }

    /// Has everybody who waits look again.
    pub(super) fn wake(&self) {
        // Whoever looks now has the lock, and waits before it is given up.
        drop(self.state());
        self.changed.notify_all();
    }

    /// Waits until `done` says so of all lives.
    pub(super) fn wait(&self, mut done: impl FnMut(&[Life]) -> bool) {
        let state = self.state();
        let waiting = |state: &mut State| !done(&state.lives);
        drop(
            self.changed
                .wait_while(state, waiting)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Waits until no thread does anything any more: whether it came to that within `patience`.
    pub(super) fn wait_for_threads(&self, patience: Duration) -> bool {
        let waiting = |state: &mut State| state.threads > 0;
        let waited = self
            .changed
            .wait_timeout_while(self.state(), patience, waiting);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_goes_on_and_never_back() {
        let board = Board::default();
        let (first, second) = (board.add(), board.add());
        board.set(first, Life::Ended);
        // Heard late.
        board.set(first, Life::Ready);
        board.set(second, Life::Running);
        board.wait(|lives| lives == [Life::Ended, Life::Running]);
        assert!(Life::Ended.is_settled() && !Life::Running.is_settled());
    }

    #[test]
    fn threads_are_waited_for() {
        let board = Board::default();
        assert!(board.wait_for_threads(Duration::ZERO));
        board.enter();
        assert!(!board.wait_for_threads(Duration::ZERO));
        board.leave();
        assert!(board.wait_for_threads(Duration::ZERO));
    }
}
