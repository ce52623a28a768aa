//! A PipelineRun with the `status` that Tekton's controller would write.
//!
//! Of each task only its line in `childReferences` or `skippedTasks` is kept, so that ten thousand of them stay small.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use stepwell_contract::event::{SkipReason, Verdict};
use stepwell_contract::{Event, EventKind, RunName, Timestamp};

use super::{Object, Status};
use crate::time::with_seconds;

/// One pipeline, as far as it has come.
pub(super) struct Pipeline {
    document: Arc<Value>,
    spec: Arc<Value>,
    provenance: Option<Arc<Value>>,
    start: Timestamp,
    finally_start: Option<Timestamp>,
    /// In the order in which they began.
    children: Vec<Child>,
    skipped: Vec<Skipped>,
    results: Vec<Value>,
    end: Option<(Timestamp, Verdict)>,
}

struct Child {
    kind: &'static str,
    name: RunName,
    pipeline_task: Arc<str>,
    /// Of a matrix.
    row: usize,
    display_name: Option<Arc<str>>,
    when_expressions: Packed,
}

struct Skipped {
    pipeline_task: Arc<str>,
    reason: SkipReason,
    when_expressions: Packed,
}

/// Values as text: a tenth of what they take as a tree.
struct Packed(Option<Box<str>>);

impl Packed {
    fn new(values: &[Value]) -> Self {
        let text = (!values.is_empty()).then(|| Value::from(values).to_string().into());
        Self(text)
    }

    /// `None` where there are none.
    fn value(&self) -> Option<Value> {
        serde_json::from_str(self.0.as_deref()?).ok()
    }
}

impl Pipeline {
    /// The pipeline that begins with `event`; `None` where the event is another one.
    pub(super) fn begun(event: &Event) -> Option<Self> {
        let EventKind::PipelineStart {
            pipeline_run,
            pipeline_spec,
            provenance,
            ..
        } = &event.kind
        else {
            return None;
        };
        Some(Self {
            document: Arc::clone(pipeline_run),
            spec: Arc::clone(pipeline_spec),
            provenance: provenance.clone(),
            start: event.at,
            finally_start: None,
            children: Vec::new(),
            skipped: Vec::new(),
            results: Vec::new(),
            end: None,
        })
    }

    /// Takes an event of the pipeline itself.
    pub(super) fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::FinallyStart {} => self.finally_start = Some(event.at),
            EventKind::Result { name, value, .. } => {
                self.results.push(json!({ "name": name, "value": value }));
            }
            EventKind::PipelineEnd { verdict, .. } => {
                self.end = Some((event.at, verdict.clone()));
            }
            _ => {}
        }
    }

    /// Takes an event of one of its tasks.
    pub(super) fn note_child(&mut self, event: &Event) {
        let (kind, name, pipeline_task, display_name, when_expressions) = match &event.kind {
            EventKind::TaskStart {
                name,
                pipeline_task: Some(pipeline_task),
                display_name,
                when_expressions,
                ..
            } if event.attempt == 0 => (
                "TaskRun",
                name,
                pipeline_task,
                display_name,
                when_expressions,
            ),
            EventKind::PipelineStart {
                name,
                pipeline_task: Some(pipeline_task),
                display_name,
                when_expressions,
                ..
            } => (
                "PipelineRun",
                name,
                pipeline_task,
                display_name,
                when_expressions,
            ),
            EventKind::TaskSkip {
                pipeline_task,
                reason,
                when_expressions,
            } => {
                self.skipped.push(Skipped {
                    pipeline_task: Arc::clone(pipeline_task),
                    reason: *reason,
                    when_expressions: Packed::new(when_expressions),
                });
                return;
            }
            _ => return,
        };
        let key = event.task.as_ref().map_or("", |task| task.as_str());
        self.children.push(Child {
            kind,
            name: name.clone(),
            pipeline_task: Arc::clone(pipeline_task),
            row: row(key, pipeline_task),
            display_name: display_name.clone(),
            when_expressions: Packed::new(when_expressions),
        });
    }

    /// The PipelineRun as it is now.
    pub(super) fn object(&self) -> Object {
        let mut status = Map::new();
        let mut insert = |key: &str, value: Value| status.insert(key.to_owned(), value);
        let condition = match &self.end {
            Some((at, verdict)) => {
                if !super::is_pending(verdict) {
                    insert("completionTime", with_seconds(*at).into());
                }
                super::condition(*at, verdict)
            }
            None => json!({
                "lastTransitionTime": with_seconds(self.start),
                "message": "Not all Tasks in the Pipeline have finished executing",
                "reason": "Running",
                "status": "Unknown",
                "type": "Succeeded",
            }),
        };
        insert("conditions", json!([condition]));
        insert("startTime", with_seconds(self.start).into());
        if let Some(at) = self.finally_start {
            insert("finallyStartTime", with_seconds(at).into());
        }
        if let Some(source) = &self.provenance {
            insert("provenance", json!({ "refSource": source }));
        }
        if !self.results.is_empty() {
            insert("results", self.results.clone().into());
        }
        let tasks = tasks(&self.spec);
        let place = |name: &str| tasks.get(name).map_or(usize::MAX, |(place, _)| *place);
        if !self.children.is_empty() {
            let mut children: Vec<_> = self.children.iter().collect();
            children.sort_by_key(|child| (place(&child.pipeline_task), child.row));
            insert(
                "childReferences",
                children
                    .into_iter()
                    .map(|child| {
                        child.to_value(tasks.get(&*child.pipeline_task).map(|(_, task)| *task))
                    })
                    .collect(),
            );
        }
        if !self.skipped.is_empty() {
            let mut skipped: Vec<_> = self.skipped.iter().collect();
            skipped.sort_by_key(|task| place(&task.pipeline_task));
            insert(
                "skippedTasks",
                skipped.into_iter().map(Skipped::to_value).collect(),
            );
        }
        Object {
            document: Arc::clone(&self.document),
            status: Status {
                members: status,
                spec: Some(("pipelineSpec", Arc::clone(&self.spec))),
            },
        }
    }
}

impl Child {
    /// `task` is what the Pipeline says of it.
    fn to_value(&self, task: Option<&Value>) -> Value {
        let mut value = json!({
            "apiVersion": "tekton.dev/v1",
            "kind": self.kind,
            "name": self.name,
            "pipelineTaskName": self.pipeline_task,
        });
        let written = || task?.get("displayName")?.as_str();
        if let Some(name) = self.display_name.as_deref().or_else(written) {
            value["displayName"] = name.into();
        }
        if let Some(when) = self.when_expressions.value() {
            value["whenExpressions"] = when;
        }
        value
    }
}

impl Skipped {
    fn to_value(&self) -> Value {
        let mut value = json!({ "name": self.pipeline_task, "reason": self.reason.as_str() });
        if let Some(when) = self.when_expressions.value() {
            value["whenExpressions"] = when;
        }
        value
    }
}

/// Which row of its matrix the task `key` is: the number after the pipeline task's name.
fn row(key: &str, pipeline_task: &str) -> usize {
    key.rsplit('/')
        .next()
        .and_then(|own| own.strip_prefix(pipeline_task)?.strip_prefix('.'))
        .and_then(|row| row.parse().ok())
        .unwrap_or(0)
}

/// Each task with where it stands in the document, those of `finally` last: the controller lists them in this order.
fn tasks(spec: &Value) -> HashMap<&str, (usize, &Value)> {
    let tasks = ["tasks", "finally"]
        .into_iter()
        .filter_map(|section| spec.get(section)?.as_array())
        .flatten();
    tasks
        .enumerate()
        .filter_map(|(place, task)| Some((task.get("name")?.as_str()?, (place, task))))
        .collect()
}
