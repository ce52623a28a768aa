//! The one place where a step's thread waits for something other than its guest's own code.
//!
//! An engine's epochs stop a guest, not a host call that blocks. Every host call that may block for long waits here,
//! where a cancellation wakes it.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

use stepwell_contract::Cancel;

/// The step was cancelled while it waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the step was told to stop while it waited")]
pub(crate) struct Interrupted;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// The earliest moment that a timer of the future being waited for asked to be woken at.
    static ALARM: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Drives `future` on this thread until it is ready or the step is cancelled; the future is dropped then.
pub(crate) fn block_on<F: Future>(future: F, cancel: &Cancel) -> Result<F::Output, Interrupted> {
    let mut future = pin!(future);
    // Nearly always ready at once: files are read and written inline.
    if let Poll::Ready(output) = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        return Ok(output);
    }
    let thread = std::thread::current();
    let waker = Waker::from(Arc::new(Unpark(thread.clone())));
    let _hook = cancel.on_cancel(move || thread.unpark());
    loop {
        ALARM.set(None);
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Ok(output);
        }
        if cancel.reason().is_some() {
            return Err(Interrupted);
        }
        match ALARM.take() {
            Some(moment) => {
                std::thread::park_timeout(moment.saturating_duration_since(Instant::now()))
            }
            None => std::thread::park(),
        }
    }
}

/// Is ready at a moment of the machine's monotonic clock; only inside [`block_on`].
pub(crate) struct At(pub(crate) Instant);

impl Future for At {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.0 {
            return Poll::Ready(());
        }
        ALARM.set(Some(ALARM.get().map_or(self.0, |alarm| alarm.min(self.0))));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stepwell_contract::CancelReason;

    use super::*;

    #[test]
    fn what_is_ready_does_not_wait() {
        assert_eq!(block_on(async { 7 }, &Cancel::new()), Ok(7));
    }

    #[test]
    fn a_timer_ends_by_itself() {
        let start = Instant::now();
        assert_eq!(
            block_on(At(start + Duration::from_millis(5)), &Cancel::new()),
            Ok(())
        );
        assert!(start.elapsed() >= Duration::from_millis(5));
    }

    #[test]
    fn blocked_for_ever_ends_with_the_cancellation() {
        let cancel = Cancel::new();
        let waiting = std::thread::spawn({
            let cancel = cancel.clone();
            move || block_on(std::future::pending::<()>(), &cancel)
        });
        cancel.cancel(CancelReason::Asked);
        assert_eq!(waiting.join().unwrap(), Err(Interrupted));
    }
}
