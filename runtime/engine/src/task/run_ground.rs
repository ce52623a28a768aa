//! What all TaskRuns of one run share.

use std::sync::Arc;

use stepwell_contract::{Event, RunName, TaskName};
use stepwell_spec::Run;
use stepwell_store::Scratch;
use tokio::sync::mpsc::Sender;

use crate::admit::Admissions;
use crate::cache::Neighbours;
use crate::error::EngineError;
use crate::events::Events;
use crate::mask::Mask;
use crate::run::Engine;
use crate::task::threads::Threads;

/// What all TaskRuns of one run share: made once for a run, however many tasks it has.
pub(crate) struct RunGround {
    /// The name of the run as a whole.
    run: RunName,
    events: Sender<Event>,
    /// Every value of every Secret that the documents hold.
    secrets: Arc<[Arc<str>]>,
    mask: Mask,
    tools: Arc<Tools>,
    /// Where their tries run.
    threads: Arc<Threads>,
}

/// What the threads of TaskRuns have of it. A thread may be left behind, and must not keep the events open.
pub(crate) struct Tools {
    pub(crate) engine: Engine,
    /// What was admitted so far.
    pub(crate) admissions: Admissions,
    pub(crate) scratch: Arc<Scratch>,
    /// The tasks that are open.
    pub(crate) neighbours: Neighbours,
}

impl RunGround {
    /// # Errors
    ///
    /// [`EngineError::TooManySecrets`].
    pub(crate) fn new(
        engine: Engine,
        admissions: Admissions,
        run: &Run,
        scratch: Scratch,
        events: Sender<Event>,
    ) -> Result<Self, EngineError> {
        let secrets = match run {
            Run::Task(run) => &run.secrets,
            Run::Pipeline(run) => &run.secrets,
        };
        let hidden = engine.proxies.secrets.iter().chain(&**secrets);
        Ok(Self {
            run: run.name().clone(),
            events,
            secrets: Arc::clone(secrets),
            mask: Mask::new(&hidden.cloned().collect::<Vec<_>>())?,
            tools: Arc::new(Tools {
                engine,
                admissions,
                scratch: Arc::new(scratch),
                neighbours: Neighbours::default(),
            }),
            threads: Arc::default(),
        })
    }

    /// Where tries run.
    pub(super) fn threads(&self) -> &Arc<Threads> {
        &self.threads
    }

    /// What the threads of TaskRuns have.
    pub(crate) fn tools(&self) -> &Arc<Tools> {
        &self.tools
    }

    /// Where the events of `task` go on its try `attempt`; with no task, those of the run.
    pub(crate) fn events(&self, task: Option<TaskName>, attempt: u32) -> Events {
        self.masked_events(task, attempt, self.mask.clone())
    }

    /// The same, with what is hidden in them.
    pub(crate) fn masked_events(&self, task: Option<TaskName>, attempt: u32, mask: Mask) -> Events {
        let clock = Arc::clone(&self.tools.engine.clock);
        let (sender, run) = (self.events.clone(), self.run.clone());
        Events::new(sender, clock, run, task, attempt, mask)
    }

    /// What hides `secrets`: made once for all that the run began with, and again for a task whose document was fetched
    /// meanwhile and brought more.
    ///
    /// # Errors
    ///
    /// [`EngineError::TooManySecrets`].
    pub(crate) fn mask(&self, secrets: &Arc<[Arc<str>]>) -> Result<Mask, EngineError> {
        match Arc::ptr_eq(secrets, &self.secrets) || secrets == &self.secrets {
            true => Ok(self.mask.clone()),
            false => {
                let proxies = &self.tools.engine.proxies.secrets;
                let all = self.secrets.iter().chain(&**secrets).chain(proxies);
                let all: Vec<_> = all.cloned().collect();
                Mask::new(&all)
            }
        }
    }
}
