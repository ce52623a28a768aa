//! The threads that tries run on: those of tokio's pool, which look for the next try before they go to sleep.
//!
//! Where tasks wait for each other, the next one is known some microseconds after one has ended. To put a thread to sleep
//! and wake it costs more than that: 10 to 50 µs, most of it until the kernel has brought the other processor back. So a
//! thread that has ended a try looks around for [`A_MOMENT`], and lets everybody else go first meanwhile.
//!
//! It does not know what a try is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::step::catch;

/// How long a thread looks for more to do. What comes next is decided within 30 µs; a thread that finds nothing has spent
/// this once for each try, and nothing while a step runs or nothing does.
const A_MOMENT: Duration = Duration::from_micros(40);

type Work = Box<dyn FnOnce() + Send>;

/// The threads of one run.
#[derive(Default)]
pub(super) struct Threads(Mutex<Waiting>);

/// There is never more work here than threads that look for some.
#[derive(Default)]
struct Waiting {
    threads: usize,
    work: VecDeque<Work>,
}

/// What becomes of some work.
pub(super) struct Pending<T>(oneshot::Receiver<Result<T, String>>);

impl<T> Pending<T> {
    /// What came of it, or what it said when it panicked. Not called again after that.
    pub(super) async fn wait(&mut self) -> Result<T, String> {
        let gone = || Err("its thread is gone".to_owned());
        (&mut self.0).await.unwrap_or_else(|_| gone())
    }
}

impl Threads {
    /// Does `work` on a thread of its own: one that has just ended something, or another of the pool. Called on the
    /// runtime.
    pub(super) fn spawn<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Pending<T> {
        let (done, pending) = oneshot::channel();
        let work = Box::new(move || {
            // Nobody may be waiting any more.
            let _ = done.send(catch(work));
        });
        let refused = self.waiting().take(work);
        if let Some(work) = refused {
            let threads = Arc::clone(self);
            tokio::task::spawn_blocking(move || threads.work(work));
        }
        Pending(pending)
    }

    fn work(&self, first: Work) {
        first();
        while let Some(next) = self.next() {
            next();
        }
    }

    /// What comes within a moment.
    fn next(&self) -> Option<Work> {
        self.waiting().threads += 1;
        let end = Instant::now() + A_MOMENT;
        loop {
            let late = Instant::now() >= end;
            let mut waiting = self.waiting();
            let found = waiting.work.pop_front();
            if late || found.is_some() {
                waiting.threads -= 1;
                return found;
            }
            drop(waiting);
            std::thread::yield_now();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Counted and queued as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Keeps `work` for a thread that looks for some; gives it back where none does.
    fn take(&mut self, work: Work) -> Option<Work> {
        if self.work.len() >= self.threads {
            return Some(work);
        }
        self.work.push_back(work);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    #[test]
    fn work_that_panics_says_so_and_the_thread_goes_on() {
        let threads = Arc::new(Threads::default());
        runtime().block_on(async {
            for _ in 0..100 {
                let mut broken = threads.spawn(|| -> u8 { panic!("no") });
                assert_eq!(broken.wait().await, Err("no".to_owned()));
                assert_eq!(threads.spawn(|| 7).wait().await, Ok(7));
            }
        });
    }

    #[test]
    fn attack_a_thread_that_never_comes_back_keeps_no_other_work_waiting() {
        let threads = Arc::new(Threads::default());
        let (go, stuck) = std::sync::mpsc::channel::<()>();
        runtime().block_on(async {
            let mut first = threads.spawn(move || stuck.recv().is_ok());
            for number in 0..100 {
                assert_eq!(threads.spawn(move || number).wait().await, Ok(number));
            }
            go.send(()).unwrap();
            assert_eq!(first.wait().await, Ok(true));
        });
    }

    #[test]
    fn work_is_kept_only_for_a_thread_that_looks_for_it() {
        let mut waiting = Waiting::default();
        assert!(waiting.take(Box::new(|| ())).is_some());
        waiting.threads = 1;
        assert!(waiting.take(Box::new(|| ())).is_none());
        assert!(waiting.take(Box::new(|| ())).is_some());
    }
}
