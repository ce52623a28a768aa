//! One instance of a task: its start, whichever of the three it is, and its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::event::Verdict;
use stepwell_spec::{Broken, Instance, Pipeline, TaskRun};

use super::driver::{Driver, News};
use super::level::Left;
use crate::graph::{At, Ended};
use crate::task::{self, Halt, TaskEnded};

impl Driver {
    /// Starts instance `row` of `at`.
    pub(super) async fn start(&mut self, at: At, row: usize) {
        let Some(level) = self.level(at.pipeline) else {
            return;
        };
        // All rows of a matrix have the same `when`.
        let when = level.whens.get(&at.task).cloned().unwrap_or_default();
        let rows = level.rows.get_mut(&at.task);
        let Some(instance) = rows.and_then(|rows| rows.take(row)) else {
            return;
        };
        match instance {
            Instance::Task(run) => self.start_task(at, row, *run, when),
            Instance::Pipeline(pipeline) => self.start_pipeline(at, row, *pipeline, when).await,
            Instance::Broken(broken) => self.refuse(at, row, *broken, when).await,
        }
    }

    fn start_task(&mut self, at: At, row: usize, run: TaskRun, when_expressions: Vec<Value>) {
        let ground = Arc::clone(&self.ground);
        let halt = Halt::default();
        self.halts.insert((at, row), halt.clone());
        self.foresee(at, row);
        let handle = self.running.spawn(async move {
            let ended = task::run(&ground, run, when_expressions, &halt).await;
            News::Ended { at, row, ended }
        });
        self.tasks.insert(handle.id(), (at, row));
    }

    async fn start_pipeline(
        &mut self,
        at: At,
        row: usize,
        pipeline: Pipeline,
        when_expressions: Vec<Value>,
    ) {
        let timeouts = pipeline.timeouts;
        let level = self
            .enter(pipeline, Some((at, row)), when_expressions)
            .await;
        let now = self.now();
        let id = self.schedule.nest(now, (at, row), level.nodes(), timeouts);
        self.put(id, level);
    }

    /// A TaskRun that fails before it starts.
    async fn refuse(&mut self, at: At, row: usize, broken: Broken, when_expressions: Vec<Value>) {
        let ended = task::unbegun(&self.ground, broken, when_expressions).await;
        self.task_ended(at, row, ended);
    }

    /// A TaskRun has ended.
    pub(super) fn task_ended(&mut self, at: At, row: usize, ended: TaskEnded) {
        self.halts.remove(&(at, row));
        let TaskEnded {
            succeeded,
            cancelled,
            reason,
            message: _,
            results,
            artifacts,
            trouble,
        } = ended;
        if let Some(level) = self.level(at.pipeline) {
            let left = Left {
                succeeded,
                reason,
                results,
                artifacts,
            };
            level.has_ended(at.task, row, left);
        }
        // What was stopped for our trouble has to be told so before anything new starts.
        if let Some(error) = trouble {
            self.give_up(error);
        }
        let ended = Ended {
            succeeded,
            cancelled,
        };
        self.schedule.ended(self.now(), at, row, ended);
    }

    /// A nested pipeline has ended. Its results stay inside.
    pub(super) fn nested_ended(&mut self, at: At, row: usize, verdict: Verdict) {
        if let Some(level) = self.level(at.pipeline) {
            let left = Left {
                succeeded: verdict.succeeded,
                reason: verdict.reason.into(),
                results: BTreeMap::new(),
                artifacts: None,
            };
            level.has_ended(at.task, row, left);
        }
    }
}
