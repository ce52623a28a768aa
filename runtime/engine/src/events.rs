//! Sends events, with the run, the task and the time filled in: from the runtime, and from a task's own thread.

use std::sync::{Arc, Mutex, PoisonError};

use stepwell_contract::{Event, EventKind, RunName, StepName, TaskName, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, WeakSender};
use tokio::sync::watch;

use crate::clock::WallClock;
use crate::mask::Mask;

/// What every event of one try of a task says, or of the run itself.
#[derive(Clone)]
struct Labels {
    clock: Arc<dyn WallClock>,
    run: RunName,
    task: Option<TaskName>,
    attempt: u32,
    mask: Mask,
}

impl Labels {
    fn event(&self, step: Option<StepName>, mut kind: EventKind) -> Event {
        // Lines are masked before they are cut.
        if !self.mask.is_empty()
            && !matches!(
                kind,
                EventKind::StepLog { .. } | EventKind::SidecarLog { .. }
            )
        {
            kind.rewrite(&|text| self.mask.text(text));
        }
        Event {
            at: self.clock.now(),
            run: self.run.clone(),
            task: self.task.clone(),
            step,
            attempt: self.attempt,
            kind,
        }
    }
}

/// Where the events of one try of a task go, or those of the run itself. When nobody listens any more, they go nowhere: the run does not depend on it.
pub(crate) struct Events {
    labels: Labels,
    sender: Sender<Event>,
}

impl Events {
    pub(crate) fn new(
        sender: Sender<Event>,
        clock: Arc<dyn WallClock>,
        run: RunName,
        task: Option<TaskName>,
        attempt: u32,
        mask: Mask,
    ) -> Self {
        let labels = Labels {
            clock,
            run,
            task,
            attempt,
            mask,
        };
        Self { labels, sender }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.labels.clock.now()
    }

    /// The same, for a task's own thread. Called on the runtime.
    pub(crate) fn outlet(&self) -> Outlet {
        Outlet {
            labels: self.labels.clone(),
            sender: self.sender.downgrade(),
            closed: Mutex::new(false),
            closing: watch::Sender::new(false),
            runtime: Handle::current(),
        }
    }

    async fn send(&self, event: Event) {
        if self.sender.send(event).await.is_err() {
            tracing::debug!("nobody listens to events any more");
        }
    }

    /// Sends an event of the task, or of the run.
    pub(crate) async fn task(&self, kind: EventKind) {
        self.send(self.labels.event(None, kind)).await;
    }

    pub(crate) async fn step(&self, step: &StepName, kind: EventKind) {
        self.send(self.labels.event(Some(step.clone()), kind)).await;
    }
}

/// Where a task's thread sends events of its steps. It waits while the channel is full, and two things end that wait:
/// the reader goes away, or the outlet is closed. It does not keep the channel open, for its thread may be left behind.
pub(crate) struct Outlet {
    labels: Labels,
    sender: WeakSender<Event>,
    /// Held while an event goes out, so that none does after [`Outlet::close`] has returned.
    closed: Mutex<bool>,
    closing: watch::Sender<bool>,
    runtime: Handle,
}

impl Outlet {
    pub(crate) fn now(&self) -> Timestamp {
        self.labels.clock.now()
    }

    /// What is hidden in all that goes out.
    pub(crate) fn mask(&self) -> &Mask {
        &self.labels.mask
    }

    /// The runtime that the events are taken on.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Sends an event of `step`. Blocks while the channel is full.
    pub(crate) fn step(&self, step: &StepName, kind: EventKind) {
        self.send(Some(step.clone()), kind);
    }

    /// Sends an event of the task: whether the outlet was still open. Blocks while the channel is full.
    pub(crate) fn task(&self, kind: EventKind) -> bool {
        self.send(None, kind)
    }

    fn send(&self, step: Option<StepName>, kind: EventKind) -> bool {
        let Some(sender) = self.sender.upgrade() else {
            return false;
        };
        let event = self.labels.event(step, kind);
        match self.while_open(|| sender.try_send(event).err()) {
            Some(Some(TrySendError::Full(event))) => {
                self.runtime.block_on(self.wait_and_send(&sender, event))
            }
            Some(_) => true,
            None => false,
        }
    }

    async fn wait_and_send(&self, sender: &Sender<Event>, event: Event) -> bool {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => false,
            permit = sender.reserve() => match permit {
                Ok(permit) => self.while_open(|| permit.send(event)).is_some(),
                // Nobody listens any more, which is no reason to tell it again.
                Err(_) => true,
            },
        }
    }

    fn while_open<T>(&self, send: impl FnOnce() -> T) -> Option<T> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        (!*closed).then(send)
    }

    /// Nothing is sent from here once this has returned.
    pub(crate) fn close(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.closing.send_replace(true);
    }
}
