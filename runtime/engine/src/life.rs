//! What a task's thread is doing, step by step: the one record that the thread writes and its watcher reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepwell_contract::{Cancel, CancelReason, STOP_PATIENCE, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::capture::Capture;

/// Where a step is in its life:
///
/// ```text
/// Waiting ──→ Running ──→ Done | Failed
///    ├─ cannot begin ───→ Failed
///    └──────────────────→ Skipped
/// ```
///
/// The steps of a task run one after the other, so a step that waits has nothing else to become ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// A step before it has not ended, or it is the first.
    Waiting,
    /// It has begun.
    Running,
    /// It has ended, and the task goes on.
    Done,
    /// It has ended, and the task with it.
    Failed,
    /// It will never begin.
    Skipped,
}

/// A moment, and the time that was given until then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) after: Duration,
}

impl Deadline {
    /// `after` from now; `None` where the clock cannot hold such a moment, which is no bound.
    pub(crate) fn after(after: Duration) -> Option<Self> {
        let at = Instant::now().checked_add(after)?;
        Some(Self { at, after })
    }

    /// The same moment, with the time that is given from now on.
    fn as_seen_now(self) -> Self {
        let after = self.at.saturating_duration_since(Instant::now());
        Self { at: self.at, after }
    }
}

/// The deadline of one stage.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// It comes from the stage itself.
    Own(Deadline),
    /// It is the end of the task's time, or there is none.
    Tasks(Option<Deadline>),
}

impl Bound {
    fn deadline(self) -> Option<Deadline> {
        match self {
            Self::Own(deadline) => Some(deadline),
            Self::Tasks(deadline) => deadline,
        }
    }
}

/// What the watcher has to know of a step that is running.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) index: usize,
    pub(crate) began: Timestamp,
    pub(crate) bound: Bound,
    pub(crate) capture: Arc<Capture>,
}

/// Something that the thread does and that can be told to stop.
#[derive(Clone)]
struct Stage {
    cancel: Cancel,
    deadline: Option<Deadline>,
    /// `None` while the task is being opened.
    running: Option<Running>,
    /// Until when it may take to stop, once it was told to.
    grace: Option<Instant>,
}

struct State {
    lives: Vec<Life>,
    /// `None` between two stages, and while the thread cleans up: that is not stopped.
    stage: Option<Stage>,
    asked: Option<CancelReason>,
    given_up: bool,
}

/// A stage that did not stop, and was given up with the thread that is in it.
pub(crate) struct GivenUp {
    pub(crate) reason: CancelReason,
    /// `None` where the task was being opened.
    pub(crate) running: Option<Running>,
}

/// The record of one task.
pub(crate) struct Record {
    state: Mutex<State>,
    changed: Notify,
    /// The end of the task's time.
    deadline: Option<Deadline>,
}

impl Record {
    pub(crate) fn new(steps: usize, deadline: Option<Deadline>) -> Self {
        Self {
            state: Mutex::new(State {
                lives: vec![Life::Waiting; steps],
                stage: None,
                asked: None,
                given_up: false,
            }),
            changed: Notify::new(),
            deadline,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which comes first: `timeout` from now, or the end of the task's time.
    pub(crate) fn bound(&self, timeout: Option<Duration>) -> Bound {
        match (timeout.and_then(Deadline::after), self.deadline) {
            (Some(own), None) => Bound::Own(own),
            (Some(own), Some(task)) if own.at <= task.at => Bound::Own(own),
            (_, task) => Bound::Tasks(task.map(Deadline::as_seen_now)),
        }
    }

    /// The thread begins to do something that `cancel` stops: a step, or opening the task. Says whether the thread is
    /// still wanted.
    pub(crate) fn enter(&self, cancel: &Cancel, bound: Bound, running: Option<Running>) -> bool {
        let mut state = self.state();
        if state.given_up {
            return false;
        }
        if let Some(Running { index, .. }) = running {
            state.lives[index] = Life::Running;
        }
        let asked = state.asked;
        let deadline = bound.deadline();
        // The watcher knows of the end of the task's time, unless that came while there was nothing to stop. Not to wake
        // it matters: that costs more than all the rest here.
        let late = deadline.is_some_and(|deadline| deadline.at <= Instant::now());
        state.stage = Some(Stage {
            cancel: cancel.clone(),
            deadline,
            running,
            grace: asked.map(|_| Instant::now() + STOP_PATIENCE),
        });
        drop(state);
        if let Some(reason) = asked {
            cancel.cancel(reason);
        }
        if late || asked.is_some() || matches!(bound, Bound::Own(_)) {
            self.changed.notify_one();
        }
        true
    }

    /// The thread has done it; a step's life goes on as `life`. Says whether the thread is still wanted.
    pub(crate) fn leave(&self, life: Life) -> bool {
        let mut state = self.state();
        if state.given_up {
            return false;
        }
        if let Some(stage) = state.stage.take() {
            if let Some(Running { index, .. }) = stage.running {
                state.lives[index] = life;
            }
            if stage.grace.is_some() {
                self.changed.notify_one();
            }
        }
        true
    }

    /// The step with number `index` never begins, and ends as `life`. Says whether the thread is still wanted.
    pub(crate) fn pass(&self, index: usize, life: Life) -> bool {
        let mut state = self.state();
        if !state.given_up {
            state.lives[index] = life;
        }
        !state.given_up
    }

    /// Ends the life of every step that has not begun: which ones.
    pub(crate) fn skip_the_rest(&self) -> Vec<usize> {
        let mut skipped = Vec::new();
        for (index, life) in self.state().lives.iter_mut().enumerate() {
            if *life == Life::Waiting {
                *life = Life::Skipped;
                skipped.push(index);
            }
        }
        skipped
    }

    /// Tells the thread to stop what it is doing, and whatever it would do next.
    pub(crate) fn ask(&self, reason: CancelReason) {
        let mut state = self.state();
        state.asked = Some(reason);
        let cancel = state.stage.as_mut().map(|stage| stage.tell());
        drop(state);
        if let Some(cancel) = cancel {
            cancel.cancel(reason);
        }
        self.changed.notify_one();
    }

    /// Whether somebody asked for the end, or the task's time is up.
    pub(crate) fn is_over(&self) -> Option<CancelReason> {
        let late = self
            .deadline
            .filter(|deadline| deadline.at <= Instant::now());
        let asked = self.state().asked;
        asked.or(late.map(|deadline| CancelReason::TimedOut(deadline.after)))
    }

    /// Watches over the thread's deadlines until it is given up; never returns while it obeys.
    pub(crate) async fn watch(&self) -> GivenUp {
        loop {
            let next = match self.look() {
                Ok(next) => next,
                Err(given_up) => return given_up,
            };
            let next = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = next => {}
            }
        }
    }

    /// Does what is due, and says when to look again.
    fn look(&self) -> Result<Option<Instant>, GivenUp> {
        let now = Instant::now();
        let mut state = self.state();
        let Some(stage) = &mut state.stage else {
            return Ok(self
                .deadline
                .map(|deadline| deadline.at)
                .filter(|at| *at > now));
        };
        if let Some(grace) = stage.grace {
            if now < grace {
                return Ok(Some(grace));
            }
            let reason = stage.cancel.reason().unwrap_or(CancelReason::Asked);
            let running = stage.running.take();
            if let Some(Running { index, .. }) = running {
                state.lives[index] = Life::Failed;
            }
            state.given_up = true;
            return Err(GivenUp { reason, running });
        }
        let Some(deadline) = stage.deadline else {
            return Ok(None);
        };
        if now < deadline.at {
            return Ok(Some(deadline.at));
        }
        let cancel = stage.tell();
        drop(state);
        cancel.cancel(CancelReason::TimedOut(deadline.after));
        Ok(Some(now + STOP_PATIENCE))
    }

    /// Nobody waits for the thread any more: it is told to stop, and not listened to.
    pub(crate) fn abandon(&self) {
        self.ask(CancelReason::Asked);
        self.state().given_up = true;
    }
}

impl Stage {
    /// Notes that it is told to stop; the caller does it, outside the lock, for hooks run then.
    fn tell(&mut self) -> Cancel {
        self.grace
            .get_or_insert_with(|| Instant::now() + STOP_PATIENCE);
        self.cancel.clone()
    }
}
