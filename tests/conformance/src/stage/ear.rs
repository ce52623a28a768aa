//! Hears what a step says: keeps the beginning, counts the rest, and lets a case wait for a line.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepwell_contract::{EmitError, LogStream, ParamValue, StepSink};

/// How much of each output is kept.
const KEPT: usize = 1 << 20;

/// Called with what a step prints, on whatever thread the backend says it; may block, which holds the step back.
pub(crate) type Hook = Box<dyn Fn(&[u8]) + Send + Sync>;

/// The sink of one step.
#[derive(Default)]
pub struct Ear {
    heard: Mutex<Heard>,
    more: Condvar,
    hook: Option<Hook>,
}

#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Of both, kept or not.
    pub(crate) bytes: u64,
    /// How often it was said that the program runs.
    pub(crate) started: u32,
    ended: bool,
}

impl Ear {
    pub(crate) fn new(hook: Option<Hook>) -> Self {
        Self {
            hook,
            ..Self::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is said any more.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.more.notify_all();
    }

    /// Takes what was heard.
    pub(crate) fn take(&self) -> Heard {
        std::mem::take(&mut self.lock())
    }

    /// Waits until a line was said on standard output, whole.
    ///
    /// # Panics
    ///
    /// When the step ended without it, or said nothing of the kind for as long as `patience`.
    pub fn wait_for(&self, line: &str, patience: Duration) {
        let missing = |heard: &mut Heard| !heard.ended && !heard.said(line);
        let (heard, waited) = self
            .more
            .wait_timeout_while(self.lock(), patience, missing)
            .unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&heard.stdout).into_owned();
        let found = heard.said(line);
        drop(heard);
        assert!(!waited.timed_out(), "no line `{line}` in time: {said:?}");
        assert!(found, "ended without a line `{line}`: {said:?}");
    }
}

impl Heard {
    fn said(&self, line: &str) -> bool {
        let whole = self.stdout.iter().rposition(|byte| *byte == b'\n');
        let text = String::from_utf8_lossy(&self.stdout[..whole.unwrap_or(0)]).into_owned();
        text.split('\n').any(|said| said.trim_end() == line)
    }
}

impl StepSink for Ear {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        let mut heard = self.lock();
        heard.bytes += bytes.len() as u64;
        let kept = match stream {
            LogStream::Stdout => &mut heard.stdout,
            LogStream::Stderr => &mut heard.stderr,
        };
        let room = KEPT.saturating_sub(kept.len());
        kept.extend(&bytes[..room.min(bytes.len())]);
        drop(heard);
        self.more.notify_all();
        if let Some(hook) = &self.hook {
            hook(bytes);
        }
    }

    fn emit(&self, name: &str, _: ParamValue) -> Result<(), EmitError> {
        Err(EmitError::Undeclared(name.to_owned()))
    }

    fn started(&self) {
        self.lock().started += 1;
    }

    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
}
