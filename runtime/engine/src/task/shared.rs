//! What a try's thread and its watcher share, and cleaning up, which either of them does.
//!
//! It does not open a task nor run its steps.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;
use stepwell_contract::{EventKind, Limit};
use stepwell_spec::{StepOutcome, TaskRun};

use crate::artifacts;
use crate::backends::Scopes;
use crate::error::{EngineError, causes};
use crate::events::Outlet;
use crate::life::Record;
use crate::places::{Held, TaskPlaces, close_scopes};
use crate::results::{Reading, Rejection, ResultsFolder};
use crate::sidecar::{self, Sidecars};
use crate::verdict::Stop;
use crate::volumes::Volumes;

/// What a try's thread and its watcher share.
pub(crate) struct Shared {
    pub(crate) record: Record,
    pub(crate) outlet: Arc<Outlet>,
    /// What a result may have, in bytes: what the most generous step allows.
    pub(crate) result_limit: u64,
    pub(super) results: OnceLock<Arc<ResultsFolder>>,
    /// What the steps that have ended left.
    steps: Mutex<StepsLeft>,
    /// Taken by whoever cleans up first.
    pub(super) volumes: Mutex<Option<Volumes>>,
    /// What runs beside the steps, where something does.
    pub(super) sidecars: OnceLock<Sidecars>,
    /// Who is told of the steps' places, where somebody may look into them.
    pub(super) places: OnceLock<TaskPlaces>,
}

/// What steps left for later ones and for the task.
#[derive(Default)]
pub(super) struct StepsLeft {
    pub(super) outcomes: Vec<StepOutcome>,
    /// Results of theirs that were not taken, as `STEP.RESULT`.
    pub(super) rejected: Vec<(Arc<str>, Rejection)>,
}

/// What a try leaves for the report.
pub(super) struct Finished {
    /// Why it ended before its last step, or what we could not do.
    pub(super) stopped: Result<Option<Stop>, EngineError>,
    pub(super) reading: Reading,
    /// The task's artifacts, or why they are not taken.
    pub(super) artifacts: Result<Option<Value>, String>,
    /// What else went wrong, and was not told yet: the causes of each.
    pub(super) troubles: Vec<Vec<String>>,
    /// What was not told of sidecars.
    pub(super) untold: Vec<EventKind>,
}

/// What cleaning up finds.
pub(super) struct Left {
    reading: Reading,
    artifacts: Result<Option<Value>, String>,
    pub(super) troubles: Vec<Vec<String>>,
    pub(super) untold: Vec<EventKind>,
}

impl Default for Left {
    fn default() -> Self {
        Self {
            reading: Reading::default(),
            artifacts: Ok(None),
            troubles: Vec::new(),
            untold: Vec::new(),
        }
    }
}

impl Left {
    pub(super) fn finished(self, stopped: Result<Option<Stop>, EngineError>) -> Finished {
        let Self {
            reading,
            artifacts,
            troubles,
            untold,
        } = self;
        Finished {
            stopped,
            reading,
            artifacts,
            troubles,
            untold,
        }
    }
}

impl Shared {
    pub(super) fn new(record: Record, outlet: Outlet, run: &TaskRun) -> Self {
        let limits = run.steps.iter().map(|step| step.limits.get(Limit::Result));
        Self {
            record,
            outlet: Arc::new(outlet),
            result_limit: limits
                .max()
                .unwrap_or_else(|| Limit::Result.default_value()),
            results: OnceLock::new(),
            steps: Mutex::default(),
            volumes: Mutex::new(None),
            sidecars: OnceLock::new(),
            places: OnceLock::new(),
        }
    }

    /// Reads the results, closes the scope and gives the task's folders back. What cannot be cleaned up is told and
    /// changes nothing else: the next run's sweep tries again. A task that `failed` is held as it is, where that is wanted.
    pub(super) fn clean_up(&self, run: &TaskRun, scopes: Option<Scopes>, failed: bool) -> Left {
        let mut left = Left::default();
        // What the steps have left is not all there before nobody is beside them any more.
        let (_, trouble) = self.stop_sidecars(&mut left);
        left.troubles
            .extend(trouble.iter().map(|error| causes(error)));
        let results = self.results.get();
        if let Some(results) = results {
            left.reading = results.read(self.result_limit);
        }
        self.add_results_of_steps(run, &mut left.reading);
        let failed = failed || !left.reading.rejected.is_empty();
        let mut scopes = scopes;
        if let Some(places) = self.places.get() {
            if failed && places.keeps() {
                scopes = scopes.and_then(|scopes| self.hold(places, scopes, &mut left));
            } else {
                places.close();
            }
        }
        if let Some(scopes) = scopes {
            left.troubles.extend(close_scopes(scopes));
        }
        let volumes = self.volumes().take();
        if let Some(results) = results {
            results.let_go();
        }
        if let Some(volumes) = volumes {
            if let Some(dir) = volumes.artifacts() {
                left.artifacts = artifacts::read(&dir);
            }
            if let Err(error) = volumes.close() {
                left.troubles.push(causes(&error));
            }
        }
        left
    }

    /// Stops what runs beside the steps, once: why the task fails for it, and what we could not do.
    pub(super) fn stop_sidecars(&self, left: &mut Left) -> (Option<Stop>, Option<EngineError>) {
        let sidecars = self.sidecars.get();
        let sidecar::Left {
            stop,
            trouble,
            untold,
        } = sidecars.map(Sidecars::stop).unwrap_or_default();
        left.untold.extend(untold);
        (stop, trouble)
    }

    /// Leaves everything of the task as it is, for somebody to look into; gives the scopes back where there is enough of
    /// that already.
    fn hold(&self, places: &TaskPlaces, scopes: Scopes, left: &mut Left) -> Option<Scopes> {
        let volumes = self.volumes().take();
        if let Some(dir) = volumes.as_ref().and_then(Volumes::artifacts) {
            left.artifacts = artifacts::read(&dir);
        }
        match places.hold(Box::new(Held { scopes, volumes })) {
            Ok(()) => None,
            Err(held) => {
                let Held { scopes, volumes } = *held;
                places.close();
                *self.volumes() = volumes;
                Some(scopes)
            }
        }
    }

    /// Adds the task's results that come from its steps, in the order in which the task declares them.
    fn add_results_of_steps(&self, run: &TaskRun, reading: &mut Reading) {
        let mut steps = self.steps();
        reading.rejected.append(&mut steps.rejected);
        if run.step_results.is_empty() {
            return;
        }
        for (name, value) in run.results_of_steps(&steps.outcomes) {
            let declared = run.results.iter().find(|declared| declared.name == name);
            let Some(declared) = declared else { continue };
            let given = value.param_type();
            let declared = declared.result_type;
            reading.results.retain(|(known, _)| *known != name);
            reading.rejected.retain(|(known, _)| *known != name);
            match given == declared {
                true => reading.results.push((name, value)),
                false => {
                    let wrong = Rejection::WrongType { declared, given };
                    reading.rejected.push((name, wrong));
                }
            }
        }
        let place = |name: &Arc<str>| run.results.iter().position(|known| known.name == *name);
        reading.results.sort_by_key(|(name, _)| place(name));
    }

    pub(super) fn steps(&self) -> std::sync::MutexGuard<'_, StepsLeft> {
        // One push at a time.
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn volumes(&self) -> std::sync::MutexGuard<'_, Option<Volumes>> {
        // Put or taken as a whole.
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
