//! Runs what was admitted, and reports how it ended.
//!
//! Runs on a current-thread tokio runtime, and needs little of it: a blocking thread for each TaskRun that runs, timers, and
//! one channel. It does not know what a backend is made of, nor who reads the events.

use std::sync::Arc;

use stepwell_contract::event::Verdict;
use stepwell_contract::{Event, EventKind};
use stepwell_spec::{Broken, Run, TaskRun};
use stepwell_store::{Scratch, State};
use tokio::sync::mpsc::Sender;

use crate::admit::{self, Admitted, NotAdmitted};
use crate::backends::Backends;
use crate::cache::Caching;
use crate::clock::WallClock;
use crate::control::Control;
use crate::drive;
use crate::error::EngineError;
use crate::outside::{Fetch, Images, Options};
use crate::places::Places;
use crate::proxies::Proxies;
use crate::task::{self, Halt, HaltCause, RunGround};
use crate::verdict;

/// Runs documents.
#[derive(Clone)]
pub struct Engine {
    /// Where steps run.
    pub backends: Backends,
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
    /// Who is told of the places of steps; `None` where nobody can look into them.
    pub places: Option<Places>,
    /// The proxies that tasks may ask for.
    pub proxies: Proxies,
    /// Where what steps do is kept; `None` where every step runs.
    pub caching: Option<Caching>,
}

impl Engine {
    /// Asks the backends about every step of `run` that is known before it runs. Blocks: code that was never compiled is
    /// compiled here.
    ///
    /// # Errors
    ///
    /// What was not admitted, with why.
    pub fn admit(&self, run: Run) -> Result<Admitted, NotAdmitted> {
        admit::admit(&self.backends, &*self.images, run)
    }

    /// Runs `admitted` to its end; `scratch` is where its temporary folders go, and is removed with them. `events` has to
    /// be read, or dropped, while this runs: a reader that does neither holds the run back. The last event is `run-end`;
    /// by then everything is cleaned up but what [`Places`] hold, which is theirs to clean up.
    ///
    /// When `control` is asked for an end, or a time is up, what runs is told to stop. A step that does not, because a
    /// call into the host does not return, is left behind on its thread: shut the runtime down with
    /// `shutdown_background`, or it waits for that thread.
    ///
    /// # Errors
    ///
    /// What we could not do. How a run ended is never an error.
    pub async fn run(
        &self,
        admitted: Admitted,
        scratch: Scratch,
        events: Sender<Event>,
        control: Control,
    ) -> Result<Verdict, EngineError> {
        let Admitted {
            run,
            admissions,
            tasks,
            steps,
        } = admitted;
        // Before anything is told: what cannot be hidden must not be.
        let ground = RunGround::new(self.clone(), admissions, &run, scratch, events)?;
        let ground = Arc::new(ground);
        let own = ground.events(None, 0);
        let began = own.now();
        own.task(EventKind::RunStart { tasks, steps }).await;
        let ended = match run {
            Run::Task(run) => run_task(&ground, *run, &control).await,
            Run::Pipeline(pipeline) => drive::run(&ground, *pipeline, &control).await,
        };
        let scratch = &ground.tools().scratch;
        let held = self.places.as_ref();
        let held = held.is_some_and(|places| places.hold_scratch(scratch));
        if !held && let Err(error) = scratch.close() {
            let causes = crate::error::causes(&error);
            own.task(EventKind::Error { causes }).await;
        }
        let verdict = match &ended {
            Ok(verdict) => verdict.clone(),
            Err(error) => verdict::broken(error),
        };
        let duration_ms = own.now().since(began);
        let end = EventKind::RunEnd {
            verdict,
            duration_ms,
        };
        own.task(end).await;
        ended
    }
}

/// Runs a TaskRun that is a run of its own.
async fn run_task(
    ground: &RunGround,
    run: TaskRun,
    control: &Control,
) -> Result<Verdict, EngineError> {
    if let Some(status) = &run.status {
        let verdict = verdict::requested(&run.name, status);
        let unbegun = Broken {
            name: run.name,
            task: run.task,
            pipeline_task: None,
            document: run.document,
            verdict: verdict.clone(),
        };
        task::unbegun(ground, unbegun, Vec::new()).await;
        return Ok(verdict);
    }
    let halt = Halt::default();
    let mut requests = control.listen();
    let ended = task::run(ground, run, Vec::new(), &halt);
    tokio::pin!(ended);
    let ended = loop {
        tokio::select! {
            // What was asked for before it begins lets nothing begin.
            biased;
            _ = requests.next() => halt.ask(HaltCause::Asked),
            ended = &mut ended => break ended,
        }
    };
    match ended.trouble {
        Some(error) => Err(error),
        None => Ok(Verdict {
            succeeded: ended.succeeded,
            reason: ended.reason.to_string(),
            message: ended.message,
        }),
    }
}
