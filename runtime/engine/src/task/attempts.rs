//! Tries a TaskRun until it succeeds, is cancelled, or has no try left.
//!
//! As in Tekton, every failure but cancellation is tried again, a time-out too, and each try has the whole time. What
//! Stepwell itself could not do is not: it would hardly be able to a moment later.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::{EventKind, ParamValue};
use stepwell_spec::TaskRun;

use super::attempt::{self, Tried};
use super::{Halt, RunGround};
use crate::error::EngineError;
use crate::verdict;

/// How a TaskRun ended, after its last try.
#[derive(Debug)]
pub(crate) struct TaskEnded {
    /// Whether its condition `Succeeded` is `True`.
    pub(crate) succeeded: bool,
    /// Whether it was stopped from outside.
    pub(crate) cancelled: bool,
    /// Tekton's reason.
    pub(crate) reason: Arc<str>,
    /// Tekton's message.
    pub(crate) message: String,
    /// What its last try left, also where it failed.
    pub(crate) results: BTreeMap<Arc<str>, ParamValue>,
    /// The artifacts that its last try left.
    pub(crate) artifacts: Option<Arc<Value>>,
    /// What we could not do, where that is why it failed. It has been told where it may be.
    pub(crate) trouble: Option<EngineError>,
}

impl TaskEnded {
    /// One that could not begin, and of which nothing may be told.
    fn untold(error: EngineError) -> Self {
        let verdict = verdict::broken(&error);
        Self {
            succeeded: false,
            cancelled: false,
            reason: verdict.reason.into(),
            message: verdict.message,
            results: BTreeMap::new(),
            artifacts: None,
            trouble: Some(error),
        }
    }
}

/// Runs all tries of `run` and sends their events; `when_expressions` are those that let its pipeline task run.
pub(crate) async fn run(
    ground: &RunGround,
    run: TaskRun,
    when_expressions: Vec<Value>,
    halt: &Halt,
) -> TaskEnded {
    let mask = match ground.mask(&run.secrets) {
        Ok(mask) => mask,
        Err(error) => return TaskEnded::untold(error),
    };
    let run = Arc::new(run);
    let mut attempt = 0;
    loop {
        let events = ground.masked_events(Some(run.task.clone()), attempt, mask.clone());
        let began = events.now();
        let when_expressions = when_expressions.clone();
        let tried = attempt::run(ground, &run, attempt, when_expressions, &events, halt).await;
        let Tried {
            verdict,
            cancelled,
            results,
            artifacts,
            trouble,
        } = tried;
        let last = verdict.succeeded || cancelled || trouble.is_some() || attempt >= run.retries;
        let ended = EventKind::TaskEnd {
            verdict: verdict.clone(),
            retried: !last,
            duration_ms: events.now().since(began),
        };
        events.task(ended).await;
        if last {
            return TaskEnded {
                succeeded: verdict.succeeded,
                cancelled,
                reason: verdict.reason.into(),
                message: verdict.message,
                results,
                artifacts,
                trouble,
            };
        }
        attempt += 1;
    }
}
