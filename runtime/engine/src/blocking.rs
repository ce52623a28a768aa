//! Does blocking work on a thread of its own, and knows when to stop waiting for it.
//!
//! Work is told to stop through a [`Cancel`] of its own, by the run's cancel or by its deadline. A call into the host
//! that never returns cannot be stopped, so the wait for it ends a moment later all the same: the thread is then left
//! behind, with whatever it holds. It does not know what the work is.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::cancel::HookGuard;
use stepwell_contract::{Cancel, CancelReason};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long work may take to stop once it was told to. A backend needs milliseconds; the user who pressed Ctrl-C is
/// promised two seconds for everything.
pub(crate) const GRACE: Duration = Duration::from_millis(1_200);

/// A moment, and the time that was given until then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) after: Duration,
}

impl Deadline {
    /// The same moment, with the time that is given from `now` on.
    pub(crate) fn seen_from(self, now: Instant) -> Self {
        let after = self.at.saturating_duration_since(now);
        Self { at: self.at, after }
    }
}

/// How the wait for some work ended.
pub(crate) enum Waited<T> {
    /// It is done, or panicked with a message.
    Done(Result<T, String>),
    /// It was told to stop and did not.
    Stuck(CancelReason),
}

/// Watches over one piece of work. Dropped, it tells the work to stop, so that nothing runs on for a run that is gone.
pub(crate) struct Watch {
    cancel: Cancel,
    asked: Arc<Notify>,
    deadline: Option<Deadline>,
    _link: HookGuard,
}

impl Watch {
    /// A watch that stops the work when `run` is cancelled or at `deadline`.
    pub(crate) fn new(run: &Cancel, deadline: Option<Deadline>) -> Self {
        let cancel = Cancel::new();
        let asked = Arc::new(Notify::new());
        let link = run.on_cancel({
            let (run, cancel, asked) = (run.clone(), cancel.clone(), Arc::clone(&asked));
            move || {
                cancel.cancel(run.reason().unwrap_or(CancelReason::Asked));
                asked.notify_one();
            }
        });
        Self {
            cancel,
            asked,
            deadline,
            _link: link,
        }
    }

    /// What tells the work to stop.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Does `work` on a thread of the runtime's pool, and waits for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Waited<T> {
        let mut handle = start(work);
        let time_is_up = async {
            match self.deadline {
                Some(Deadline { at, after }) => {
                    tokio::time::sleep_until(at).await;
                    self.cancel.cancel(CancelReason::TimedOut(after));
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            done = &mut handle => return Waited::Done(joined(done)),
            () = self.asked.notified() => {}
            () = time_is_up => {}
        }
        match tokio::time::timeout(GRACE, handle).await {
            Ok(done) => Waited::Done(joined(done)),
            Err(_) => Waited::Stuck(self.cancel.reason().unwrap_or(CancelReason::Asked)),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.cancel.cancel(CancelReason::Asked);
    }
}

/// Does `work` on a thread of the runtime's pool, however long it takes.
pub(crate) async fn run_to_the_end<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    joined(start(work).await)
}

type Caught<T> = Result<T, String>;

fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<Caught<T>> {
    tokio::task::spawn_blocking(move || catch(work))
}

/// Does `work` and turns a panic into what it said. Nothing that `work` has touched is looked at again after a panic,
/// other than by its destructors.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Caught<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic))
}

fn joined<T>(joined: Result<Caught<T>, tokio::task::JoinError>) -> Caught<T> {
    joined.unwrap_or_else(|error| Err(error.to_string()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
