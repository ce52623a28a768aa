//! What the containers of one step are made from, and which of them is there: the step's own, later one for who looks at
//! what it left, and never two at once.
//!
//! It lives as long as the step, its [`Place`](stepwell_contract::Place) or a shell does, and what the step wrote to its root
//! is kept as long; but the end of the task ends all of it, see [`Occupancy`].

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use cap_std::fs::Dir;
use rustix_namespaces::process::Signal;
use stepwell_contract::{
    Cancel, CancelReason, Resources, SandboxError, SandboxErrorKind, StepName,
};

use crate::BACKEND;
use crate::embedded::backend::OciOptions;
use crate::embedded::cgroup::Groups;
use crate::embedded::disk::Disk;
use crate::embedded::held::Held;
use crate::embedded::process::Live;
use crate::embedded::request::{Failure, Purpose, Request};
use crate::embedded::rootless::Ground;
use crate::embedded::step_folder::StepFolder;
use crate::network::Network;

/// What a step's containers are made from.
pub(crate) struct Site {
    pub(crate) name: StepName,
    pub(crate) options: Arc<OciOptions>,
    pub(crate) groups: Groups,
    pub(crate) request: Request,
    /// `None` once it was removed.
    pub(crate) folder: Mutex<Option<StepFolder>>,
    /// `None` where it uses the machine's, or that of its ground.
    pub(crate) network: Option<Arc<Network>>,
    /// Kept open, as volumes are; `None` where we are root.
    #[expect(dead_code, reason = "held, and not looked at")]
    pub(crate) ground: Option<Arc<Ground>>,
    /// Kept open: the request names them by their handles.
    #[expect(dead_code, reason = "held, and not looked at")]
    pub(crate) volumes: Vec<Arc<Dir>>,
    pub(crate) resources: Resources,
    pub(crate) disk: Arc<Disk>,
    pub(crate) stop: Signal,
    pub(crate) occupancy: Arc<Occupancy>,
    pub(crate) life: Mutex<Life>,
    pub(crate) changed: Condvar,
}

/// Which container a step has.
pub(crate) enum Life {
    /// None yet.
    Prepared,
    /// Its own, in which the program does not run yet.
    Starting,
    /// Its own.
    Running(Arc<Live>),
    /// None of its own any more, but perhaps one for those who look.
    Ended(Weak<Held>),
}

/// The container that a shell runs in.
pub(crate) enum Room {
    /// The step's own, with which it ends.
    Own(Arc<Live>),
    /// One that is there for shells.
    Held(Arc<Held>),
}

impl Room {
    pub(crate) fn live(&self) -> &Live {
        match self {
            Self::Own(live) => live,
            Self::Held(held) => held.live(),
        }
    }
}

impl Site {
    fn life(&self) -> MutexGuard<'_, Life> {
        // It is one of its states, whatever panicked.
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what became of the step's own container.
    pub(crate) fn becomes(&self, life: Life) {
        *self.life() = life;
        self.changed.notify_all();
    }

    /// Whether the step has begun, and ended.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(*self.life(), Life::Ended(_))
    }

    /// Whether the step has begun.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(*self.life(), Life::Prepared)
    }

    /// A container to run a shell in, waited for where the step is just starting; `None` if `cancel` was asked for before.
    ///
    /// # Errors
    ///
    /// What [`Held::start`] says.
    pub(crate) fn room(self: &Arc<Self>, cancel: &Cancel) -> Result<Option<Room>, SandboxError> {
        let _hook = cancel.on_cancel({
            let site = Arc::clone(self);
            move || {
                // With the lock: whoever looked at the request already waits, and is woken.
                drop(site.life());
                site.changed.notify_all();
            }
        });
        let mut life = self.life();
        loop {
            if cancel.reason().is_some() {
                return Ok(None);
            }
            match &*life {
                Life::Running(live) => return Ok(Some(Room::Own(Arc::clone(live)))),
                Life::Ended(held) => {
                    let held = match held.upgrade() {
                        Some(held) => held,
                        None => Arc::new(Held::start(self, Purpose::Shells)?),
                    };
                    *life = Life::Ended(Arc::downgrade(&held));
                    return Ok(Some(Room::Held(held)));
                }
                Life::Prepared | Life::Starting => {
                    let woken = self.changed.wait(life);
                    life = woken.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Waits until the step's own container, which is gone, is known to be.
    pub(crate) fn wait_for_end(&self) {
        let mut life = self.life();
        while matches!(*life, Life::Running(_)) {
            let woken = self.changed.wait(life);
            life = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives a room back. The last one who does ends the container that is there for shells.
    pub(crate) fn leave(&self, room: Room) {
        // With the lock, so that the next container begins only when this one is gone: they share a root.
        let _life = self.life();
        drop(room);
    }

    /// Removes what the step wrote to its root.
    ///
    /// # Errors
    ///
    /// What is left behind.
    pub(crate) fn vacate(&self) -> io::Result<()> {
        let folder = self
            .folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        folder.map_or(Ok(()), StepFolder::remove)
    }

    pub(crate) fn failed(
        &self,
        doing: &str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> SandboxError {
        let doing = format!("{doing} step `{}`", self.name);
        SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(cause)
    }

    /// The first process of a container could not become what it was to.
    pub(crate) fn refused(&self, failure: Failure) -> SandboxError {
        let kind = match failure.guests {
            true => SandboxErrorKind::BadGuest,
            false => SandboxErrorKind::Host,
        };
        let doing = format!("{} for step `{}`", failure.doing, self.name);
        SandboxError::new(BACKEND, doing, kind).because(failure.cause)
    }
}

/// Who is in a task: asked to leave when the task ends, and waited for.
#[derive(Default)]
pub(crate) struct Occupancy {
    /// Asked for when the task ends.
    pub(crate) ends: Cancel,
    shells: Mutex<usize>,
    left: Condvar,
    sites: Mutex<Vec<Weak<Site>>>,
}

impl Occupancy {
    /// Takes note of one more step.
    pub(crate) fn settle(&self, site: &Arc<Site>) {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        sites.retain(|site| site.strong_count() > 0);
        sites.push(Arc::downgrade(site));
    }

    /// Takes note of a shell, until what it gives is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Occupant {
        *self.shells.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Occupant(Arc::clone(self))
    }

    /// Ends every shell, and removes what steps left and somebody still holds.
    ///
    /// # Errors
    ///
    /// What is left behind.
    pub(crate) fn end(&self) -> io::Result<()> {
        self.ends.cancel(CancelReason::Asked);
        let mut shells = self.shells.lock().unwrap_or_else(PoisonError::into_inner);
        while *shells > 0 {
            shells = self
                .left
                .wait(shells)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(shells);
        let sites = std::mem::take(&mut *self.sites.lock().unwrap_or_else(PoisonError::into_inner));
        let mut removed = Ok(());
        for site in sites.iter().filter_map(Weak::upgrade) {
            // Whoever runs still cleans up after itself.
            if matches!(*site.life(), Life::Prepared | Life::Ended(_)) {
                removed = removed.and(site.vacate());
            }
        }
        removed
    }
}

/// Somebody who is waited for.
pub(crate) struct Occupant(Arc<Occupancy>);

impl Drop for Occupant {
    fn drop(&mut self) {
        *self.0.shells.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_all();
    }
}
