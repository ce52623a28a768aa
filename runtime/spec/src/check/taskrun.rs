//! A TaskRun on its own, and what runs of both kinds say about pods.

use super::KEEP_ONE;
use super::container::{self, check_volumes};
use super::param::check_given;
use super::task::check_task;
use crate::document::overrides::ContainerOverride;
use crate::document::param::GivenParam;
use crate::document::pod::PodTemplate;
use crate::document::resources::Resources;
use crate::document::taskrun::{Debug, TaskRunSpec, TaskSource};
use crate::document::workspace::Binding;
use crate::document::{Metadata, check_settings};
use crate::fields::Text;
use crate::name::{self, Case, check_unique};
use crate::problem::{FieldProblem, Problems};
use crate::source::Sources;

/// Checks what can be said about a TaskRun by itself.
pub(crate) fn check_task_run(
    spec: &TaskRunSpec,
    metadata: &Metadata,
    sources: &Sources,
    problems: &Problems,
) {
    if let TaskSource::Inline(task) = &spec.task {
        check_task(task, sources, problems);
        check_settings(metadata, &task.step_names(), problems);
    }
    check_run_params(&spec.params, problems);
    check_bindings(&spec.workspaces, problems);
    check_pod(spec.pod_template.as_ref(), problems);
    check_overrides(
        &spec.step_specs,
        &spec.sidecar_specs,
        spec.resources.as_ref(),
        problems,
    );
    if let Some(status) = &spec.status {
        let expected = ["TaskRunCancelled", "TaskRunPending"];
        check_word("status", status, &expected, problems);
    } else if let Some(message) = &spec.status_message {
        problems.push(FieldProblem::BadValue {
            field: "statusMessage".to_owned(),
            value: message.value.clone(),
            expected: "no message, or `status: TaskRunCancelled` beside it".to_owned(),
            span: message.span,
        });
    }
    if let Some(debug) = &spec.debug {
        check_debug(debug, problems);
    }
}

/// Checks the params of a run.
pub(super) fn check_run_params(params: &[GivenParam], problems: &Problems) {
    for param in params {
        name::PARAM.check(&param.name, problems);
    }
    check_given(params, problems);
}

/// Checks the workspaces of a run.
pub(super) fn check_bindings(bindings: &[Binding], problems: &Problems) {
    let names = bindings.iter().map(|binding| &binding.name);
    check_unique(names, "workspaces", KEEP_ONE, Case::Matters, problems);
}

/// Checks a pod template.
pub(super) fn check_pod(template: Option<&PodTemplate>, problems: &Problems) {
    if let Some(template) = template {
        check_volumes(&template.volumes, problems);
        container::check_env(&template.env, problems);
    }
}

/// Checks what is said about single steps and sidecars, and about all steps together.
pub(super) fn check_overrides(
    steps: &[ContainerOverride],
    sidecars: &[ContainerOverride],
    together: Option<&Resources>,
    problems: &Problems,
) {
    for (overrides, what) in [
        (steps, "items of `stepSpecs`"),
        (sidecars, "items of `sidecarSpecs`"),
    ] {
        let names = overrides.iter().map(|item| &item.name);
        check_unique(names, what, KEEP_ONE, Case::Matters, problems);
    }
    let single = steps.iter().find_map(|step| step.resources.as_ref());
    if let (Some(_), Some(single)) = (together, single) {
        problems.push(FieldProblem::ExactlyOne {
            owner: "a run",
            found: "resources for all steps and for one of them".to_owned(),
            choices: "`computeResources` and `stepSpecs[].computeResources`",
            help: "keep those of all steps together, or those of each step",
            span: single.node.span,
        });
    }
}

/// Notes a text that is none of those that a field can have.
pub(super) fn check_word(field: &str, text: &Text, expected: &[&str], problems: &Problems) {
    if !expected.contains(&text.value.as_str()) {
        problems.push(FieldProblem::BadValue {
            field: field.to_owned(),
            value: text.value.clone(),
            expected: expected.join(" or "),
            span: text.span,
        });
    }
}

fn check_debug(debug: &Debug, problems: &Problems) {
    if let Some(on_failure) = &debug.on_failure {
        check_word("onFailure", on_failure, &["enabled"], problems);
    }
    let what = "items of `beforeSteps`";
    check_unique(&debug.before_steps, what, KEEP_ONE, Case::Matters, problems);
}
