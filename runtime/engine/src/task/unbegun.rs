//! A TaskRun that ends before it begins: found wrong, or asked by its own document not to run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stepwell_contract::EventKind;
use stepwell_contract::event::Verdict;
use stepwell_spec::Broken;

use super::{RunGround, TaskEnded};
use crate::verdict;

/// Tells of `broken` that it starts, without a step, and how it ends.
pub(crate) async fn unbegun(
    ground: &RunGround,
    broken: Broken,
    when_expressions: Vec<Value>,
) -> TaskEnded {
    let Broken {
        name,
        task,
        pipeline_task,
        document,
        verdict,
    } = broken;
    let events = ground.events(Some(task), 0);
    let began = events.now();
    let start = EventKind::TaskStart {
        name,
        pipeline_task,
        display_name: None,
        when_expressions,
        steps: Vec::new(),
        provenance: None,
        task_run: document,
        task_spec: Arc::default(),
    };
    events.task(start).await;
    let end = EventKind::TaskEnd {
        verdict: verdict.clone(),
        retried: false,
        duration_ms: events.now().since(began),
    };
    events.task(end).await;
    let Verdict {
        succeeded,
        reason,
        message,
    } = verdict;
    TaskEnded {
        succeeded,
        cancelled: reason == verdict::CANCELLED,
        reason: reason.into(),
        message,
        results: BTreeMap::new(),
        artifacts: None,
        trouble: None,
    }
}
