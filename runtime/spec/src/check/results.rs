//! Where results with a `value` come from: steps for a Task, tasks for a Pipeline.

use std::collections::HashMap;

use super::param::each_text;
use super::references::unknown;
use super::step::OwnNames;
use crate::document::param::ResultDecl;
use crate::document::pipeline::PipelineSpec;
use crate::document::pipeline_task::PipelineTask;
use crate::fields::Text;
use crate::nearest::suggest;
use crate::problem::{Problems, TaskProblem};
use crate::reference::{self, Subject};
use crate::source::Sources;

/// Checks the results of a Task that have a `value`.
pub(super) fn check_task_results(
    results: &[ResultDecl],
    own: &OwnNames<'_>,
    sources: &Sources,
    problems: &Problems,
) {
    for result in results {
        let Some(value) = &result.value else {
            continue;
        };
        let check = |text: &Text, _| {
            let mut any = false;
            for found in reference::find(&text.value) {
                let Subject::StepResult(result) = found.subject() else {
                    continue;
                };
                any = true;
                let note = |what, help: &dyn Fn() -> String| {
                    unknown(&found, text, (what, "the Task"), help, sources, problems);
                };
                match own.place(&result.of) {
                    None => note("a step", &|| own.suggest_step(&result.of)),
                    Some(of) if !own.has_result(of, &result) => note("a step's result", &|| {
                        format!("add it to `results` of the step `{}`", result.of)
                    }),
                    Some(_) => {}
                }
            }
            if !any {
                problems.push(TaskProblem::ResultValue {
                    result: result.name.value.clone(),
                    from: "a step",
                    example: "$(steps.STEP.results.NAME)",
                    span: text.span,
                });
            }
        };
        each_text(value, &check);
    }
}

/// Checks the results of a Pipeline.
pub(super) fn check_pipeline_results(
    spec: &PipelineSpec,
    tasks: &HashMap<&str, &PipelineTask>,
    sources: &Sources,
    problems: &Problems,
) {
    for result in &spec.results {
        let Some(value) = &result.value else {
            problems.push(TaskProblem::ResultValue {
                result: result.name.value.clone(),
                from: "a task",
                example: "$(tasks.TASK.results.NAME)",
                span: result.name.span,
            });
            continue;
        };
        let check = |text: &Text, _| {
            let mut any = false;
            for found in reference::find(&text.value) {
                let Subject::TaskResult(result) = found.subject() else {
                    continue;
                };
                any = true;
                if !tasks.contains_key(result.of.as_str()) {
                    let help = || {
                        let known = spec.all_tasks().map(|task| task.name.value.as_str());
                        suggest(&result.of, &known.collect::<Vec<_>>(), "tasks")
                    };
                    let what = ("a task", "the Pipeline");
                    unknown(&found, text, what, &help, sources, problems);
                }
            }
            if !any {
                problems.push(TaskProblem::ResultValue {
                    result: result.name.value.clone(),
                    from: "a task",
                    example: "$(tasks.TASK.results.NAME)",
                    span: text.span,
                });
            }
        };
        each_text(value, &check);
    }
}
