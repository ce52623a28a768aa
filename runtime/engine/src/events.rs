//! Sends events, with the run, the task and the time filled in.

use std::sync::Arc;

use stepwell_contract::{Event, EventKind, RunName, StepName, TaskName, Timestamp};
use tokio::sync::mpsc::{Sender, WeakSender};

use crate::clock::WallClock;

/// What every event of one task says.
#[derive(Clone)]
pub(crate) struct Labels {
    clock: Arc<dyn WallClock>,
    run: RunName,
    task: TaskName,
}

impl Labels {
    fn event(&self, task: bool, step: Option<StepName>, kind: EventKind) -> Event {
        Event {
            at: self.clock.now(),
            run: self.run.clone(),
            task: task.then(|| self.task.clone()),
            step,
            attempt: 0,
            kind,
        }
    }

    pub(crate) fn of_step(&self, step: &StepName, kind: EventKind) -> Event {
        self.event(true, Some(step.clone()), kind)
    }
}

/// Where the events of one task go. When nobody listens any more, they go nowhere: the run does not depend on it.
pub(crate) struct Events {
    pub(crate) labels: Labels,
    sender: Sender<Event>,
}

impl Events {
    pub(crate) fn new(
        sender: Sender<Event>,
        clock: Arc<dyn WallClock>,
        run: RunName,
        task: TaskName,
    ) -> Self {
        let labels = Labels { clock, run, task };
        Self { labels, sender }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.labels.clock.now()
    }

    /// The channel, for a step's thread. It does not keep the channel open: a thread that is left behind must not.
    pub(crate) fn sender(&self) -> WeakSender<Event> {
        self.sender.downgrade()
    }

    async fn send(&self, event: Event) {
        if self.sender.send(event).await.is_err() {
            tracing::debug!("nobody listens to events any more");
        }
    }

    pub(crate) async fn run(&self, kind: EventKind) {
        self.send(self.labels.event(false, None, kind)).await;
    }

    pub(crate) async fn task(&self, kind: EventKind) {
        self.send(self.labels.event(true, None, kind)).await;
    }

    pub(crate) async fn step(&self, step: &StepName, kind: EventKind) {
        self.send(self.labels.of_step(step, kind)).await;
    }
}
