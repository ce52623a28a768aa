//! A StepAction on its own.

use super::container::{check_container, check_mounts};
use super::param::{check_params, check_results};
use super::references::{check_declared, check_task_context};
use super::scope::Declared;
use crate::document::step_action::StepActionSpec;
use crate::fields::Text;
use crate::problem::{Problems, TaskProblem};
use crate::reference::{self, Subject};
use crate::source::Sources;

/// Checks a StepAction called `name`.
pub(crate) fn check_step_action(
    spec: &StepActionSpec,
    name: &str,
    sources: &Sources,
    problems: &Problems,
) {
    check_params(&spec.params, problems);
    check_results(&spec.results, problems);
    if spec.container.image.is_none() {
        problems.push(TaskProblem::NoImage {
            step: name.to_owned(),
            span: spec.node.span,
        });
    }
    check_container(&spec.container, spec.script.as_ref(), name, problems);
    check_mounts(&spec.container, problems);
    // Its workspaces are those of the Task that takes it over.
    let declared = Declared::new("the StepAction", &spec.params, None::<[_; 0]>);
    for (text, place) in spec.texts() {
        check_task_context(text, sources, problems);
        let is_script = spec
            .script
            .as_ref()
            .is_some_and(|script| std::ptr::eq(script, text));
        match is_script {
            true => check_script(text, sources, problems),
            false => check_declared(text, place, &declared, sources, problems),
        }
    }
}

/// A param in a script could become a command of whoever gives it, and Tekton refuses it.
fn check_script(script: &Text, sources: &Sources, problems: &Problems) {
    for found in reference::find(&script.value) {
        if matches!(found.subject(), Subject::Param { .. }) && !problems.is_full() {
            problems.push(TaskProblem::ParamsInScript {
                reference: found.text.to_owned(),
                span: sources.narrow(script.span, found.text),
            });
        }
    }
}
