//! The words between the scheduler and who drives it.

use std::time::Duration;

use stepwell_contract::event::{SkipReason, Verdict};

use super::tally::Ending;

/// A moment of a run: how long after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(pub(crate) Duration);

impl Moment {
    /// `after` later; `None` where no clock holds such a moment, which is no deadline.
    pub(crate) fn after(self, after: Duration) -> Option<Self> {
        self.0.checked_add(after).map(Self)
    }
}

/// A pipeline of the run: 0 for the run's own, then in the order in which nested ones began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PipelineId(pub(super) u32);

impl PipelineId {
    /// Its place among the pipelines of the run.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A task of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct At {
    /// In which pipeline.
    pub(crate) pipeline: PipelineId,
    /// Its place among that pipeline's tasks.
    pub(crate) task: usize,
}

/// Why an instance is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Somebody asked.
    Cancelled,
    /// The time of its pipeline, or of its part of it, is up.
    TimedOut,
}

/// What is to be done. Commands are given in order and have to be done in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Evaluate its `when` and call [`Schedule::answered`](super::Schedule::answered).
    Ask(At),
    /// Make its instances and call [`Schedule::made`](super::Schedule::made).
    Make(At),
    /// Start one of its instances, and call [`Schedule::ended`](super::Schedule::ended) when it has ended. A nested
    /// pipeline goes to [`Schedule::nest`](super::Schedule::nest).
    Start {
        /// The task.
        at: At,
        /// Which instance.
        row: usize,
    },
    /// Tell a running TaskRun to stop; it still has to end.
    Stop {
        /// The task.
        at: At,
        /// Which instance.
        row: usize,
        /// Why.
        why: Why,
    },
    /// All of its instances have ended.
    Settle {
        /// The task.
        at: At,
        /// Whether all of them succeeded.
        succeeded: bool,
        /// Whether one of them was stopped.
        cancelled: bool,
    },
    /// It will not run.
    Skip {
        /// The task.
        at: At,
        /// Why.
        reason: SkipReason,
    },
    /// The tasks of this pipeline have settled, and those of `finally` begin.
    BeginFinally(PipelineId),
    /// Everything in this pipeline has settled. Nothing more is said about it.
    Finish {
        /// Which one.
        pipeline: PipelineId,
        /// How.
        ending: Ending,
    },
}

/// What came of a task's `when`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// It may run.
    Run,
    /// It may not.
    No,
    /// Results that it asks for are not there.
    ResultsMissing,
    /// It cannot be said, and the pipeline fails for it.
    Broken(Verdict),
}

/// What a task became.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Made {
    /// This many TaskRuns, at least one.
    Tasks(usize),
    /// A nested pipeline.
    Pipeline,
    /// Nothing: results that it asks for are not there.
    ResultsMissing,
    /// Nothing: an array of its matrix is empty.
    EmptyMatrix,
    /// Nothing, and the pipeline fails for it.
    Broken(Verdict),
}

/// How an instance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Whether it succeeded.
    pub(crate) succeeded: bool,
    /// Whether it was stopped from outside.
    pub(crate) cancelled: bool,
}
