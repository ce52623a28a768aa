//! Every text in an event that a document, a guest or the world outside had a say in.
//!
//! No pattern below has a `..`: a new event, or a new field of one, does not compile until somebody has decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{CacheChange, CacheUse, EventKind, Verdict};
use crate::{Ending, Frame, ParamValue};

/// What a text is to become; `None` where it stays.
type Change<'a> = &'a dyn Fn(&str) -> Option<String>;

impl EventKind {
    /// Changes every text. Names stay, and so do Tekton's own words, and keys of JSON objects.
    pub fn rewrite(&mut self, change: Change<'_>) {
        match self {
            Self::RunStart { tasks: _, steps: _ } | Self::FinallyStart {} => {}
            Self::RunEnd {
                verdict,
                duration_ms: _,
            }
            | Self::PipelineEnd {
                verdict,
                duration_ms: _,
            }
            | Self::TaskEnd {
                verdict,
                retried: _,
                duration_ms: _,
            } => words(verdict, change),
            Self::PipelineStart {
                name: _,
                pipeline: _,
                pipeline_task: _,
                display_name,
                when_expressions,
                pipeline_run,
                pipeline_spec,
                provenance,
            } => {
                shared_text(display_name, change);
                values(when_expressions, change);
                shared(pipeline_run, change);
                shared(pipeline_spec, change);
                provenance
                    .iter_mut()
                    .for_each(|value| shared(value, change));
            }
            Self::TaskSkip {
                pipeline_task: _,
                reason: _,
                when_expressions,
            } => values(when_expressions, change),
            Self::TaskStart {
                name: _,
                pipeline_task: _,
                display_name,
                when_expressions,
                steps: _,
                provenance,
                task_run,
                task_spec,
            } => {
                shared_text(display_name, change);
                values(when_expressions, change);
                provenance
                    .iter_mut()
                    .for_each(|value| shared(value, change));
                shared(task_run, change);
                shared(task_spec, change);
            }
            Self::StepStart {
                image,
                runs,
                digest: _,
            } => {
                if let Some(changed) = change(image) {
                    *image = changed.into();
                }
                shared_text(runs, change);
            }
            Self::SidecarStart {
                sidecar: _,
                image,
                runs,
                digest: _,
            } => {
                if let Some(changed) = change(image) {
                    *image = changed.into();
                }
                shared_text(runs, change);
            }
            Self::SidecarReady {
                sidecar: _,
                duration_ms: _,
            } => {}
            Self::StepLog {
                stream: _,
                line,
                partial: _,
            }
            | Self::SidecarLog {
                sidecar: _,
                stream: _,
                line,
                partial: _,
            } => text(line, change),
            Self::SidecarEnd {
                sidecar: _,
                exit_code: _,
                ending,
                stopped: _,
                duration_ms: _,
                dropped_bytes: _,
            } => ending.iter_mut().for_each(|found| said(found, change)),
            Self::StepProgress {
                done: _,
                total: _,
                message,
            }
            | Self::Notice { message } => text(message, change),
            Self::StepCache(CacheUse {
                key: _,
                state: _,
                outcome: _,
                observations: _,
                reason,
                changed,
                took_ms: _,
            }) => {
                reason.iter_mut().for_each(|reason| text(reason, change));
                if let Some(CacheChange {
                    path,
                    question: _,
                    was,
                    is,
                }) = changed
                {
                    text(path, change);
                    was.iter_mut().for_each(|was| text(was, change));
                    text(is, change);
                }
            }
            Self::StepEnd {
                termination_reason: _,
                exit_code: _,
                ending,
                duration_ms: _,
                dropped_bytes: _,
                cached: _,
            } => ending.iter_mut().for_each(|found| said(found, change)),
            Self::Result {
                name: _,
                result_type: _,
                value,
            } => param(value, change),
            Self::Artifacts { artifacts } => json(artifacts, change),
            Self::Error { causes } => causes.iter_mut().for_each(|cause| text(cause, change)),
        }
    }
}

fn text(text: &mut String, change: Change<'_>) {
    if let Some(changed) = change(text) {
        *text = changed;
    }
}

fn shared_text(text: &mut Option<Arc<str>>, change: Change<'_>) {
    if let Some(changed) = text.as_deref().and_then(change) {
        *text = Some(changed.into());
    }
}

fn words(verdict: &mut Verdict, change: Change<'_>) {
    let Verdict {
        succeeded: _,
        reason: _,
        message,
    } = verdict;
    text(message, change);
}

fn said(ending: &mut Ending, change: Change<'_>) {
    let frames = |backtrace: &mut Vec<Frame>| {
        for Frame { function, location } in backtrace {
            text(function, change);
            location.iter_mut().for_each(|place| text(place, change));
        }
    };
    match ending {
        Ending::Exited { code: _ } | Ending::TimedOut { after: _ } | Ending::Cancelled => {}
        Ending::Failed { class: _, message } => text(message, change),
        Ending::Trapped {
            reason,
            message,
            backtrace,
        } => {
            text(reason, change);
            message.iter_mut().for_each(|message| text(message, change));
            frames(backtrace);
        }
        Ending::LimitReached {
            limit: _,
            value: _,
            backtrace,
        } => frames(backtrace),
    }
}

fn param(value: &mut ParamValue, change: Change<'_>) {
    match value {
        ParamValue::String(found) => text(found, change),
        ParamValue::Array(items) => items.iter_mut().for_each(|item| text(item, change)),
        ParamValue::Object(members) => members_of(members, change),
    }
}

fn members_of(members: &mut BTreeMap<String, String>, change: Change<'_>) {
    members.values_mut().for_each(|value| text(value, change));
}

fn values(values: &mut [Value], change: Change<'_>) {
    values.iter_mut().for_each(|value| json(value, change));
}

/// What others share is copied only where it changes.
fn shared(value: &mut Arc<Value>, change: Change<'_>) {
    if changes(value, change) {
        json(Arc::make_mut(value), change);
    }
}

fn changes(value: &Value, change: Change<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(found) => change(found).is_some(),
        Value::Array(items) => items.iter().any(|item| changes(item, change)),
        Value::Object(members) => members.values().any(|value| changes(value, change)),
    }
}

fn json(value: &mut Value, change: Change<'_>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(found) => text(found, change),
        Value::Array(items) => values(items, change),
        Value::Object(members) => members.values_mut().for_each(|value| json(value, change)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hide(text: &str) -> Option<String> {
        text.contains("secret")
            .then(|| text.replace("secret", "***"))
    }

    #[test]
    fn every_text_of_an_event_is_reached() {
        let object = || Arc::new(json!({"a": [{"secret": "the secret", "b": 1}], "c": "kept"}));
        let mut start = EventKind::TaskStart {
            name: crate::RunName::new("run"),
            pipeline_task: None,
            display_name: Some("a secret".into()),
            when_expressions: vec![json!({"input": "secret"})],
            steps: Vec::new(),
            provenance: Some(object()),
            task_run: object(),
            task_spec: object(),
        };
        start.rewrite(&hide);
        let shown = serde_json::to_value(&start).unwrap().to_string();
        assert!(
            !shown.contains(r#":"secret""#) && shown.contains("a ***"),
            "{shown}"
        );
        let EventKind::TaskStart { task_run, .. } = &start else {
            panic!("it is what it was")
        };
        let hidden = json!({"a": [{"secret": "the ***", "b": 1}], "c": "kept"});
        assert_eq!(**task_run, hidden);
        let mut end = EventKind::StepEnd {
            termination_reason: crate::TerminationReason::Error,
            exit_code: 1,
            ending: Some(Ending::Trapped {
                reason: "secret".into(),
                message: Some("secret".into()),
                backtrace: vec![Frame {
                    function: "secret".into(),
                    location: Some("secret".into()),
                }],
            }),
            duration_ms: 0,
            dropped_bytes: 0,
            cached: false,
        };
        end.rewrite(&hide);
        let shown = serde_json::to_string(&end).unwrap();
        assert!(
            !shown.contains("secret") && shown.matches("***").count() == 4,
            "{shown}"
        );
    }

    #[test]
    fn what_does_not_change_is_not_copied() {
        let object = Arc::new(json!({"a": "plain"}));
        let mut kept = Arc::clone(&object);
        shared(&mut kept, &hide);
        assert!(Arc::ptr_eq(&object, &kept));
    }
}
