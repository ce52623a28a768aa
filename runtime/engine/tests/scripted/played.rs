//! What came of a task, and questions about it.

use stepwell_contract::event::Verdict;
use stepwell_contract::{Ending, Event, EventKind, TerminationReason};
use stepwell_engine::EngineError;

/// What came of a task.
pub(crate) struct Played {
    pub(crate) ended: Result<Verdict, EngineError>,
    pub(crate) events: Vec<Event>,
    /// What the backend was asked to do.
    pub(crate) log: Vec<String>,
    /// How many scratch folders are left.
    pub(crate) left: usize,
    pub(super) temp: tempfile::TempDir,
}

impl Played {
    /// The folder with all that is kept.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.temp.path()
    }

    /// Reason and message.
    pub(crate) fn verdict(&self) -> (&str, &str) {
        match &self.ended {
            Ok(verdict) => (&verdict.reason, &verdict.message),
            Err(error) => panic!("no verdict: {error}"),
        }
    }

    /// The backend's log without the admissions.
    pub(crate) fn calls(&self) -> Vec<&str> {
        let calls = self.log.iter().map(String::as_str);
        calls.filter(|call| !call.contains("admit ")).collect()
    }

    /// How each step ended.
    pub(crate) fn step_ends(&self) -> Vec<(String, TerminationReason, i32, Option<Ending>)> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::StepEnd {
                    termination_reason,
                    exit_code,
                    ending,
                    ..
                } => Some((
                    event.step.as_ref()?.to_string(),
                    *termination_reason,
                    *exit_code,
                    ending.clone(),
                )),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn words(&self) -> Vec<TerminationReason> {
        self.step_ends().into_iter().map(|end| end.1).collect()
    }

    /// One word an event, with the step's name.
    pub(crate) fn shape(&self) -> Vec<String> {
        self.events
            .iter()
            .map(|event| {
                let kind = serde_json::to_value(&event.kind).expect("JSON");
                let kind = kind["type"].as_str().expect("a type").to_owned();
                match &event.step {
                    Some(step) => format!("{kind} {step}"),
                    None => kind,
                }
            })
            .collect()
    }

    pub(crate) fn results(&self) -> Vec<(String, stepwell_contract::ParamValue)> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Result { name, value, .. } => Some((name.to_string(), value.clone())),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::StepLog { line, .. } => Some(line.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Everything that was told, as text.
    pub(crate) fn text(&self) -> String {
        let shown = self
            .events
            .iter()
            .map(|event| format!("{:?}\n", event.kind));
        shown.collect()
    }

    /// What `notice` events said.
    pub(crate) fn notices(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Notice { message } => Some(message.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Reason of each try, and whether it was tried again.
    pub(crate) fn tries(&self) -> Vec<(u32, &str, bool)> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::TaskEnd {
                    verdict, retried, ..
                } => Some((event.attempt, verdict.reason.as_str(), *retried)),
                _ => None,
            })
            .collect()
    }

    /// What `error` events said.
    pub(crate) fn errors(&self) -> Vec<Vec<String>> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Error { causes } => Some(causes.clone()),
                _ => None,
            })
            .collect()
    }
}
