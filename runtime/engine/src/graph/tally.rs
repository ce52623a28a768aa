//! How a pipeline ended, and how many of its tasks came to what.

use stepwell_contract::event::{SkipReason, Verdict};

use super::life::Failure;

/// How many tasks of a pipeline came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Succeeded.
    pub(crate) succeeded: usize,
    /// Failed, and did count; stopped by a time-out of the pipeline too.
    pub(crate) failed: usize,
    /// Failed, with `onError: continue`.
    pub(crate) ignored: usize,
    /// Stopped because somebody asked.
    pub(crate) cancelled: usize,
    /// Skipped, for whatever reason.
    pub(crate) skipped: usize,
    /// Those of the skipped that a time-out kept from running.
    pub(crate) late: usize,
}

impl Tally {
    pub(super) fn failure(&mut self, failure: Failure) {
        match failure {
            Failure::Plain | Failure::TimedOut => self.failed += 1,
            Failure::Ignored => self.ignored += 1,
            Failure::Cancelled => self.cancelled += 1,
            // It never ran; the verdict tells of it.
            Failure::Broken => {}
        }
    }

    pub(super) fn skip(&mut self, reason: SkipReason) {
        self.skipped += 1;
        match reason {
            SkipReason::PipelineTimeout | SkipReason::TasksTimeout | SkipReason::FinallyTimeout => {
                self.late += 1;
            }
            SkipReason::Stopping
            | SkipReason::GracefullyCancelled
            | SkipReason::GracefullyStopped
            | SkipReason::When
            | SkipReason::ParentSkipped
            | SkipReason::ResultsMissing
            | SkipReason::EmptyMatrix => {}
        }
    }
}

/// How a pipeline ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ending {
    /// It did not begin, for it is pending.
    Pending,
    /// It was cancelled as a whole.
    Cancelled,
    /// Its time was up.
    TimedOut,
    /// The time of its tasks was up; `finally` ran.
    TasksTimedOut,
    /// A task of it could not be made, or its `when` not be evaluated.
    Broken(Verdict),
    /// It went as its tasks went.
    Counted {
        /// How they went.
        tally: Tally,
        /// Whether somebody asked for a graceful end.
        cancelled: bool,
    },
}
