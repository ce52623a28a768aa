//! What runs beside the steps of a task, and how it is asked whether it is ready.

use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::StepName;

use super::task::Step;
use crate::source::Span;

/// What runs beside the steps.
#[derive(Debug, Clone)]
pub struct Sidecar {
    /// What it runs: all of a step but what has to do with one step coming after another.
    pub step: Step,
    /// Where the document declares it.
    pub span: Span,
    /// The ports that it says it listens on.
    pub ports: Vec<Port>,
    /// Asked first, and until it has said yes: a sidecar that never does is stopped, and has failed.
    pub startup: Option<Probe>,
    /// Asked then: the first step waits for its yes.
    pub readiness: Option<Probe>,
    /// Asked as long as it runs: a sidecar that says no is stopped, and has failed.
    pub liveness: Option<Probe>,
    /// What it asks for that is not done here, and what is done instead.
    pub unheeded: Vec<&'static str>,
}

impl Sidecar {
    /// One that is declared at `span`, runs what `step` says and is ready when it runs.
    pub fn new(step: Step, span: Span) -> Self {
        Self {
            step,
            span,
            ports: Vec::new(),
            startup: None,
            readiness: None,
            liveness: None,
            unheeded: Vec::new(),
        }
    }

    /// Its name, `unnamed-N` where the document gives none.
    pub fn name(&self) -> &StepName {
        &self.step.name
    }
}

/// A port that a sidecar says it listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// What probes may call it.
    pub name: Option<Arc<str>>,
    /// Its number.
    pub number: u16,
}

/// A question that is asked again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The question.
    pub check: Check,
    /// How long after the sidecar has begun it is asked first.
    pub initial_delay: Duration,
    /// How long after one question the next one is asked.
    pub period: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How often in a row yes is said before it counts.
    pub successes: u32,
    /// How often in a row no is said before it counts.
    pub failures: u32,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Whether this command ends with code 0 in the sidecar.
    Exec(Vec<String>),
    /// Whether a GET request is answered with a status from 200 to 399.
    Http {
        /// The port of the task's loopback network.
        port: u16,
        /// The path and the query.
        path: String,
        /// Headers beside those that every request has.
        headers: Vec<(String, String)>,
    },
    /// Whether somebody accepts a connection to this port of the task's loopback network.
    Tcp(u16),
}
