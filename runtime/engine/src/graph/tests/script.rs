//! What will happen in a pipeline, written down before it does.

use stepwell_contract::event::Verdict;
use stepwell_spec::{OnError, RequestedStatus, Timeouts};

use super::model;
use super::simulator::play;
use crate::graph::{Ending, Tally};

/// A pipeline with all that will happen in it. Times are in seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    pub(super) tasks: Vec<Task>,
    pub(super) timeouts: Timeouts,
    /// What the document asks for.
    pub(super) status: Option<RequestedStatus>,
    /// What somebody asks for, and when.
    pub(super) requests: Vec<(u64, RequestedStatus)>,
    /// How many TaskRuns may run at once; 0 for any number.
    pub(super) places: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) parents: Vec<usize>,
    pub(super) finally: bool,
    pub(super) on_error: OnError,
    /// What its `when` says.
    pub(super) when: bool,
    /// Its `when` asks for results of these.
    pub(super) asks: Vec<usize>,
    /// Its params ask for results of these.
    pub(super) needs: Vec<usize>,
    /// How long each instance takes, and whether it succeeds; none for an empty matrix.
    pub(super) rows: Vec<(u64, bool)>,
    /// It is a nested pipeline.
    pub(super) nested: Option<Box<Script>>,
    /// Its `when` cannot be evaluated.
    pub(super) when_breaks: bool,
    /// It cannot be made.
    pub(super) breaks: bool,
    /// How long it takes to make it.
    pub(super) making: u64,
    /// How long it goes on when it is told to stop.
    pub(super) stopping: u64,
}

impl Task {
    pub(super) fn new(name: &str, rows: &[(u64, bool)]) -> Self {
        Self {
            name: name.to_owned(),
            parents: Vec::new(),
            finally: false,
            on_error: OnError::StopAndFail,
            when: true,
            asks: Vec::new(),
            needs: Vec::new(),
            rows: rows.to_vec(),
            nested: None,
            when_breaks: false,
            breaks: false,
            making: 0,
            stopping: 0,
        }
    }
}

/// A task that takes `seconds` and succeeds.
pub(super) fn ok(name: &str, seconds: u64) -> Task {
    Task::new(name, &[(seconds, true)])
}

/// A task that takes `seconds` and fails.
pub(super) fn bad(name: &str, seconds: u64) -> Task {
    Task::new(name, &[(seconds, false)])
}

impl Task {
    pub(super) fn after(self, parents: &[usize]) -> Self {
        let parents = parents.to_vec();
        Self { parents, ..self }
    }

    pub(super) fn in_finally(self) -> Self {
        Self {
            finally: true,
            ..self
        }
    }

    /// Its `when` is false.
    pub(super) fn unwanted(self) -> Self {
        Self {
            when: false,
            ..self
        }
    }

    /// Its params ask for results of `tasks`.
    pub(super) fn needs(self, tasks: &[usize]) -> Self {
        let needs = tasks.to_vec();
        Self { needs, ..self }
    }

    /// Its `when` asks for results of `tasks`.
    pub(super) fn asks(self, tasks: &[usize]) -> Self {
        let asks = tasks.to_vec();
        Self { asks, ..self }
    }

    /// `onError: continue`
    pub(super) fn light(self) -> Self {
        Self {
            on_error: OnError::Continue,
            ..self
        }
    }
}

impl Script {
    pub(super) fn of(tasks: Vec<Task>) -> Self {
        Self {
            tasks,
            ..Self::default()
        }
    }

    /// Somebody asks for `status`, after `seconds`.
    pub(super) fn asked(mut self, seconds: u64, status: RequestedStatus) -> Self {
        self.requests.push((seconds, status));
        self
    }

    /// What happens, line by line, and the tally or whatever else the pipeline ends with.
    #[track_caller]
    pub(super) fn goes(&self, lines: &[&str], ending: Ending) {
        let played = play(self);
        assert_eq!(played.log, lines);
        assert_eq!(played.outcome().ending, ending);
        let nested = |task: &Task| task.nested.is_some() || task.making > 0;
        let special = |task: &Task| nested(task) || task.stopping > 0 || task.when_breaks;
        if !self.tasks.iter().any(special) {
            assert_eq!(model::expect(self), played.outcome(), "the model");
        }
    }
}

pub(super) const NONE: Tally = Tally {
    succeeded: 0,
    failed: 0,
    ignored: 0,
    cancelled: 0,
    skipped: 0,
    late: 0,
};

/// Writes a tally down: `NONE.succeeded(1).skipped(2)`.
macro_rules! count {
    ($($field:ident),*) => {
        impl Tally {
            $(pub(super) fn $field(self, $field: usize) -> Self {
                Self { $field, ..self }
            })*
        }
    };
}
count!(succeeded, failed, ignored, cancelled, skipped, late);

/// A pipeline that went as its tasks went.
pub(super) fn counted(tally: Tally) -> Ending {
    Ending::Counted {
        tally,
        cancelled: false,
    }
}

/// A pipeline that went as its tasks went, until somebody asked for a graceful end.
pub(super) fn graceful(tally: Tally) -> Ending {
    Ending::Counted {
        tally,
        cancelled: true,
    }
}

pub(super) fn verdict(reason: &str) -> Verdict {
    Verdict {
        succeeded: false,
        reason: reason.to_owned(),
        message: String::new(),
    }
}
