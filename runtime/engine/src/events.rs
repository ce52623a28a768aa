//! Sends events, with the run, the task and the time filled in.

use std::sync::Arc;

use stepwell_contract::{Event, EventKind, RunName, StepName, TaskName, Timestamp};
use tokio::sync::mpsc::Sender;

use crate::clock::WallClock;

/// Where the events of one task go. When nobody listens any more, they go nowhere: the run does not depend on it.
#[derive(Clone)]
pub(crate) struct Events {
    pub(crate) sender: Sender<Event>,
    clock: Arc<dyn WallClock>,
    run: RunName,
    task: TaskName,
}

impl Events {
    pub(crate) fn new(
        sender: Sender<Event>,
        clock: Arc<dyn WallClock>,
        run: RunName,
        task: TaskName,
    ) -> Self {
        Self {
            sender,
            clock,
            run,
            task,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

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

    async fn send(&self, event: Event) {
        if self.sender.send(event).await.is_err() {
            tracing::debug!("nobody listens to events any more");
        }
    }

    pub(crate) async fn run(&self, kind: EventKind) {
        self.send(self.event(false, None, kind)).await;
    }

    pub(crate) async fn task(&self, kind: EventKind) {
        self.send(self.event(true, None, kind)).await;
    }

    pub(crate) async fn step(&self, step: &StepName, kind: EventKind) {
        self.send(self.of_step(step, kind)).await;
    }
}
