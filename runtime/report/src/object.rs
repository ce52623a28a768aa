//! The objects that Tekton's controller would have stored: what ran, with its `status`.
//!
//! Collects from events and gives each object when it is complete; what is complete is not kept. Moments are RFC 3339 in
//! UTC with whole seconds, as Kubernetes writes them. It does not know what is done with an object: see
//! [`yaml`](crate::yaml) and [`objects`](crate::objects).

mod pipeline;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};
use stepwell_contract::event::Verdict;
use stepwell_contract::{Event, EventKind, TaskName, Timestamp};

use crate::mask::Mask;
use crate::time::with_seconds;
use crate::yaml::Tree;
use pipeline::Pipeline;
use task::Task;

/// Which objects are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The run's own: a PipelineRun, or a TaskRun that runs by itself.
    Run,
    /// That, and each TaskRun and PipelineRun in it.
    All,
}

/// Collects events into objects.
pub(crate) struct Collector {
    wanted: Wanted,
    /// What runs, by what events call it.
    tasks: BTreeMap<TaskName, Task>,
    /// The same for pipelines; the run's own has no name.
    pipelines: BTreeMap<String, Pipeline>,
}

/// An object that is complete.
pub(crate) struct Completed {
    /// Whether it is the run's own.
    pub(crate) is_run: bool,
    /// The object.
    pub(crate) object: Object,
}

/// An object as it is written. What events share with whoever made them is not copied: there may be ten thousand.
pub(crate) struct Object {
    document: Arc<Value>,
    status: Status,
}

/// The `status` of an object.
pub(crate) struct Status {
    members: Map<String, Value>,
    /// What ran, and the name of its member.
    spec: Option<(&'static str, Arc<Value>)>,
}

impl Object {
    /// The object without what `mask` finds.
    pub(crate) fn masked(&self, mask: &Mask) -> Value {
        let mut object = Value::clone(&self.document);
        let mut status = self.status.members.clone();
        if let Some((name, spec)) = &self.status.spec {
            status.insert((*name).to_owned(), Value::clone(spec));
        }
        object["status"] = status.into();
        mask.value(&mut object);
        object
    }

    /// The object, to be written in order.
    pub(crate) fn tree(&self) -> Tree<'_> {
        let Status { members, spec } = &self.status;
        let members = members.iter();
        let spec = spec.iter().map(|(name, spec)| (*name, &**spec));
        let status = members
            .map(|(name, value)| (name.as_str(), value))
            .chain(spec);
        let status = status.map(|(name, value)| (name, Tree::Value(value)));
        let mut object = Tree::members(&self.document);
        object.insert("status", Tree::Members(status.collect()));
        Tree::Members(object)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, member) in self.document.as_object().into_iter().flatten() {
            object.serialize_entry(name, member)?;
        }
        object.serialize_entry("status", &self.status)?;
        object.end()
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut status = serializer.serialize_map(None)?;
        for (name, member) in &self.members {
            status.serialize_entry(name, member)?;
        }
        if let Some((name, spec)) = &self.spec {
            status.serialize_entry(name, &**spec)?;
        }
        status.end()
    }
}

impl Collector {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            tasks: BTreeMap::new(),
            pipelines: BTreeMap::new(),
        }
    }

    /// Takes an event; gives the object that it completes.
    pub(crate) fn event(&mut self, event: &Event) -> Option<Completed> {
        let own = event.task.as_ref().map_or("", |task| task.as_str());
        match (&event.kind, &event.task) {
            (EventKind::PipelineStart { .. }, _) => {
                self.note_parent(event);
                let nested = event.task.is_some();
                if !nested || self.wanted == Wanted::All {
                    let pipeline = Pipeline::begun(event)?;
                    self.pipelines.insert(own.to_owned(), pipeline);
                }
                None
            }
            (EventKind::PipelineEnd { .. }, task) => {
                let mut pipeline = self.pipelines.remove(own)?;
                pipeline.note(event);
                Some(Completed {
                    is_run: task.is_none(),
                    object: pipeline.object(),
                })
            }
            (EventKind::TaskSkip { .. }, _) => {
                self.note_parent(event);
                None
            }
            (
                EventKind::TaskStart {
                    task_run,
                    provenance,
                    ..
                },
                Some(name),
            ) => {
                self.note_parent(event);
                let in_pipeline = !self.pipelines.is_empty();
                if !in_pipeline || self.wanted == Wanted::All {
                    self.tasks
                        .entry(name.clone())
                        .or_insert_with(|| Task::new(task_run, provenance.as_ref()))
                        .note(event);
                }
                None
            }
            (EventKind::TaskEnd { retried: false, .. }, Some(name)) => {
                let mut task = self.tasks.remove(name)?;
                task.note(event);
                Some(Completed {
                    is_run: self.pipelines.is_empty(),
                    object: task.object(),
                })
            }
            (_, task) => {
                match task.as_ref().and_then(|name| self.tasks.get_mut(name)) {
                    Some(task) => task.note(event),
                    None if event.step.is_some() => {}
                    None => {
                        if let Some(pipeline) = self.pipelines.get_mut(own) {
                            pipeline.note(event);
                        }
                    }
                }
                None
            }
        }
    }

    /// Tells the pipeline around the event's task, where there is one.
    fn note_parent(&mut self, event: &Event) {
        let Some(task) = &event.task else {
            return;
        };
        let parent = task
            .as_str()
            .rsplit_once('/')
            .map_or("", |(parent, _)| parent);
        if let Some(pipeline) = self.pipelines.get_mut(parent) {
            pipeline.note_child(event);
        }
    }

    /// The run's own object as it is now, where it has not ended.
    pub(crate) fn unfinished(&self) -> Option<Object> {
        match self.pipelines.get("") {
            Some(pipeline) => Some(pipeline.object()),
            None => self.tasks.values().next().map(Task::object),
        }
    }
}

/// The object of a run that the controller would have taken and failed at once.
pub(crate) fn refused(object: &Value, verdict: &Verdict, at: Timestamp) -> Value {
    let mut object = object.clone();
    let mut status = json!({
        "completionTime": with_seconds(at),
        "conditions": [condition(at, verdict)],
        "startTime": with_seconds(at),
    });
    if object["kind"] == "TaskRun" {
        status["podName"] = "".into();
    }
    object["status"] = status;
    object
}

/// Whether it was asked not to begin, and has neither succeeded nor failed.
fn is_pending(verdict: &Verdict) -> bool {
    matches!(
        verdict.reason.as_str(),
        "PipelineRunPending" | "TaskRunPending"
    )
}

/// The condition of something that has ended.
fn condition(at: Timestamp, verdict: &Verdict) -> Value {
    json!({
        "lastTransitionTime": with_seconds(at),
        "message": verdict.message,
        "reason": verdict.reason,
        "status": match verdict.succeeded {
            true => "True",
            false if is_pending(verdict) => "Unknown",
            false => "False",
        },
        "type": "Succeeded",
    })
}

#[cfg(test)]
mod tests;
