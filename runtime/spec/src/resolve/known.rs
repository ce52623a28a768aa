//! What `$(tasks.…)` stands for, once tasks have ended.

use std::cell::{Cell, RefCell};

use stepwell_contract::ParamValue;
use stepwell_contract::event::{SkipReason, Verdict};

use crate::reference::{ArtifactRef, Index, ResultRef, Subject};
use crate::resolve::late;
use crate::resolve::recipe::Core;
use crate::resolve::refusal;
use crate::run::{Facts, OnError, PipelineTask, Section, TaskFact};
use crate::substitute::TaskValues;

/// What is known of the tasks of a pipeline, for one of them.
pub(crate) struct Known<'a> {
    pub(crate) core: &'a Core,
    pub(crate) tasks: &'a [PipelineTask],
    pub(crate) facts: &'a Facts,
    /// Who asks; `None` for the pipeline's own results.
    pub(crate) asking: Option<&'a PipelineTask>,
    missing: RefCell<Option<Missing>>,
    asked: Cell<bool>,
}

/// A reference to a result that is not there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Missing {
    /// Whoever refers to it is skipped.
    Skip,
    /// The run fails.
    Fail(Verdict),
}

impl<'a> Known<'a> {
    pub(crate) fn new(
        core: &'a Core,
        tasks: &'a [PipelineTask],
        facts: &'a Facts,
        asking: Option<&'a PipelineTask>,
    ) -> Self {
        Self {
            core,
            tasks,
            facts,
            asking,
            missing: RefCell::default(),
            asked: Cell::new(false),
        }
    }

    /// Whether anybody wanted to know anything.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.get()
    }

    /// Counts what `other` was asked as asked of this.
    pub(crate) fn asked_too(&self, other: &Known<'_>) {
        self.asked.set(self.was_asked() || other.was_asked());
    }

    /// The first reference so far that led to nothing.
    pub(crate) fn missing(&self) -> Option<Missing> {
        self.missing.borrow().clone()
    }

    fn fact(&self, task: &str) -> Option<(&'a PipelineTask, &'a TaskFact)> {
        let at = self.core.place(task)?;
        Some((self.tasks.get(at)?, self.facts.of(at)))
    }

    fn note(&self, producer: Option<(&PipelineTask, &TaskFact)>, message: String) {
        let finally = self
            .asking
            .is_none_or(|task| task.section == Section::Finally);
        let forgiven = producer.is_some_and(|(task, fact)| {
            task.on_error == OnError::Continue
                || matches!(
                    fact,
                    TaskFact::Skipped(SkipReason::When | SkipReason::ResultsMissing)
                )
        });
        let missing = match finally || forgiven {
            true => Missing::Skip,
            false => Missing::Fail(refusal::failed("InvalidTaskResultReference", message)),
        };
        self.missing.borrow_mut().get_or_insert(missing);
    }

    /// Notes a reference that does not fit the result that is there.
    fn misfit(&self, producer: (&PipelineTask, &TaskFact), message: String) {
        if self.asking.is_some() {
            return self.note(Some(producer), message);
        }
        let missing = Missing::Fail(refusal::failed("CouldntGetPipelineResult", message));
        self.missing.borrow_mut().get_or_insert(missing);
    }

    fn result(&self, wanted: &ResultRef, index: Option<Index>) -> Option<ParamValue> {
        let (task, name) = (&wanted.of, &wanted.name);
        let Some((producer, fact)) = self.fact(task) else {
            self.note(
                None,
                format!("could not find task {task:?} referenced by result"),
            );
            return None;
        };
        let TaskFact::Ended { results, .. } = fact else {
            if !matches!(fact, TaskFact::Pending) {
                let message = format!("task {task:?} referenced by result was not finished");
                self.note(Some((producer, fact)), message);
            }
            return None;
        };
        let none = || {
            let message = format!("Could not find result with name {name} for task {task}");
            self.note(Some((producer, fact)), message);
            None
        };
        if producer.matrixed {
            let values =
                results
                    .iter()
                    .filter_map(|row| match wanted.look_up(|name| row.get(name))? {
                        (ParamValue::String(value), None) => Some(value.clone()),
                        _ => None,
                    });
            let values: Vec<String> = values.collect();
            return match (values.is_empty(), index) {
                (true, _) => none(),
                (false, Some(Index::At(at))) => match values.get(at) {
                    Some(value) => Some(ParamValue::String(value.clone())),
                    None => self.out_of_bounds(wanted, (producer, fact), at, values.len()),
                },
                (false, _) => Some(ParamValue::Array(values)),
            };
        }
        let Some((value, key)) = results
            .first()
            .and_then(|row| wanted.look_up(|name| row.get(name)))
        else {
            return none();
        };
        match (value, key, index) {
            (ParamValue::Object(pairs), Some(key), None) => match pairs.get(key) {
                Some(value) => Some(ParamValue::String(value.clone())),
                None => none(),
            },
            (ParamValue::Array(items), None, Some(Index::At(at))) => match items.get(at) {
                Some(value) => Some(ParamValue::String(value.clone())),
                None => self.out_of_bounds(wanted, (producer, fact), at, items.len()),
            },
            (ParamValue::String(_), None, None)
            | (ParamValue::Array(_) | ParamValue::Object(_), None, None | Some(Index::All)) => {
                Some(value.clone())
            }
            _ => {
                let message = format!(
                    "invalid result reference: result {name} of task {task} is of the type {}",
                    value.param_type()
                );
                self.misfit((producer, fact), message);
                None
            }
        }
    }

    fn out_of_bounds(
        &self,
        wanted: &ResultRef,
        producer: (&PipelineTask, &TaskFact),
        at: usize,
        len: usize,
    ) -> Option<ParamValue> {
        let message = format!(
            "Array Result Index {at} for Task {} Result {} is out of bound of size {len}",
            wanted.of, wanted.name
        );
        self.misfit(producer, message);
        None
    }

    /// The values of an artifact, as JSON.
    fn artifact(&self, wanted: &ArtifactRef) -> Option<ParamValue> {
        let producer = self.fact(&wanted.of);
        let left = match producer {
            // What will be there is not known yet.
            Some((_, TaskFact::Pending)) => return None,
            Some((_, TaskFact::Ended { artifacts, .. })) => artifacts.as_deref(),
            Some((_, TaskFact::Skipped(_))) | None => None,
        };
        let value = left.and_then(|left| late::artifact(left, wanted));
        if value.is_none() {
            let name = wanted.name.as_deref().unwrap_or_default();
            let message = format!("Could not find artifact {name:?} of task {}", wanted.of);
            self.note(producer, message);
        }
        value.map(ParamValue::String)
    }

    /// How many rows a matrix had, or how many of them left the result `result`.
    fn length(&self, task: &str, result: Option<&str>) -> Option<ParamValue> {
        let (_, TaskFact::Ended { results, .. }) = self.fact(task)? else {
            return None;
        };
        let rows = results.iter();
        let count = rows
            .filter(|row| result.is_none_or(|result| row.contains_key(result)))
            .count();
        Some(ParamValue::String(count.to_string()))
    }
}

impl TaskValues for Known<'_> {
    fn find(&self, subject: &Subject, index: Option<Index>) -> Option<ParamValue> {
        self.asked.set(true);
        let text = |text: &str| Some(ParamValue::from(text));
        match subject {
            Subject::TaskResult(wanted) => self.result(wanted, index),
            Subject::TaskStatus(task) => text(self.fact(task)?.1.status().as_str()),
            Subject::TaskReason(task) => match self.fact(task)?.1 {
                TaskFact::Ended { reason, .. } => text(reason),
                TaskFact::Pending | TaskFact::Skipped(_) => text("None"),
            },
            Subject::AggregateStatus => text(self.facts.aggregate(self.tasks).as_str()),
            Subject::TaskArtifact(wanted) => self.artifact(wanted),
            Subject::MatrixLength { task, result } => self.length(task, result.as_deref()),
            _ => None,
        }
    }
}
