//! What all TaskRuns of one run have in common.

use std::sync::Arc;

use stepwell_contract::{Event, Fingerprint, RunName, TaskName};
use stepwell_store::Scratch;
use tokio::sync::mpsc::Sender;

use crate::admit::Admissions;
use crate::events::Events;
use crate::run::Engine;

/// What all TaskRuns of one run have in common: made once for a run, however many tasks it has.
pub(crate) struct Common {
    /// The name of the run as a whole.
    run: RunName,
    events: Sender<Event>,
    tools: Arc<Tools>,
}

/// What the threads of TaskRuns have of it. A thread may be left behind, and must not keep the events open.
pub(crate) struct Tools {
    pub(crate) engine: Engine,
    /// What was admitted so far.
    pub(crate) admissions: Admissions,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) scratch: Arc<Scratch>,
}

impl Common {
    pub(crate) fn new(
        engine: Engine,
        admissions: Admissions,
        run: RunName,
        scratch: Scratch,
        events: Sender<Event>,
    ) -> Self {
        Self {
            run,
            events,
            tools: Arc::new(Tools {
                fingerprint: engine.backend.fingerprint(),
                engine,
                admissions,
                scratch: Arc::new(scratch),
            }),
        }
    }

    /// What the threads of TaskRuns have.
    pub(crate) fn tools(&self) -> &Arc<Tools> {
        &self.tools
    }

    /// Where the events of `task` go on its try `attempt`; with no task, those of the run.
    pub(crate) fn events(&self, task: Option<TaskName>, attempt: u32) -> Events {
        let clock = Arc::clone(&self.tools.engine.clock);
        Events::new(self.events.clone(), clock, self.run.clone(), task, attempt)
    }
}
