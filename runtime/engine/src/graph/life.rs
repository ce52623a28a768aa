//! Where a task of a pipeline is in its life.

use std::collections::BTreeSet;

use stepwell_contract::event::SkipReason;

use super::command::Why;

/// The life of a task of a pipeline:
///
/// ```text
/// Waiting ──→ Ready ──→ Queued ──→ Making ──→ Running ──→ Done | Failed
///    └──────────┴─────────┴──────────┴──────→ Skipped | Dropped
/// ```
///
/// Skipped may come at every stage before the first instance has started: a task that has one is not skipped any more.
/// How many tasks wait for what, the line for places and the counts of a verdict are caches of this.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Life {
    /// A task before it has not settled; of `finally`: the pipeline's other tasks have not.
    Waiting,
    /// Whether it may run is being asked.
    Ready,
    /// It may run, and stands in line for a place.
    Queued,
    /// It has a place, and its instances are being made.
    Making,
    /// An instance of it has started, and not all have ended.
    Running(Box<Rows>),
    /// All of its instances have ended, and succeeded.
    Done,
    /// All of its instances have ended, and not all have succeeded.
    Failed(Failure),
    /// It will not run, and somebody is told why.
    Skipped(SkipReason),
    /// It will not run: the pipeline was cancelled as a whole before its turn came. As with Tekton's controller, which
    /// then says nothing about it.
    Dropped,
}

impl Life {
    /// Whether nothing of it has started and something still could.
    pub(super) fn is_ahead(&self) -> bool {
        matches!(
            self,
            Self::Waiting | Self::Ready | Self::Queued | Self::Making
        )
    }
}

/// What a failure counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// A failure.
    Plain,
    /// One that its `onError: continue` makes light of.
    Ignored,
    /// It was stopped because somebody asked.
    Cancelled,
    /// It was stopped because the time of its pipeline was up.
    TimedOut,
    /// It could not be made.
    Broken,
}

/// The instances of a running task.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    /// How many there will be; fewer than were made once the rest is given up.
    pub(super) count: usize,
    /// How many have started: always the first ones.
    pub(super) started: usize,
    /// Those that have started and not ended.
    pub(super) running: BTreeSet<usize>,
    /// Whether one has failed.
    pub(super) failed: bool,
    /// Whether one was stopped.
    pub(super) cancelled: bool,
    /// Why they were told to stop.
    pub(super) stopped: Option<Why>,
    /// Whether it is a nested pipeline, which takes no place: its tasks do.
    pub(super) nested: bool,
}

impl Rows {
    pub(super) fn new(count: usize, nested: bool) -> Self {
        Self {
            count,
            started: 0,
            running: BTreeSet::new(),
            failed: false,
            cancelled: false,
            stopped: None,
            nested,
        }
    }

    /// Whether all that started have ended, and no more will start.
    pub(super) fn have_ended(&self) -> bool {
        self.running.is_empty() && self.started == self.count
    }
}
