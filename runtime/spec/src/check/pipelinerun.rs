//! A PipelineRun on its own: time-outs within time-outs, and settings for tasks that are there.

use std::collections::HashSet;
use std::time::Duration;

use super::param::each_text;
use super::pipeline::check_pipeline;
use super::references::misplaced;
use super::taskrun::{check_bindings, check_overrides, check_pod, check_run_params, check_word};
use crate::document::overrides::TaskRunOverride;
use crate::document::pipelinerun::{PipelineRunSpec, PipelineSource, TimeoutsDecl};
use crate::duration::show;
use crate::fields::{At, Text};
use crate::nearest::suggest;
use crate::problem::{PipelineProblem, Problems};
use crate::reference::{self, Subject};
use crate::run::DEFAULT_TIMEOUT;
use crate::source::Sources;

const STATUS: [&str; 4] = [
    "Cancelled",
    "CancelledRunFinally",
    "StoppedRunFinally",
    "PipelineRunPending",
];

/// Checks what can be said about a PipelineRun by itself.
pub(crate) fn check_pipeline_run(spec: &PipelineRunSpec, sources: &Sources, problems: &Problems) {
    if let PipelineSource::Inline(pipeline) = &spec.pipeline {
        check_pipeline(pipeline, true, sources, problems);
    }
    check_run_params(&spec.params, problems);
    let check = |text: &Text, _| {
        for found in reference::find(&text.value) {
            if matches!(found.subject(), Subject::TaskResult(_)) {
                misplaced(
                    &found,
                    text,
                    "a param of a PipelineRun",
                    "no task has run when params are given; refer to the result in the params of a task",
                    sources,
                    problems,
                );
            }
        }
    };
    for param in &spec.params {
        each_text(&param.value, &check);
    }
    check_bindings(&spec.workspaces, problems);
    check_pod(spec.pod_template.as_ref(), problems);
    if let Some(status) = &spec.status {
        check_word("status", status, &STATUS, problems);
    }
    check_timeouts(&spec.timeouts, problems);
    check_task_run_specs(spec, problems);
}

/// A time-out of zero is none, which is more than any.
fn exceeds(inner: Duration, outer: Duration) -> bool {
    !outer.is_zero() && (inner.is_zero() || inner > outer)
}

fn shown(duration: Duration) -> String {
    match duration.is_zero() {
        true => "0s (no bound)".to_owned(),
        false => show(duration),
    }
}

/// The whole pipeline's time-out, and what it is called.
fn whole(timeouts: &TimeoutsDecl) -> (Duration, String) {
    let value = |timeout: &At<Duration>| timeout.value;
    let pipeline = timeouts.pipeline.as_ref().map_or(DEFAULT_TIMEOUT, value);
    let given = timeouts.pipeline.is_some();
    let title = if given {
        "`timeouts.pipeline`"
    } else {
        "the default time-out"
    };
    (pipeline, format!("{title} of {}", shown(pipeline)))
}

fn check_timeouts(timeouts: &TimeoutsDecl, problems: &Problems) {
    let (pipeline, bound) = whole(timeouts);
    let too_long = |what: &str, value: String, span| {
        problems.push(PipelineProblem::TimeoutTooLong {
            what: what.to_owned(),
            value,
            bound: bound.clone(),
            help: "the time of the tasks and of `finally` is part of the pipeline's: lower it, or raise `timeouts.pipeline`",
            span,
        });
    };
    let mut fits = true;
    for (what, part) in [
        ("`timeouts.tasks`", &timeouts.tasks),
        ("`timeouts.finally`", &timeouts.finally),
    ] {
        if let Some(part) = part
            && exceeds(part.value, pipeline)
        {
            fits = false;
            too_long(what, shown(part.value), part.span);
        }
    }
    if let (true, Some(tasks), Some(finally)) = (fits, &timeouts.tasks, &timeouts.finally)
        && exceeds(tasks.value.saturating_add(finally.value), pipeline)
    {
        let sum = format!("{} and {}", show(tasks.value), show(finally.value));
        too_long("`timeouts.tasks` and `timeouts.finally`", sum, finally.span);
    }
}

fn check_task_run_specs(spec: &PipelineRunSpec, problems: &Problems) {
    let tasks: Option<HashSet<&str>> = match &spec.pipeline {
        PipelineSource::Inline(pipeline) => Some(
            pipeline
                .all_tasks()
                .map(|task| task.name.value.as_str())
                .collect(),
        ),
        PipelineSource::Named(_) | PipelineSource::Unusable => None,
    };
    for item in &spec.task_run_specs {
        check_pod(item.pod_template.as_ref(), problems);
        check_overrides(
            &item.step_specs,
            &item.sidecar_specs,
            item.resources.as_ref(),
            problems,
        );
        check_task_timeout(item, &spec.timeouts, problems);
        if let Some(tasks) = &tasks
            && !tasks.contains(item.task.value.as_str())
            && !problems.is_full()
        {
            let known = super::scope::sorted(tasks.iter().copied());
            problems.push(PipelineProblem::UnknownPipelineTask {
                place: "`taskRunSpecs`",
                name: item.task.value.clone(),
                help: suggest(&item.task.value, &known, "tasks"),
                span: item.task.span,
            });
        }
    }
}

/// One task may not have more time than all of them.
fn check_task_timeout(item: &TaskRunOverride, timeouts: &TimeoutsDecl, problems: &Problems) {
    let Some(timeout) = &item.timeout else {
        return;
    };
    let (bound, title) = match &timeouts.tasks {
        Some(tasks) => {
            let title = format!("`timeouts.tasks` of {}", shown(tasks.value));
            (tasks.value, title)
        }
        None if timeouts.pipeline.is_some() => whole(timeouts),
        // Tekton compares it with the default only where there are `timeouts`.
        None => return,
    };
    if !timeout.value.is_zero() && exceeds(timeout.value, bound) {
        problems.push(PipelineProblem::TimeoutTooLong {
            what: format!("the time-out of the task `{}`", item.task.value),
            value: show(timeout.value),
            bound: title,
            help: "one task has no more time than all of them together: lower it, or raise the other",
            span: timeout.span,
        });
    }
}
