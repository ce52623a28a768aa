//! Signals, as requests to a run.
//!
//! ```text
//! Ctrl-C (SIGINT)     stop what runs, then run `finally`
//! Ctrl-C again        stop everything
//! Ctrl-C once more    end this process at once
//! SIGTERM, SIGHUP     stop everything; a second one ends this process at once
//! SIGUSR1             begin nothing new, let what runs come to its end, then run `finally`
//! ```
//!
//! Where there is no `finally`, the first Ctrl-C stops everything.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};
use stepwell_spec::RequestedStatus;

use crate::exit::ExitCode;

/// Listens until it is dropped.
pub(crate) struct Listener {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Turns signals into what `ask` is told. `finally` says whether something runs after a run that is stopped.
    ///
    /// # Errors
    ///
    /// The system does not let us listen.
    pub(crate) fn start(
        finally: bool,
        ask: impl Fn(RequestedStatus) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let mut wanted = vec![SIGINT, SIGTERM, SIGUSR1];
        // Under `nohup`, the end of the terminal is nobody's request.
        if !is_ignored(SIGHUP) {
            wanted.push(SIGHUP);
        }
        let last = Arc::new(AtomicBool::new(false));
        for signal in wanted.iter().filter(|signal| **signal != SIGUSR1) {
            let code = ExitCode::Cancelled as i32;
            flag::register_conditional_shutdown(*signal, code, Arc::clone(&last))
                .context("failed to listen for signals")?;
        }
        let mut signals = Signals::new(&wanted).context("failed to listen for signals")?;
        let handle = signals.handle();
        let thread = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let mut life = Life::Running;
                for signal in signals.forever() {
                    let (next, status, text) = life.next(signal, finally);
                    life = next;
                    ask(status);
                    // From here on the handler itself answers: this thread may be what is stuck.
                    last.store(life == Life::Cancelled, Ordering::Relaxed);
                    // Standard error may be closed; then nobody wants to know.
                    let _ = writeln!(io::stderr(), "stepwell: {text}");
                }
            })
            .context("failed to start a thread")?;
        Ok(Self {
            handle,
            thread: Some(thread),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It only ends by returning.
            let _ = thread.join();
        }
    }
}

/// What was asked for so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Stopping,
    Cancelled,
}

impl Life {
    /// What a signal asks for, and what to tell whoever sent it.
    fn next(self, signal: i32, finally: bool) -> (Self, RequestedStatus, &'static str) {
        match (signal, self) {
            (SIGUSR1, _) => (
                self,
                RequestedStatus::StoppedRunFinally,
                "nothing new begins; what runs comes to its end",
            ),
            (SIGINT, Self::Running) if finally => (
                Self::Stopping,
                RequestedStatus::CancelledRunFinally,
                "stopping what runs, then `finally` runs; press Ctrl-C again to stop without it",
            ),
            _ => (
                Self::Cancelled,
                RequestedStatus::Cancelled,
                "stopping; press Ctrl-C again to stop without cleaning up",
            ),
        }
    }
}

/// Whether whoever started this process wants a signal to be ignored. Where the system does not tell, nobody does.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let bit = u32::try_from(signal - 1).unwrap_or(0);
    mask.is_some_and(|mask| mask.checked_shr(bit).is_some_and(|rest| rest & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(signals: &[i32], finally: bool) -> Vec<RequestedStatus> {
        let mut life = Life::Running;
        let requests = signals.iter().map(|signal| {
            let (next, status, _) = life.next(*signal, finally);
            life = next;
            status
        });
        requests.collect()
    }

    #[test]
    fn a_second_ctrl_c_leaves_finally_out() {
        use RequestedStatus::{Cancelled, CancelledRunFinally, StoppedRunFinally};
        assert_eq!(
            asked(&[SIGUSR1, SIGINT, SIGINT], true),
            [StoppedRunFinally, CancelledRunFinally, Cancelled]
        );
        assert_eq!(asked(&[SIGINT], false), [Cancelled]);
        assert_eq!(asked(&[SIGTERM], true), [Cancelled]);
        assert_eq!(asked(&[SIGHUP], true), [Cancelled]);
    }
}
