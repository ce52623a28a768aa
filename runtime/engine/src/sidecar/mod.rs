//! What runs beside the steps of a task: started before the first one, asked whether it is ready, stopped after the last.
//!
//! In: sidecars that are planned and a task that is open. Out: events, and how each ended. Each has a thread of its own, and
//! so has whoever asks it; a task without sidecars has none of that. It does not know the steps, nor watches the task's time:
//! whoever waits here is told to stop through the [`Record`].

mod ask;
mod board;
mod prober;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stepwell_contract::{
    Cancel, CancelReason, EmitError, Ending, EventKind, LogStream, Loopback, ParamValue, Place,
    StepIo, StepName, StepSink, StepSpec, Timestamp,
};
use stepwell_spec::Sidecar;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::capture::{Capture, Kept, Speaker};
use crate::error::EngineError;
use crate::events::Outlet;
use crate::life::{Life as StepLife, Record};
use crate::results::ResultsFolder;
use crate::sidecar::board::{Board, Life};
use crate::sidecar::prober::Prober;
use crate::step::{Ground, catch};
use crate::tee::Tees;
use crate::verdict::Stop;

/// How long sidecars may take to end once they were told to, before they are left alone with their threads: longer than
/// any backend's grace period.
const STOP_PATIENCE: Duration = Duration::from_secs(35);

/// A sidecar that is ready to be started.
pub(crate) struct Planned {
    pub(crate) spec: StepSpec,
    pub(crate) sidecar: Sidecar,
}

/// The sidecars of one try of a task that were started. Whoever drops them has told them to stop.
#[derive(Default)]
pub(crate) struct Sidecars {
    board: Arc<Board>,
    all: Mutex<All>,
}

/// Those that were started, and whether that is over.
#[derive(Default)]
struct All {
    started: Vec<Arc<Beside>>,
    over: bool,
}

/// One sidecar that was started.
struct Beside {
    name: StepName,
    began: Timestamp,
    /// How it is told to stop.
    cancel: Cancel,
    /// Asked for when it has ended, or the steps have: nobody asks it anything any more.
    gone: Cancel,
    capture: Arc<Capture>,
    end: Mutex<End>,
}

/// What is known of a sidecar's end.
#[derive(Default)]
struct End {
    /// The steps had ended before it, and no probe had said no for good.
    was_stopped: bool,
    /// Nothing but stopping it was left: a probe has said no for good.
    unhealthy: bool,
    /// Since when its program runs.
    since: Option<Instant>,
    /// Its startup probe has said yes.
    begun: bool,
    ended: Option<Result<Ending, EngineError>>,
    /// The event that nobody took.
    untold: Option<EventKind>,
}

/// What the sidecars leave.
#[derive(Default)]
pub(crate) struct Left {
    /// Why the task fails although its steps did not.
    pub(crate) stop: Option<Stop>,
    /// What we could not do.
    pub(crate) trouble: Option<EngineError>,
    /// Ends that could not be told.
    pub(crate) untold: Vec<EventKind>,
}

impl Sidecars {
    /// Starts one, unless they were stopped meanwhile. Returns at once.
    ///
    /// # Errors
    ///
    /// What the backend or the host could not do.
    pub(crate) fn start(&self, planned: Planned, ground: &Ground<'_>) -> Result<(), EngineError> {
        let Planned { spec, sidecar } = planned;
        let name = spec.name.clone();
        let begins = started(&spec);
        let outlet = ground.outlet;
        let began = outlet.now();
        let kept = Kept {
            task: Arc::new(ResultsFolder::new(None, Vec::new().into())),
            own: None,
            tees: Tees::default(),
        };
        let speaker = Speaker::Sidecar(name.clone());
        let capture = Capture::new(speaker, &spec.limits, Arc::clone(outlet), kept);
        let sandbox = catch(|| ground.scopes.prepare(spec));
        let sandbox = sandbox.map_err(|message| EngineError::Panicked {
            doing: format!("prepare sidecar `{name}`"),
            message,
        })?;
        let sandbox = sandbox.map_err(|source| EngineError::Sidecar {
            doing: "prepare",
            sidecar: name.clone(),
            source,
        })?;
        let place = sandbox.place();
        let beside = Arc::new(Beside {
            name,
            began,
            cancel: Cancel::new(),
            gone: Cancel::new(),
            capture: Arc::new(capture),
            end: Mutex::default(),
        });
        let index = {
            let mut all = self.all();
            if all.over {
                return Ok(());
            }
            all.started.push(Arc::clone(&beside));
            self.board.add()
        };
        outlet.task(begins);
        for why in &sidecar.unheeded {
            let message = format!("the sidecar `{}`: {why}", beside.name);
            outlet.task(EventKind::Notice { message });
        }
        let ear = Arc::new(Ear {
            beside: Arc::clone(&beside),
            board: Arc::clone(&self.board),
            outlet: Arc::clone(outlet),
            index,
        });
        let io = StepIo {
            sink: Arc::<Ear>::clone(&ear),
            cancel: beside.cancel.clone(),
        };
        self.ask(index, &beside, sidecar, place, ground)?;
        self.spawn(&format!("sidecar {}", beside.name), move || {
            let ended = catch(|| sandbox.run(io));
            ear.ended(ended);
        })
    }

    /// Starts to ask a sidecar how it is, or, where there is nothing to ask, to wait until it may be ready.
    fn ask(
        &self,
        index: usize,
        beside: &Arc<Beside>,
        sidecar: Sidecar,
        place: Arc<dyn Place>,
        ground: &Ground<'_>,
    ) -> Result<(), EngineError> {
        let prober = Arc::new(Prober {
            beside: Arc::clone(beside),
            board: Arc::clone(&self.board),
            outlet: Arc::clone(ground.outlet),
            index,
            place,
            loopback: ground.scopes.loopback(),
            runtime: ground.outlet.runtime().clone(),
        });
        let Sidecar {
            startup,
            readiness,
            liveness,
            ..
        } = sidecar;
        let name = format!("probe {}", beside.name);
        if let Some(liveness) = liveness {
            let (prober, startup) = (Arc::clone(&prober), startup.is_some());
            self.spawn(&name, move || {
                in_runtime(&prober, |prober| prober.watch(&liveness, startup));
            })?;
        }
        self.spawn(&name, move || {
            in_runtime(&prober, |prober| {
                prober.make_ready(startup.as_ref(), readiness.as_ref());
            });
        })
    }

    /// Does `work` on a thread that [`stop`](Self::stop) waits for.
    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), EngineError> {
        let board = Arc::clone(&self.board);
        board.enter();
        let spawned = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // What panics in there has said so where it matters.
                let _ = catch(work);
                board.leave();
            });
        spawned.map(drop).map_err(|source| {
            self.board.leave();
            let doing = name.to_owned();
            EngineError::Thread { doing, source }
        })
    }

    fn all(&self) -> std::sync::MutexGuard<'_, All> {
        // Changed as a whole.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until each is ready or has ended: why the task ends instead, where it does. As in Tekton, one that has ended is
    /// not waited for, however it ended.
    pub(crate) fn until_ready(&self, record: &Record) -> Option<Stop> {
        let board = &self.board;
        let cancel = Cancel::new();
        if !record.enter(&cancel, record.bound(None), None) {
            return Some(Stop::Cancelled);
        }
        let woken = Arc::clone(board);
        let _hook = cancel.on_cancel(move || woken.wake());
        board.wait(|lives| cancel.reason().is_some() || lives.iter().all(|life| life.is_settled()));
        record.leave(StepLife::Done);
        cancel.reason().map(Stop::before_a_step)
    }

    /// Stops all of them, and waits for the last: how they ended. Blocks. Another time there is nothing to stop.
    pub(crate) fn stop(&self) -> Left {
        let stopped = self.tell();
        let mut left = Left::default();
        if stopped.is_empty() {
            return left;
        }
        let is_over = self.board.wait_for_threads(STOP_PATIENCE);
        for beside in &stopped {
            let mut end = beside.end();
            left.untold.extend(end.untold.take());
            let failed = !end.was_stopped;
            match end.ended.take() {
                None if is_over => {}
                None => {
                    let doing = format!("stop sidecar `{}`", beside.name);
                    left.trouble.get_or_insert(EngineError::Stuck { doing });
                }
                Some(Err(error)) => {
                    left.trouble.get_or_insert(error);
                }
                Some(Ok(ending)) if failed && !ending.is_success() => {
                    let sidecar = beside.name.clone();
                    left.stop
                        .get_or_insert(Stop::SidecarFailed { sidecar, ending });
                }
                Some(Ok(_)) => {}
            }
        }
        left
    }

    /// Tells all of them to stop: which ones.
    fn tell(&self) -> Vec<Arc<Beside>> {
        let started = {
            let mut all = self.all();
            all.over = true;
            std::mem::take(&mut all.started)
        };
        for beside in &started {
            let mut end = beside.end();
            end.was_stopped = end.ended.is_none() && !end.unhealthy;
            drop(end);
            beside.gone.cancel(CancelReason::Asked);
            beside.cancel.cancel(CancelReason::Asked);
        }
        self.board.wake();
        started
    }
}

impl Drop for Sidecars {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Beside {
    fn end(&self) -> std::sync::MutexGuard<'_, End> {
        // Changed as a whole.
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when its program runs.
    fn since(&self) -> Instant {
        self.end().since.unwrap_or_else(Instant::now)
    }

    /// A probe has said no for good; of one that is told to stop, that is of no interest.
    fn give_up(&self) {
        let mut end = self.end();
        end.unhealthy = !end.was_stopped;
        drop(end);
        self.cancel.cancel(CancelReason::Asked);
    }
}

/// The sink of one sidecar.
struct Ear {
    beside: Arc<Beside>,
    board: Arc<Board>,
    outlet: Arc<Outlet>,
    index: usize,
}

impl Ear {
    /// The sidecar has ended, or its thread has panicked.
    fn ended(&self, ended: Result<Result<Ending, stepwell_contract::SandboxError>, String>) {
        let beside = &self.beside;
        beside.capture.finish();
        let sidecar = beside.name.clone();
        let ended = match ended {
            Ok(Ok(ending)) => Ok(ending),
            Ok(Err(source)) => Err(EngineError::Sidecar {
                doing: "run",
                sidecar,
                source,
            }),
            Err(message) => Err(EngineError::Panicked {
                doing: format!("run sidecar `{sidecar}`"),
                message,
            }),
        };
        let mut end = beside.end();
        let ending = ended.as_ref().ok().cloned();
        let kind = EventKind::SidecarEnd {
            sidecar: beside.name.clone(),
            exit_code: ending.as_ref().map_or(1, Ending::exit_code),
            ending,
            stopped: end.was_stopped,
            duration_ms: self.outlet.now().since(beside.began),
            dropped_bytes: beside.capture.dropped(),
        };
        end.ended = Some(ended);
        drop(end);
        if !self.outlet.task(kind.clone()) {
            beside.end().untold = Some(kind);
        }
        beside.gone.cancel(CancelReason::Asked);
        self.board.set(self.index, Life::Ended);
    }
}

impl StepSink for Ear {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        self.beside.capture.log(stream, bytes);
    }

    fn emit(&self, name: &str, value: ParamValue) -> Result<(), EmitError> {
        self.beside.capture.emit(name, value)
    }

    fn started(&self) {
        {
            let _inside = self.outlet.runtime().enter();
            self.beside.end().since = Some(Instant::now());
        }
        self.board.set(self.index, Life::Running);
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        self.beside.capture.progress(done, total, message);
    }
}

fn started(spec: &StepSpec) -> EventKind {
    EventKind::SidecarStart {
        sidecar: spec.name.clone(),
        image: Arc::clone(&spec.image.reference),
        runs: spec.image.substitute.clone(),
        digest: spec.image.digest,
    }
}

fn tell_ready(beside: &Beside, outlet: &Outlet) {
    outlet.task(EventKind::SidecarReady {
        sidecar: beside.name.clone(),
        duration_ms: outlet.now().since(beside.began),
    });
}

/// Asks where the clock of the runtime is the clock.
fn in_runtime(prober: &Prober, ask: impl FnOnce(&Prober)) {
    let runtime: &Handle = &prober.runtime;
    let _inside = runtime.enter();
    ask(prober);
}

/// What a probe reaches the ports of a task through.
type Ports = Option<Arc<dyn Loopback>>;
