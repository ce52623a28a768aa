//! The record of a running step, shared by everything that it holds open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cap_std::fs::Dir;
use stepwell_contract::{Digests, Flaw, Observer, Spot};

use super::beside::Beside;
use super::recorder::Recorder;
use crate::fs::CountedFile;

/// The record of a running step, and for whom it is made.
pub(crate) struct Tracer {
    observer: Arc<dyn Observer>,
    recorder: Mutex<Recorder>,
    pub(super) beside: Beside,
    /// What is open to be read, and some that is not any more.
    open: Mutex<Vec<Weak<CountedFile>>>,
}

/// The folder of one mount, by its true name.
pub(crate) struct Root {
    pub(super) tracer: Arc<Tracer>,
    pub(super) dir: Arc<Dir>,
    pub(super) spot: Spot,
}

impl Tracer {
    /// Begins a record for `observer`.
    pub(crate) fn new(observer: Arc<dyn Observer>) -> Arc<Self> {
        Arc::new(Self {
            recorder: Mutex::new(Recorder::new(observer.most())),
            beside: Beside::new(Arc::clone(&observer)),
            observer,
            open: Mutex::default(),
        })
    }

    /// The folder `dir` of `volume`.
    pub(crate) fn root(self: &Arc<Self>, volume: &Arc<str>, dir: &Arc<Dir>) -> Arc<Root> {
        Arc::new(Root {
            tracer: Arc::clone(self),
            dir: Arc::clone(dir),
            spot: self.observer.place(volume),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn digests(&self) -> &dyn Digests {
        self.observer.digests()
    }

    /// Keeps an eye on an open file: what can be read of it is recorded before the step changes it.
    pub(crate) fn watch(&self, file: &Arc<CountedFile>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() == open.capacity() {
            open.retain(|file| file.strong_count() > 0);
            let live = open.len();
            open.reserve(live + 16);
        }
        open.push(Arc::downgrade(file));
    }

    /// The step is about to change what is at or below `spot`.
    pub(super) fn settle(&self, spot: &Spot) {
        let open: Vec<_> = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.iter().filter_map(Weak::upgrade).collect()
        };
        for file in open {
            if let Some(seen) = &file.seen
                && is_within(&seen.spot, spot)
            {
                seen.settle(&file.file);
            }
        }
    }

    /// The step did something of which there is no observation.
    pub(crate) fn unobservable(&self, what: &'static str) {
        self.lock().flaw(Flaw::Unobservable(what));
    }

    /// Two open things were compared. Where a file has more than one name, paths do not tell whether they are the same.
    pub(crate) fn compared(&self, has_other_names: bool) {
        if has_other_names {
            self.unobservable("compared files that have other names too");
        }
    }

    /// Hands the record over. Everything that the guest held open is closed.
    pub(crate) fn finish(&self) {
        let answered = self.beside.finish();
        let mut recorder = std::mem::replace(&mut *self.lock(), Recorder::new(0));
        for (question, digest) in answered {
            recorder.answer(question, digest);
        }
        let trace = recorder.finish();
        self.observer.observed(trace);
    }
}

/// Whether `spot` is `outer` or below it.
fn is_within(spot: &Spot, outer: &Spot) -> bool {
    spot.volume == outer.volume
        && spot
            .path
            .strip_prefix(&*outer.path)
            .is_some_and(|rest| rest.is_empty() || outer.path.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_is_by_whole_names() {
        let spot = |path: &str| Spot::new("v", path);
        assert!(is_within(&spot("a/b"), &spot("a")));
        assert!(is_within(&spot("a"), &spot("a")));
        assert!(is_within(&spot("a"), &spot("")));
        assert!(!is_within(&spot("ab"), &spot("a")));
        assert!(!is_within(&spot("a"), &spot("a/b")));
        assert!(!is_within(&Spot::new("w", "a"), &spot("a")));
    }
}
