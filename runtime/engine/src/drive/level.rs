//! One pipeline while it runs: what is known of its tasks, and what was made for those whose turn it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::event::{SkipReason, Verdict};
use stepwell_contract::{ParamValue, Timestamp};
use stepwell_spec::{Facts, Instance, Instances, Pipeline, RemoteRef, TaskFact};

use crate::events::Events;
use crate::graph::{At, Node};

/// One pipeline while it runs.
pub(super) struct Level {
    pub(super) pipeline: Pipeline,
    pub(super) facts: Facts,
    pub(super) events: Events,
    pub(super) began: Timestamp,
    /// The instance of the pipeline around it that it is.
    pub(super) parent: Option<(At, usize)>,
    /// The `when` of each task as it was evaluated, until the task starts or is skipped.
    pub(super) whens: HashMap<usize, Vec<Value>>,
    /// The instances of the tasks that have some.
    pub(super) rows: HashMap<usize, Rows>,
    /// The instances of tasks whose turn is foreseen.
    ahead: HashMap<usize, Vec<Instance>>,
    /// What was fetched for a task that is being made.
    pub(super) fetched: HashMap<usize, Vec<RemoteRef>>,
}

/// The instances of one task.
pub(super) struct Rows {
    /// Those that have not started.
    pub(super) made: Vec<Option<Instance>>,
    /// What those that have ended left behind.
    ended: Vec<Option<Left>>,
}

/// What an instance left behind.
pub(super) struct Left {
    pub(super) succeeded: bool,
    pub(super) reason: Arc<str>,
    pub(super) results: BTreeMap<Arc<str>, ParamValue>,
    pub(super) artifacts: Option<Arc<Value>>,
}

impl Level {
    pub(super) fn new(pipeline: Pipeline, events: Events, parent: Option<(At, usize)>) -> Self {
        Self {
            facts: Facts::new(pipeline.tasks.len()),
            began: events.now(),
            pipeline,
            events,
            parent,
            whens: HashMap::new(),
            rows: HashMap::new(),
            ahead: HashMap::new(),
            fetched: HashMap::new(),
        }
    }

    /// What the scheduler has to know of its tasks.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.pipeline.tasks.iter().map(|task| Node {
            parents: &task.parents,
            section: task.section,
            on_error: task.on_error,
        })
    }

    /// Makes the instances of `task` before its turn, where they do not depend on what other tasks leave.
    pub(super) fn make_ahead(&mut self, task: usize) {
        if let Some(made) = self.pipeline.instances_ahead(task) {
            self.ahead.insert(task, made);
        }
    }

    /// The instances of `task`, whose turn it is, or why there are none.
    pub(super) fn instances(&mut self, task: usize) -> Instances {
        match self.ahead.remove(&task) {
            Some(made) => Instances::Run(made),
            None => self.pipeline.instances(task, &self.facts),
        }
    }

    /// Keeps the `when` of `task` as it was evaluated.
    pub(super) fn remember_when(&mut self, task: usize, expressions: Vec<Value>) {
        if !expressions.is_empty() {
            self.whens.insert(task, expressions);
        }
    }

    /// `task` is skipped.
    pub(super) fn skipped(&mut self, task: usize, reason: SkipReason) {
        self.ahead.remove(&task);
        self.facts.set(task, TaskFact::Skipped(reason));
    }

    /// `task` could not be made: to others, it has failed.
    pub(super) fn broke(&mut self, task: usize, verdict: &Verdict) {
        // It may have been skipped while a document for it was on its way.
        if *self.facts.of(task) != TaskFact::Pending {
            return;
        }
        let fact = TaskFact::Ended {
            succeeded: false,
            cancelled: false,
            reason: verdict.reason.as_str().into(),
            results: Arc::from([]),
            artifacts: None,
        };
        self.facts.set(task, fact);
    }

    /// Instance `row` of `task` has ended.
    pub(super) fn has_ended(&mut self, task: usize, row: usize, left: Left) {
        if let Some(slot) = self
            .rows
            .get_mut(&task)
            .and_then(|rows| rows.ended.get_mut(row))
        {
            *slot = Some(left);
        }
    }

    /// All instances of `task` have ended: from now on, only this is known of it.
    pub(super) fn settle(&mut self, task: usize, succeeded: bool, cancelled: bool) {
        self.whens.remove(&task);
        let rows = self.rows.remove(&task);
        let left: Vec<_> = rows.map_or_else(Vec::new, |rows| rows.ended);
        // As in Tekton: the first that did not succeed, or the first.
        let decided = left.iter().flatten();
        let decided = decided
            .clone()
            .find(|left| !left.succeeded)
            .or_else(|| decided.clone().next());
        let reason = decided.map_or_else(|| Arc::from(""), |left| Arc::clone(&left.reason));
        let artifacts = left
            .iter()
            .flatten()
            .find_map(|left| left.artifacts.clone());
        let results = left
            .into_iter()
            .map(|left| left.map(|left| left.results).unwrap_or_default())
            .collect();
        let fact = TaskFact::Ended {
            succeeded,
            cancelled,
            reason,
            results,
            artifacts,
        };
        self.facts.set(task, fact);
    }
}

impl Rows {
    pub(super) fn new(made: Vec<Instance>) -> Self {
        Self {
            ended: made.iter().map(|_| None).collect(),
            made: made.into_iter().map(Some).collect(),
        }
    }

    /// The instance `row`, to be started: once.
    pub(super) fn take(&mut self, row: usize) -> Option<Instance> {
        self.made.get_mut(row)?.take()
    }
}
