//! Digests small files on another thread, while the guest works on what it was handed of them.
//!
//! A digest is needed when a step has ended, and most files of most trees are read in one piece. A step that reads a few such
//! files never has the thread; one that reads faster than it digests does some of the work itself, so that no more than a few
//! batches wait in memory.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use stepwell_contract::{Digest, Observer, Settled};

/// Batches that wait for the thread.
const WAITING: usize = 4;

/// How many bytes, or files, are worth a word to the thread.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_FILES: usize = 256;

/// A file that a guest was handed in one piece, and that was the same when it was closed.
pub(super) struct Whole {
    /// Which question its digest answers.
    pub(super) question: u32,
    /// Its state, where its digest may be remembered by that.
    pub(super) version: Option<Settled>,
    pub(super) bytes: Box<[u8]>,
}

/// The answer to a question of a record.
pub(super) type Answered = (u32, Digest);

/// What is digested beside a guest, for `observer`.
pub(super) struct Beside {
    observer: Arc<dyn Observer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    batch: Vec<Whole>,
    bytes: usize,
    answered: Vec<Answered>,
    worker: Option<Worker>,
}

struct Worker {
    sender: SyncSender<Vec<Whole>>,
    thread: JoinHandle<Vec<Answered>>,
}

impl Beside {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            observer,
            state: Mutex::default(),
        }
    }

    /// Has `file` digested, some time before [`Self::finish`].
    pub(super) fn digest(&self, file: Whole) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes += file.bytes.len();
        state.batch.push(file);
        if state.bytes < BATCH_BYTES && state.batch.len() < BATCH_FILES {
            return;
        }
        state.bytes = 0;
        let batch = std::mem::take(&mut state.batch);
        if state.worker.is_none() {
            state.worker = self.worker();
        }
        let left = match &state.worker {
            None => Some(batch),
            Some(worker) => match worker.sender.try_send(batch) {
                Ok(()) => None,
                Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => Some(batch),
            },
        };
        if let Some(batch) = left {
            digest_all(&*self.observer, batch, &mut state.answered);
        }
    }

    /// All answers, once.
    ///
    /// # Panics
    ///
    /// As the thread did.
    pub(super) fn finish(&self) -> Vec<Answered> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State {
            batch,
            mut answered,
            worker,
            ..
        } = std::mem::take(&mut *state);
        digest_all(&*self.observer, batch, &mut answered);
        if let Some(Worker { sender, thread }) = worker {
            drop(sender);
            match thread.join() {
                Ok(more) => answered.extend(more),
                Err(panic) => resume_unwind(panic),
            }
        }
        answered
    }

    /// None where the machine has no thread to spare: then the guest's own does the work.
    fn worker(&self) -> Option<Worker> {
        let (sender, receiver): (_, Receiver<Vec<Whole>>) = sync_channel(WAITING);
        let observer = Arc::clone(&self.observer);
        let builder = thread::Builder::new().name("digests".to_owned());
        let thread = builder.spawn(move || {
            let mut answered = Vec::new();
            for batch in receiver {
                digest_all(&*observer, batch, &mut answered);
            }
            answered
        });
        let thread = thread.ok()?;
        Some(Worker { sender, thread })
    }
}

fn digest_all(observer: &dyn Observer, batch: Vec<Whole>, answered: &mut Vec<Answered>) {
    let digests = observer.digests();
    answered.reserve(batch.len());
    for file in batch {
        let digest = Digest::of(&file.bytes);
        if let Some(version) = &file.version {
            digests.put(version, digest);
        }
        answered.push((file.question, digest));
    }
}
