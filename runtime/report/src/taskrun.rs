//! The completed TaskRun as YAML, with the `status` that Tekton's controller would write.
//!
//! Keys are sorted at every level, as `kubectl get -o yaml` prints them; moments are RFC 3339 in UTC with whole
//! seconds. What a cluster would say and a run without one cannot is left out: `containerID`, and the feature flags of
//! the controller under `provenance`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use stepwell_contract::event::Verdict;
use stepwell_contract::{Event, EventKind, StepName, TaskName, TerminationReason, Timestamp};

use crate::Reporter;
use crate::time::with_seconds;

/// Collects events and prints each task's TaskRun at the end.
pub struct TaskRunYaml<W> {
    out: W,
    /// In the order in which they began.
    runs: Vec<TaskRun>,
}

impl<W: Write> TaskRunYaml<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            runs: Vec::new(),
        }
    }
}

/// One task: its attempts, the last of which is its state.
struct TaskRun {
    task: TaskName,
    document: Arc<Value>,
    task_spec: Arc<Value>,
    attempts: Vec<Attempt>,
}

#[derive(Default)]
struct Attempt {
    number: u32,
    start: Timestamp,
    steps: BTreeMap<StepName, Step>,
    order: Vec<StepName>,
    results: Vec<Value>,
    end: Option<(Timestamp, Verdict)>,
}

#[derive(Default)]
struct Step {
    image_id: Option<String>,
    start: Option<Timestamp>,
    end: Option<StepEnd>,
}

struct StepEnd {
    at: Timestamp,
    reason: TerminationReason,
    exit_code: i32,
    duration_ms: u64,
}

impl<W: Write> Reporter for TaskRunYaml<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Some(task) = &event.task else {
            return Ok(());
        };
        if let EventKind::TaskStart {
            steps,
            task_run,
            task_spec,
            ..
        } = &event.kind
        {
            let attempt = Attempt {
                number: event.attempt,
                start: event.at,
                order: steps.clone(),
                ..Attempt::default()
            };
            match self.runs.iter_mut().find(|run| run.task == *task) {
                Some(run) => run.attempts.push(attempt),
                None => self.runs.push(TaskRun {
                    task: task.clone(),
                    document: Arc::clone(task_run),
                    task_spec: Arc::clone(task_spec),
                    attempts: vec![attempt],
                }),
            }
            return Ok(());
        }
        let attempt = self
            .runs
            .iter_mut()
            .find(|run| run.task == *task)
            .and_then(|run| run.attempts.last_mut());
        if let Some(attempt) = attempt {
            attempt.note(event);
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let documents: Vec<_> = self.runs.iter().map(TaskRun::to_value).collect();
        let options = serde_saphyr::ser_options! {
            // A folded line would read as another text to whoever does not know the style.
            folded_wrap_chars: usize::MAX,
        };
        let text = serde_saphyr::to_string_multiple_with_options(&documents, options)
            .map_err(io::Error::other)?;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Attempt {
    fn note(&mut self, event: &Event) {
        if let Some(name) = &event.step {
            let step = self.steps.entry(name.clone()).or_default();
            match &event.kind {
                EventKind::StepStart { image, digest } => {
                    step.start = Some(event.at);
                    step.image_id = Some(format!("{image}@{digest}"));
                }
                EventKind::StepEnd {
                    termination_reason,
                    exit_code,
                    duration_ms,
                    ..
                } => {
                    step.end = Some(StepEnd {
                        at: event.at,
                        reason: *termination_reason,
                        exit_code: *exit_code,
                        duration_ms: *duration_ms,
                    });
                }
                _ => {}
            }
            return;
        }
        match &event.kind {
            EventKind::Result {
                name,
                result_type,
                value,
            } => self.results.push(json!({
                "name": name,
                "type": result_type,
                "value": value,
            })),
            EventKind::TaskEnd { verdict, .. } => self.end = Some((event.at, verdict.clone())),
            _ => {}
        }
    }

    fn pod_name(&self, run: &str) -> String {
        match self.number {
            0 => format!("{run}-pod"),
            retry => format!("{run}-pod-retry{retry}"),
        }
    }

    fn status(&self, pod: &str, task_spec: &Value) -> Map<String, Value> {
        let mut status = Map::new();
        let condition = match &self.end {
            Some((at, verdict)) => {
                status.insert("completionTime".into(), with_seconds(*at).into());
                json!({
                    "lastTransitionTime": with_seconds(*at),
                    "message": verdict.message,
                    "reason": verdict.reason,
                    "status": if verdict.succeeded { "True" } else { "False" },
                    "type": "Succeeded",
                })
            }
            None => json!({
                "lastTransitionTime": with_seconds(self.start),
                "message": "Not all Steps in the Task have finished executing",
                "reason": "Running",
                "status": "Unknown",
                "type": "Succeeded",
            }),
        };
        status.insert("conditions".into(), json!([condition]));
        status.insert("podName".into(), pod.into());
        if !self.results.is_empty() {
            status.insert("results".into(), self.results.clone().into());
        }
        status.insert("startTime".into(), with_seconds(self.start).into());
        let steps: Vec<_> = self.order.iter().map(|name| self.step(name, pod)).collect();
        status.insert("steps".into(), steps.into());
        status.insert("taskSpec".into(), task_spec.clone());
        status
    }

    fn step(&self, name: &StepName, pod: &str) -> Value {
        let mut state = json!({
            "container": format!("step-{name}"),
            "name": name,
        });
        let Some(step) = self.steps.get(name) else {
            state["waiting"] = json!({ "reason": "PodInitializing" });
            return state;
        };
        if let Some(id) = &step.image_id {
            state["imageID"] = id.as_str().into();
        }
        match (&step.end, step.start) {
            (Some(end), start) => {
                let start = start.unwrap_or(Timestamp(end.at.0.saturating_sub(end.duration_ms)));
                let (terminated, reason) = self.terminated(name, pod, start, end);
                state["terminated"] = terminated;
                state["terminationReason"] = reason.into();
            }
            (None, Some(start)) => state["running"] = json!({ "startedAt": with_seconds(start) }),
            (None, None) => state["waiting"] = json!({ "reason": "PodInitializing" }),
        }
        state
    }

    /// The state `terminated`, and the word for it.
    fn terminated(
        &self,
        name: &StepName,
        pod: &str,
        start: Timestamp,
        end: &StepEnd,
    ) -> (Value, String) {
        let mut terminated = json!({
            "exitCode": end.exit_code,
            "finishedAt": with_seconds(end.at),
            "startedAt": with_seconds(start),
        });
        // A pod that is deleted takes its steps with it; the controller then says so for each that had not ended.
        let deleted = self.end.as_ref().and_then(|(at, verdict)| {
            let gone = matches!(
                verdict.reason.as_str(),
                "TaskRunCancelled" | "TaskRunTimeout"
            );
            let unfinished = matches!(
                end.reason,
                TerminationReason::Cancelled | TerminationReason::Skipped
            );
            (gone && unfinished).then_some((*at, verdict.reason.as_str()))
        });
        if let Some((at, reason)) = deleted {
            terminated["exitCode"] = 1.into();
            terminated["finishedAt"] = with_seconds(at).into();
            terminated["message"] =
                format!("Step {name} terminated as pod {pod} is terminated").into();
            terminated["reason"] = reason.into();
            return (terminated, reason.to_owned());
        }
        // The container of a step with `onError: continue` itself ends well; the exit code is the step's.
        let reason = match end.reason {
            TerminationReason::Completed | TerminationReason::Continued => "Completed",
            _ if end.exit_code == 0 => "Completed",
            _ => "Error",
        };
        terminated["reason"] = reason.into();
        (terminated, end.reason.as_str().to_owned())
    }
}

impl TaskRun {
    fn to_value(&self) -> Value {
        let mut document = (*self.document).clone();
        let name = document["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let Some((last, earlier)) = self.attempts.split_last() else {
            return document;
        };
        let status = |attempt: &Attempt| attempt.status(&attempt.pod_name(&name), &self.task_spec);
        let mut state = status(last);
        if !earlier.is_empty() {
            let earlier = earlier
                .iter()
                .map(|attempt| {
                    let mut state = status(attempt);
                    // A retry keeps the spec; the archive does not repeat it.
                    state.shift_remove("taskSpec");
                    state.into()
                })
                .collect();
            state.insert("retriesStatus".into(), Value::Array(earlier));
        }
        document["status"] = state.into();
        sorted(document)
    }
}

/// The value with the keys of every object in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, sorted(value)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests;
