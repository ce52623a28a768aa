//! A TaskRun with the `status` that Tekton's controller would write.
//!
//! What a cluster would say and a run without one cannot is left out: `containerID`, and the feature flags of the
//! controller under `provenance`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use stepwell_contract::event::Verdict;
use stepwell_contract::{Event, EventKind, StepName, TerminationReason, Timestamp};

use super::{Object, Status};
use crate::time::with_seconds;

/// How many attempts are kept, the last ones. `retries:` may say millions, and each has its results.
const ATTEMPTS: usize = 100;

/// One task: its attempts, the last of which is its state.
pub(super) struct Task {
    document: Arc<Value>,
    task_spec: Arc<Value>,
    provenance: Option<Arc<Value>>,
    attempts: VecDeque<Attempt>,
}

#[derive(Default)]
struct Attempt {
    number: u32,
    start: Timestamp,
    steps: BTreeMap<StepName, Step>,
    order: Vec<StepName>,
    sidecars: Vec<Sidecar>,
    results: Vec<Value>,
    artifacts: Option<Value>,
    end: Option<(Timestamp, Verdict)>,
}

struct Sidecar {
    name: StepName,
    image_id: String,
    start: Timestamp,
    /// When it ended, with which code.
    end: Option<(Timestamp, i32)>,
}

#[derive(Default)]
struct Step {
    image_id: Option<String>,
    start: Option<Timestamp>,
    results: Vec<Value>,
    artifacts: Option<Value>,
    end: Option<StepEnd>,
}

struct StepEnd {
    at: Timestamp,
    reason: TerminationReason,
    exit_code: i32,
    duration_ms: u64,
}

impl Task {
    /// A task that has not begun; [`Task::note`] takes its start.
    pub(super) fn new(document: &Arc<Value>, provenance: Option<&Arc<Value>>) -> Self {
        Self {
            document: Arc::clone(document),
            task_spec: Arc::default(),
            provenance: provenance.map(Arc::clone),
            attempts: VecDeque::new(),
        }
    }

    /// Takes what matters of an event of this task.
    pub(super) fn note(&mut self, event: &Event) {
        if let EventKind::TaskStart {
            steps, task_spec, ..
        } = &event.kind
        {
            // It may name the try.
            self.task_spec = Arc::clone(task_spec);
            if self.attempts.len() == ATTEMPTS {
                self.attempts.pop_front();
            }
            self.attempts.push_back(Attempt {
                number: event.attempt,
                start: event.at,
                order: steps.clone(),
                ..Attempt::default()
            });
        } else if let Some(attempt) = self.attempts.back_mut() {
            attempt.note(event);
        }
    }

    /// The TaskRun as it is now.
    pub(super) fn object(&self) -> Object {
        let name = self.document["metadata"]["name"].as_str();
        let name = name.unwrap_or_default();
        let status = |attempt: &Attempt| attempt.status(&attempt.pod_name(name));
        let mut state = self.attempts.back().map(status).unwrap_or_default();
        let earlier = self.attempts.len().saturating_sub(1);
        let earlier = self.attempts.iter().take(earlier);
        // The archive does not repeat the spec: a retry keeps it.
        let earlier: Vec<Value> = earlier.map(|attempt| status(attempt).into()).collect();
        if !earlier.is_empty() {
            state.insert("retriesStatus".into(), earlier.into());
        }
        if let Some(source) = &self.provenance {
            state.insert("provenance".into(), json!({ "refSource": source }));
        }
        Object {
            document: Arc::clone(&self.document),
            status: Status {
                members: state,
                spec: (!self.task_spec.is_null())
                    .then(|| ("taskSpec", Arc::clone(&self.task_spec))),
            },
        }
    }
}

/// A result as `status` lists it.
fn listed(
    name: &str,
    result_type: stepwell_contract::ParamType,
    value: &stepwell_contract::ParamValue,
) -> Value {
    json!({ "name": name, "type": result_type, "value": value })
}

impl Sidecar {
    fn state(&self) -> Value {
        let mut state = json!({
            "container": format!("sidecar-{}", self.name),
            "imageID": self.image_id,
            "name": self.name,
        });
        match self.end {
            None => state["running"] = json!({ "startedAt": with_seconds(self.start) }),
            Some((at, code)) => {
                let reason = if code == 0 { "Completed" } else { "Error" };
                state["terminated"] = json!({
                    "exitCode": code,
                    "finishedAt": with_seconds(at),
                    "reason": reason,
                    "startedAt": with_seconds(self.start),
                });
            }
        }
        state
    }
}

impl Attempt {
    fn note(&mut self, event: &Event) {
        if let Some(name) = &event.step {
            let step = self.steps.entry(name.clone()).or_default();
            match &event.kind {
                EventKind::StepStart {
                    image,
                    runs,
                    digest,
                } => {
                    step.start = Some(event.at);
                    // What ran, as in a cluster; what was asked for is in the spec.
                    let ran = runs.as_ref().unwrap_or(image);
                    step.image_id = Some(format!("{ran}@{digest}"));
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
                EventKind::Result {
                    name,
                    result_type,
                    value,
                } => step.results.push(listed(name, *result_type, value)),
                EventKind::Artifacts { artifacts } => step.artifacts = Some(artifacts.clone()),
                _ => {}
            }
            return;
        }
        match &event.kind {
            EventKind::Result {
                name,
                result_type,
                value,
            } => self.results.push(listed(name, *result_type, value)),
            EventKind::Artifacts { artifacts } => self.artifacts = Some(artifacts.clone()),
            EventKind::SidecarStart {
                sidecar,
                image,
                runs,
                digest,
            } => self.sidecars.push(Sidecar {
                name: sidecar.clone(),
                image_id: format!("{}@{digest}", runs.as_ref().unwrap_or(image)),
                start: event.at,
                end: None,
            }),
            EventKind::SidecarEnd {
                sidecar, exit_code, ..
            } => {
                let mut known = self.sidecars.iter_mut();
                if let Some(known) = known.find(|known| known.name == *sidecar) {
                    known.end = Some((event.at, *exit_code));
                }
            }
            EventKind::TaskEnd { verdict, .. } => self.end = Some((event.at, verdict.clone())),
            _ => {}
        }
    }

    /// Empty for a TaskRun that was found wrong before there could be a pod.
    fn pod_name(&self, run: &str) -> String {
        match self.number {
            _ if self.order.is_empty() => String::new(),
            0 => format!("{run}-pod"),
            retry => format!("{run}-pod-retry{retry}"),
        }
    }

    fn status(&self, pod: &str) -> Map<String, Value> {
        let mut status = Map::new();
        let condition = match &self.end {
            Some((at, verdict)) => {
                if !super::is_pending(verdict) {
                    status.insert("completionTime".into(), with_seconds(*at).into());
                }
                super::condition(*at, verdict)
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
        if let Some(artifacts) = &self.artifacts {
            status.insert("artifacts".into(), artifacts.clone());
        }
        if !self.order.is_empty() {
            let steps: Vec<_> = self.order.iter().map(|name| self.step(name, pod)).collect();
            status.insert("steps".into(), steps.into());
        }
        if !self.sidecars.is_empty() {
            let sidecars: Vec<_> = self.sidecars.iter().map(Sidecar::state).collect();
            status.insert("sidecars".into(), sidecars.into());
        }
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
        if !step.results.is_empty() {
            state["results"] = step.results.clone().into();
        }
        for part in ["inputs", "outputs"] {
            if let Some(list) = step.artifacts.as_ref().and_then(|all| all.get(part)) {
                state[part] = list.clone();
            }
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
            TerminationReason::OomKilled => "OOMKilled",
            _ => "Error",
        };
        terminated["reason"] = reason.into();
        (terminated, end.reason.as_str().to_owned())
    }
}
