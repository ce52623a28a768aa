//! Listens to a step that runs: what it says goes on to its sink and is remembered, and what it observes is taken from its
//! backend.
//!
//! The values of Secrets are hidden before anything is remembered: what a step printed is shown again by a hit, and may stay
//! in the cache for longer than anybody remembers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_contract::{
    Digests, EmitError, LogStream, Observer, ParamValue, Spot, StepSink, Trace,
};
use stepwell_store::Cache;
use stepwell_store::cache::Said;

use super::NotKept;
use super::places::Places;
use crate::mask::{self, Mask};

/// How many observations are kept of one step: some hundred megabytes of memory.
const MOST_OBSERVATIONS: usize = 1 << 20;

/// How much of what a step says is kept: it is held in memory until the step has ended.
const MOST_SAID: u64 = 32 << 20;

/// One thing said costs this much beside its bytes.
const COST: u64 = 64;

/// The sink of a step that is recorded.
pub(super) struct Recorder {
    sink: Arc<dyn StepSink>,
    said: Mutex<Listened>,
    watcher: Arc<Watcher>,
}

/// What was said so far.
struct Listened {
    said: Vec<Said>,
    bytes: u64,
    stdout: Option<mask::Stream>,
    stderr: Option<mask::Stream>,
    refused: bool,
}

/// Takes what the backend observed.
struct Watcher {
    store: Arc<Cache>,
    places: Arc<Places>,
    trace: Mutex<Option<Trace>>,
}

impl Recorder {
    pub(super) fn new(
        sink: Arc<dyn StepSink>,
        store: Arc<Cache>,
        places: Arc<Places>,
        mask: &Mask,
    ) -> Self {
        Self {
            sink,
            said: Mutex::new(Listened {
                said: Vec::new(),
                bytes: 0,
                stdout: mask.stream(),
                stderr: mask.stream(),
                refused: false,
            }),
            watcher: Arc::new(Watcher {
                store,
                places,
                trace: Mutex::new(None),
            }),
        }
    }

    /// How many observations were made.
    pub(super) fn observations(&self) -> u64 {
        let trace = lock(&self.watcher.trace);
        trace
            .as_ref()
            .map_or(0, |trace| trace.observations.len() as u64)
    }

    /// What was observed, once; `None` where the backend handed nothing over.
    pub(super) fn take_trace(&self) -> Option<Trace> {
        lock(&self.watcher.trace).take()
    }

    /// All that was said. Called after the step.
    ///
    /// # Errors
    ///
    /// Why it is not whole.
    pub(super) fn said(&self) -> Result<Vec<Said>, NotKept> {
        let mut listened = lock(&self.said);
        listened.finish();
        if listened.refused {
            return Err(NotKept::Result);
        }
        if listened.bytes > MOST_SAID {
            return Err(NotKept::Output(MOST_SAID));
        }
        Ok(std::mem::take(&mut listened.said))
    }
}

impl Listened {
    fn log(&mut self, stream: LogStream, bytes: &[u8]) {
        let mask = match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        };
        match mask.take() {
            None => self.add(stream, bytes),
            Some(mut mask) => {
                mask.push(bytes, &mut |bytes| self.add(stream, bytes));
                self.put(stream, mask);
            }
        }
    }

    fn put(&mut self, stream: LogStream, mask: mask::Stream) {
        match stream {
            LogStream::Stdout => self.stdout = Some(mask),
            LogStream::Stderr => self.stderr = Some(mask),
        }
    }

    fn add(&mut self, stream: LogStream, bytes: &[u8]) {
        if !bytes.is_empty() && self.costs(bytes.len()) {
            self.said.push(Said::Log(stream, bytes.into()));
        }
    }

    /// Counts what is said; once it is too much, nothing of it is kept in memory.
    fn costs(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes as u64 + COST);
        let fits = self.bytes <= MOST_SAID;
        if !fits {
            self.said = Vec::new();
        }
        fits
    }

    fn finish(&mut self) {
        for stream in [LogStream::Stdout, LogStream::Stderr] {
            let mask = match stream {
                LogStream::Stdout => self.stdout.take(),
                LogStream::Stderr => self.stderr.take(),
            };
            if let Some(mut mask) = mask {
                mask.finish(false, &mut |bytes| self.add(stream, bytes));
            }
        }
    }
}

impl StepSink for Recorder {
    fn log(&self, stream: LogStream, bytes: &[u8]) {
        lock(&self.said).log(stream, bytes);
        self.sink.log(stream, bytes);
    }

    fn emit(&self, name: &str, value: ParamValue) -> Result<(), EmitError> {
        let emitted = self.sink.emit(name, value.clone());
        let mut listened = lock(&self.said);
        match &emitted {
            Ok(()) => {
                let cost = name.len() + serde_json::to_string(&value).map_or(0, |text| text.len());
                if listened.costs(cost) {
                    listened.said.push(Said::Result(name.to_owned(), value));
                }
            }
            // Not the guest's doing, and the guest was told.
            Err(EmitError::Host { .. }) => listened.refused = true,
            // Follows from its key.
            Err(_) => {}
        }
        emitted
    }

    fn keeps(&self, name: &str) -> Option<Arc<str>> {
        self.sink.keeps(name)
    }

    fn started(&self) {
        self.sink.started();
    }

    fn progress(&self, done: u64, total: Option<u64>, message: &str) {
        let mut listened = lock(&self.said);
        if listened.costs(message.len()) {
            listened.said.push(Said::Progress {
                done,
                total,
                message: message.to_owned(),
            });
        }
        drop(listened);
        self.sink.progress(done, total, message);
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(Arc::clone(&self.watcher) as Arc<dyn Observer>)
    }
}

impl Observer for Watcher {
    fn most(&self) -> usize {
        MOST_OBSERVATIONS
    }

    fn place(&self, volume: &Arc<str>) -> Spot {
        // A volume that the step does not mount is asked for by nobody.
        let place = self.places.place(volume);
        place.unwrap_or_else(|| Spot::new(Arc::clone(volume), ""))
    }

    fn digests(&self) -> &dyn Digests {
        self.store.digests()
    }

    fn observed(&self, trace: Trace) {
        *lock(&self.trace) = Some(trace);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change of it is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
