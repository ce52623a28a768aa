//! Ctrl-C and SIGTERM: the first asks the run to stop, the second ends this process at once.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};
use stepwell_contract::{Cancel, CancelReason};

use crate::exit::ExitCode;

/// Listens until it is dropped.
pub(crate) struct Listener {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Turns signals into `cancel`.
    ///
    /// # Errors
    ///
    /// The system does not let us listen.
    pub(crate) fn start(cancel: Cancel) -> anyhow::Result<Self> {
        let wanted = [SIGINT, SIGTERM];
        let asked = Arc::new(AtomicBool::new(false));
        for signal in wanted {
            // The order matters: the first signal finds the flag down, raises it and lives on.
            flag::register_conditional_shutdown(
                signal,
                ExitCode::Cancelled as i32,
                Arc::clone(&asked),
            )
            .and_then(|_| flag::register(signal, Arc::clone(&asked)))
            .context("failed to listen for signals")?;
        }
        let mut signals = Signals::new(wanted).context("failed to listen for signals")?;
        let handle = signals.handle();
        let thread = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for _ in signals.forever() {
                    let text =
                        "stepwell: stopping; press Ctrl-C again to stop without cleaning up\n";
                    let _ = io::stderr().write_all(text.as_bytes());
                    cancel.cancel(CancelReason::Asked);
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
