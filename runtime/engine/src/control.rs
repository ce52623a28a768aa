//! Asking a run to end, from any thread, at any moment.

use std::sync::Arc;

use stepwell_spec::RequestedStatus;
use tokio::sync::watch;

/// A handle to ask a run to end, in one of Tekton's three ways. Clones ask the same run. A stronger request goes over a
/// weaker one: `Cancelled` over `CancelledRunFinally` over `StoppedRunFinally`. A lone TaskRun has nothing that could
/// run after it or be left to its end: every request cancels it.
#[derive(Debug, Clone)]
pub struct Control(Arc<watch::Sender<Option<RequestedStatus>>>);

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl Control {
    /// A handle with which nobody has asked for anything yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Asks for `status`. One that is not stronger than what was asked for before changes nothing, and neither does
    /// [`RequestedStatus::Pending`]: a run has begun, or somebody holds it back.
    pub fn ask(&self, status: RequestedStatus) {
        self.0.send_if_modified(|asked| {
            let stronger = strength(Some(status)) > strength(*asked);
            if stronger {
                *asked = Some(status);
            }
            stronger
        });
    }

    /// What was asked for.
    pub fn asked(&self) -> Option<RequestedStatus> {
        *self.0.borrow()
    }

    /// To wait for the next request.
    pub(crate) fn listen(&self) -> Requests {
        let mut requests = self.0.subscribe();
        // What was asked for before is news as well.
        requests.mark_changed();
        Requests(requests)
    }
}

/// What is asked of a run, as it is asked.
pub(crate) struct Requests(watch::Receiver<Option<RequestedStatus>>);

impl Requests {
    /// Waits for the next request; for ever once nobody can make one.
    pub(crate) async fn next(&mut self) -> RequestedStatus {
        while self.0.changed().await.is_ok() {
            if let Some(status) = *self.0.borrow_and_update() {
                return status;
            }
        }
        std::future::pending().await
    }
}

/// Which request goes over which.
pub(crate) fn strength(status: Option<RequestedStatus>) -> u8 {
    match status {
        None | Some(RequestedStatus::Pending) => 0,
        Some(RequestedStatus::StoppedRunFinally) => 1,
        Some(RequestedStatus::CancelledRunFinally) => 2,
        Some(RequestedStatus::Cancelled) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_strongest_request_stands() {
        let control = Control::new();
        let mut requests = control.listen();
        control.ask(RequestedStatus::Pending);
        assert_eq!(control.asked(), None);
        control.ask(RequestedStatus::CancelledRunFinally);
        control.ask(RequestedStatus::StoppedRunFinally);
        assert_eq!(requests.next().await, RequestedStatus::CancelledRunFinally);
        let asker = control.clone();
        std::thread::spawn(move || asker.ask(RequestedStatus::Cancelled));
        assert_eq!(requests.next().await, RequestedStatus::Cancelled);
        assert_eq!(control.asked(), Some(RequestedStatus::Cancelled));
    }

    #[tokio::test]
    async fn a_request_from_before_is_heard() {
        let control = Control::new();
        control.ask(RequestedStatus::StoppedRunFinally);
        let mut requests = control.listen();
        assert_eq!(requests.next().await, RequestedStatus::StoppedRunFinally);
    }
}
