//! Runs what was admitted, and reports how it ended.
//!
//! Runs on a current-thread tokio runtime, and needs little of it: one blocking thread for each task, one timer, one
//! channel. It does not know what a backend is made of, nor who reads the events.

use std::sync::Arc;

use stepwell_contract::event::Verdict;
use stepwell_contract::{Backend, Cancel, Event, EventKind};
use stepwell_spec::Run;
use stepwell_store::{Scratch, State};
use tokio::sync::mpsc::Sender;

use crate::admit::{Admissions, Admitted, NotAdmitted};
use crate::clock::WallClock;
use crate::error::EngineError;
use crate::outside::{Fetch, Images, Options};
use crate::task::{self, Common, Halt, HaltCause, TaskEnded};

/// Runs documents on one backend.
#[derive(Clone)]
pub struct Engine {
    /// Where steps run.
    pub backend: Arc<dyn Backend>,
    /// Where the time of events comes from.
    pub clock: Arc<dyn WallClock>,
    /// Where the code of steps comes from.
    pub images: Arc<dyn Images>,
    /// Where documents come from that live elsewhere.
    pub fetch: Arc<dyn Fetch>,
    /// Where claims are kept.
    pub state: State,
    /// What the command line says.
    pub options: Options,
}

impl Engine {
    /// Asks the backend about every step of `run` that is known before it runs. Blocks: code that was never compiled is
    /// compiled here.
    ///
    /// # Errors
    ///
    /// Every step that was not admitted, with why.
    pub fn admit(&self, run: Run) -> Result<Admitted, NotAdmitted> {
        let admissions = Admissions::default();
        let mut refused = Vec::new();
        if let Run::Task(run) = &run {
            admissions.ask_all(&*self.backend, &*self.images, run, &mut refused);
        }
        match refused.is_empty() {
            true => Ok(Admitted { run, admissions }),
            false => Err(NotAdmitted { refused }),
        }
    }

    /// Runs `admitted` to its end; `scratch` is where its temporary folders go, and is removed with them. `events` has to
    /// be read, or dropped, while this runs: a reader that does neither holds the run back. The last event is `run-end`;
    /// by then everything is cleaned up.
    ///
    /// When `cancel` is asked for, or a time is up, what runs is told to stop. A step that does not, because a call into
    /// the host does not return, is left behind on its thread: shut the runtime down with `shutdown_background`, or it
    /// waits for that thread.
    ///
    /// # Errors
    ///
    /// What we could not do. How a task ended is never an error.
    pub async fn run(
        &self,
        admitted: Admitted,
        scratch: Scratch,
        events: Sender<Event>,
        cancel: Cancel,
    ) -> Result<Verdict, EngineError> {
        let Admitted { run, admissions } = admitted;
        let name = run.name().clone();
        let common = Common::new(self.clone(), admissions, name, scratch, events);
        let own = common.events(None, 0);
        let began = own.now();
        let Run::Task(run) = run else {
            return Err(EngineError::Stuck {
                doing: "run a pipeline".to_owned(),
            });
        };
        let steps = run.steps.len();
        own.task(EventKind::RunStart { tasks: 1, steps }).await;
        let halt = Halt::default();
        let _link = cancel.on_cancel({
            let halt = halt.clone();
            move || halt.ask(HaltCause::Asked)
        });
        let ended = task::run(&common, *run, Vec::new(), &halt).await;
        let TaskEnded {
            succeeded,
            reason,
            message,
            trouble,
            ..
        } = ended;
        let verdict = Verdict {
            succeeded,
            reason: reason.to_string(),
            message,
        };
        if let Err(error) = common.tools().scratch.close() {
            let causes = crate::error::causes(&error);
            own.task(EventKind::Error { causes }).await;
        }
        let duration_ms = own.now().since(began);
        let end = EventKind::RunEnd {
            verdict: verdict.clone(),
            duration_ms,
        };
        own.task(end).await;
        match trouble {
            Some(error) => Err(error),
            None => Ok(verdict),
        }
    }
}
