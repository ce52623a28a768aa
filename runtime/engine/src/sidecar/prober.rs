//! Asks one sidecar again and again, as Kubernetes would: until it has begun, until it is ready, whether it still lives.
//!
//! What is asked, and how, is in `ask`. Time is the runtime's, so that tests have it in their hands.

use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::{Cancel, CancelReason, EventKind, HookGuard, Place};
use stepwell_spec::Probe;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ask::{self, Answer};
use super::board::{Board, Life};
use super::{Beside, Ports, tell_ready};
use crate::error::{EngineError, causes};
use crate::events::Outlet;

/// How long a sidecar that has no probe runs before the steps need not wait for it. A cluster takes a second or more to tell
/// steps that it runs, and documents count on that.
const SETTLE: Duration = Duration::from_millis(200);

/// Whoever asks one sidecar.
pub(super) struct Prober {
    pub(super) beside: Arc<Beside>,
    pub(super) board: Arc<Board>,
    pub(super) outlet: Arc<Outlet>,
    pub(super) index: usize,
    pub(super) place: Arc<dyn Place>,
    pub(super) loopback: Ports,
    pub(super) runtime: Handle,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Yes,
    No,
    /// Nobody wants to know any more.
    Gone,
}

impl Prober {
    /// Asks until the sidecar is ready, and says so. One that never begins is stopped.
    pub(super) fn make_ready(&self, startup: Option<&Probe>, readiness: Option<&Probe>) {
        if !self.wait_for(Life::Running) {
            return;
        }
        if let Some(startup) = startup {
            match self.ask(startup, 1, startup.failures) {
                Outcome::Yes => self.begun(),
                Outcome::No => return self.give_up("startupProbe"),
                Outcome::Gone => return,
            }
        }
        if startup.is_none()
            && readiness.is_none()
            && !self.pause_until(self.beside.since() + SETTLE)
        {
            return;
        }
        // A sidecar that is not ready yet is asked for as long as its task has time.
        let ready = readiness.map_or(Outcome::Yes, |readiness| {
            self.ask(readiness, readiness.successes, u32::MAX)
        });
        match ready {
            Outcome::Yes => {
                tell_ready(&self.beside, &self.outlet);
                self.board.set(self.index, Life::Ready);
            }
            Outcome::No => self.give_up("readinessProbe"),
            Outcome::Gone => {}
        }
    }

    /// Asks as long as the sidecar lives, once it `starts`. One that no longer answers is stopped.
    pub(super) fn watch(&self, liveness: &Probe, starts: bool) {
        if !self.wait_for(Life::Running) || (starts && !self.wait_until_begun()) {
            return;
        }
        if self.ask(liveness, u32::MAX, liveness.failures) == Outcome::No {
            self.give_up("livenessProbe");
        }
    }

    fn begun(&self) {
        self.beside.end().begun = true;
        self.board.wake();
    }

    fn wait_until_begun(&self) -> bool {
        self.board
            .wait(|_| self.is_gone() || self.beside.end().begun);
        !self.is_gone()
    }

    fn wait_for(&self, life: Life) -> bool {
        self.board
            .wait(|lives| self.is_gone() || lives[self.index] >= life);
        !self.is_gone()
    }

    fn is_gone(&self) -> bool {
        self.beside.gone.reason().is_some()
    }

    fn give_up(&self, probe: &str) {
        let message = format!(
            "the `{probe}` of the sidecar `{}` has failed: it is stopped",
            self.beside.name
        );
        self.outlet.task(EventKind::Notice { message });
        self.beside.give_up();
    }

    /// Asks until so often in a row yes was said, or no.
    fn ask(&self, probe: &Probe, successes: u32, failures: u32) -> Outcome {
        let (mut yes, mut no) = (0, 0);
        let mut next = self.beside.since() + probe.initial_delay;
        next = next.max(Instant::now());
        loop {
            if !self.pause_until(next) {
                return Outcome::Gone;
            }
            next += probe.period;
            match self.ask_once(probe) {
                Answer::Yes => (yes, no) = (yes + 1, 0),
                Answer::No => (yes, no) = (0, no + 1),
                Answer::Never(source) => {
                    let error = EngineError::Sidecar {
                        doing: "probe",
                        sidecar: self.beside.name.clone(),
                        source,
                    };
                    let causes = causes(&error);
                    self.outlet.task(EventKind::Error { causes });
                    return Outcome::No;
                }
            }
            if self.is_gone() {
                return Outcome::Gone;
            }
            if yes >= successes {
                return Outcome::Yes;
            }
            if no >= failures {
                return Outcome::No;
            }
        }
    }

    /// Asks once, for as long as the answer may take.
    fn ask_once(&self, probe: &Probe) -> Answer {
        let cancel = Cancel::new();
        let _gone = self.ends(&cancel);
        let late = cancel.clone();
        let timeout = probe.timeout;
        let end = Instant::now() + timeout;
        let timer = self.runtime.spawn(async move {
            tokio::time::sleep_until(end).await;
            late.cancel(CancelReason::TimedOut(timeout));
        });
        let answer = ask::ask(&probe.check, &*self.place, &self.loopback, &cancel);
        timer.abort();
        answer
    }

    /// Has `cancel` asked for when nobody wants to know any more.
    fn ends(&self, cancel: &Cancel) -> HookGuard {
        let cancel = cancel.clone();
        self.beside
            .gone
            .on_cancel(move || cancel.cancel(CancelReason::Asked))
    }

    /// Waits until `moment`: whether somebody still wants to know then.
    fn pause_until(&self, moment: Instant) -> bool {
        let woken = Arc::new(Notify::new());
        let _hook = {
            let woken = Arc::clone(&woken);
            self.beside.gone.on_cancel(move || woken.notify_one())
        };
        if moment.saturating_duration_since(Instant::now()) > Duration::ZERO {
            self.runtime.block_on(async {
                tokio::select! {
                    () = woken.notified() => {}
                    () = tokio::time::sleep_until(moment) => {}
                }
            });
        }
        !self.is_gone()
    }
}
