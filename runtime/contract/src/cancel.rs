//! Asking a step to stop, from any thread, at any moment.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Why a step should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// Somebody asked.
    Asked,
    /// Its time is up; it had this long.
    TimedOut(Duration),
}

type Hook = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct State {
    reason: Option<CancelReason>,
    next_hook: u64,
    hooks: Vec<(u64, Arc<Hook>)>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A request to stop, shared between whoever may ask and whoever must obey. It is made once and never taken back; the
/// first reason stands.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

impl Cancel {
    /// A request that nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A hook that panicked has not changed the state.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the request and runs the hooks. A second request changes nothing.
    pub fn cancel(&self, reason: CancelReason) {
        let hooks: Vec<_> = {
            let mut state = self.state();
            if state.reason.is_some() {
                return;
            }
            state.reason = Some(reason);
            state.hooks.drain(..).collect()
        };
        self.0.changed.notify_all();
        for (_, hook) in hooks {
            hook();
        }
    }

    /// Why to stop, if somebody asked.
    pub fn reason(&self) -> Option<CancelReason> {
        self.state().reason
    }

    /// Sleeps for `duration`, or until the request is made.
    pub fn sleep(&self, duration: Duration) -> Option<CancelReason> {
        let end = Instant::now().checked_add(duration);
        let mut state = self.state();
        while state.reason.is_none() {
            let left = match end {
                Some(end) => end.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                break;
            }
            state = self
                .0
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.reason
    }

    /// Runs `hook` when the request is made, on the thread that makes it; at once, here, if it was made already.
    /// Dropping the guard forgets the hook.
    #[must_use = "dropping the guard forgets the hook"]
    pub fn on_cancel(&self, hook: impl Fn() + Send + Sync + 'static) -> HookGuard {
        let mut state = self.state();
        let id = state.next_hook;
        if state.reason.is_some() {
            drop(state);
            hook();
        } else {
            state.next_hook += 1;
            state.hooks.push((id, Arc::new(Box::new(hook))));
        }
        HookGuard {
            cancel: self.clone(),
            id,
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancel({:?})", self.reason())
    }
}

/// Keeps a hook of [`Cancel::on_cancel`] alive.
#[derive(Debug)]
pub struct HookGuard {
    cancel: Cancel,
    id: u64,
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        self.cancel.state().hooks.retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn the_first_reason_stands_and_hooks_run_once() {
        let cancel = Cancel::new();
        let runs = Arc::new(AtomicU32::new(0));
        let hook = {
            let runs = Arc::clone(&runs);
            move || {
                runs.fetch_add(1, Ordering::SeqCst);
            }
        };
        let kept = cancel.on_cancel(hook.clone());
        drop(cancel.on_cancel(hook.clone()));
        cancel.cancel(CancelReason::Asked);
        cancel.cancel(CancelReason::TimedOut(Duration::ZERO));
        assert_eq!(
            (cancel.reason(), runs.load(Ordering::SeqCst)),
            (Some(CancelReason::Asked), 1)
        );
        let late = cancel.on_cancel(hook);
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        drop((kept, late));
    }

    #[test]
    fn a_sleep_ends_with_the_request() {
        let cancel = Cancel::new();
        assert_eq!(cancel.sleep(Duration::from_millis(1)), None);
        let asker = std::thread::spawn({
            let cancel = cancel.clone();
            move || cancel.cancel(CancelReason::Asked)
        });
        assert_eq!(cancel.sleep(Duration::MAX), Some(CancelReason::Asked));
        asker.join().unwrap();
    }
}
