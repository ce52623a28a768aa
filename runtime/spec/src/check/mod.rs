//! What can be said about a Task before anything is known of its run: names, contradictions, and references to nothing.
//!
//! Every Task of every file is checked, also those that will not run.

use std::collections::BTreeSet;

use stepwell_contract::{ParamType, ParamValue};

use crate::document::container::Place;
use crate::document::param::ParamDecl;
use crate::document::step::StepDecl;
use crate::document::task::TaskSpec;
use crate::document::taskrun::{TaskRunSpec, TaskSource};
use crate::document::{Metadata, check_settings};
use crate::fields::Text;
use crate::name::{self, Case, check_unique};
use crate::nearest::suggest;
use crate::problem::{FieldProblem, Problems, TaskProblem};
use crate::reference::{self, Index, Reference, Subject};
use crate::source::{Sources, Span};
use crate::value::with_article;

const RENAME: &str = "give one of them another name";

/// Checks a Task on its own.
pub(crate) fn check_task(spec: &TaskSpec, sources: &Sources, problems: &Problems) {
    for param in &spec.params {
        check_param(param, problems);
    }
    let names = spec.params.iter().map(|param| &param.name);
    let help = "upper and lower case make no difference here; give one of them another name";
    check_unique(names, "params", help, Case::Ignored, problems);
    for result in &spec.results {
        name::RESULT.check(&result.name, problems);
        check_properties(
            "the result",
            &result.name,
            result.result_type,
            &result.properties,
            problems,
        );
    }
    check_unique(
        spec.results.iter().map(|result| &result.name),
        "results",
        RENAME,
        Case::Matters,
        problems,
    );
    for workspace in &spec.workspaces {
        name::WORKSPACE.check(&workspace.name, problems);
    }
    let names = spec.workspaces.iter().map(|workspace| &workspace.name);
    check_unique(names, "workspaces", RENAME, Case::Matters, problems);
    check_steps(spec, sources, problems);
}

fn check_param(param: &ParamDecl, problems: &Problems) {
    match param.param_type {
        ParamType::Object => name::OBJECT_PARAM.check(&param.name, problems),
        _ => name::PARAM.check(&param.name, problems),
    }
    for key in &param.properties {
        name::OBJECT_KEY.check(key, problems);
    }
    check_properties(
        "the param",
        &param.name,
        param.param_type,
        &param.properties,
        problems,
    );
    let Some(default) = &param.default else {
        return;
    };
    let found = default.value.param_type();
    if found != param.param_type {
        problems.push(TaskProblem::DefaultType {
            param: param.name.value.clone(),
            found: with_article(found),
            found_type: found.as_str(),
            declared: with_article(param.param_type),
            span: default.span,
        });
    }
    check_allowed(param, &default.value, default.span, problems);
}

/// Notes a value that is not in the param's `enum`.
pub(crate) fn check_allowed(
    param: &ParamDecl,
    value: &ParamValue,
    span: Span,
    problems: &Problems,
) {
    let ParamValue::String(value) = value else {
        return;
    };
    if !param.allowed.is_empty() && !param.allowed.iter().any(|allowed| allowed.value == *value) {
        problems.push(TaskProblem::NotInEnum {
            param: param.name.value.clone(),
            value: value.clone(),
            allowed: list(param.allowed.iter().map(|allowed| allowed.value.as_str())),
            span,
        });
    }
}

/// Names in one line.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn check_properties(
    what: &'static str,
    name: &Text,
    declared: ParamType,
    properties: &[Text],
    problems: &Problems,
) {
    if declared == ParamType::Object && properties.is_empty() {
        problems.push(TaskProblem::NoProperties {
            what,
            name: name.value.clone(),
            span: name.span,
        });
    }
}

/// Checks what can be said about a TaskRun's own lists.
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
    for param in &spec.params {
        name::PARAM.check(&param.name, problems);
    }
    let keep = "keep one of the two";
    check_unique(
        spec.params.iter().map(|param| &param.name),
        "params",
        keep,
        Case::Ignored,
        problems,
    );
    check_unique(
        spec.workspaces.iter().map(|binding| &binding.name),
        "workspaces",
        keep,
        Case::Matters,
        problems,
    );
}

fn check_steps(spec: &TaskSpec, sources: &Sources, problems: &Problems) {
    if spec.steps.is_empty() {
        problems.push(TaskProblem::NoSteps {
            span: spec.node.span,
        });
    }
    let named = || spec.steps.iter().filter_map(|step| step.name.as_ref());
    for name in named() {
        name::STEP.check(name, problems);
    }
    check_unique(named(), "steps", RENAME, Case::Matters, problems);
    let names = spec.step_names();
    let own = OwnNames::of(spec, &names);
    for (step, name) in spec.merged_steps().zip(&names) {
        if step.container.image.is_none() && step.action.is_none() {
            problems.push(TaskProblem::NoImage {
                step: name.clone(),
                span: step.span,
            });
        }
        if let (Some(_), Some(command)) = (&step.script, step.container.command.first()) {
            problems.push(TaskProblem::ScriptAndCommand {
                step: name.clone(),
                span: command.span,
            });
        }
        for variable in &step.container.env {
            name::ENVIRONMENT.check(&variable.name, problems);
        }
        let variables = step.container.env.iter().map(|variable| &variable.name);
        check_unique(
            variables,
            "environment variables",
            "keep one of the two",
            Case::Matters,
            problems,
        );
        if let Some(on_error) = step
            .on_error
            .as_ref()
            .filter(|text| !text.value.contains("$("))
        {
            check_on_error(on_error, problems);
        }
        check_own_references(&step, &own, sources, problems);
    }
}

fn check_on_error(text: &Text, problems: &Problems) {
    if !matches!(text.value.as_str(), "continue" | "stopAndFail") {
        problems.push(FieldProblem::BadValue {
            field: "onError".to_owned(),
            value: text.value.clone(),
            expected: "continue or stopAndFail".to_owned(),
            span: text.span,
        });
    }
}

/// What a task's steps may refer to: looked up for every reference of every step.
struct OwnNames<'a> {
    results: BTreeSet<&'a str>,
    steps: BTreeSet<&'a str>,
}

impl<'a> OwnNames<'a> {
    fn of(spec: &'a TaskSpec, steps: &'a [String]) -> Self {
        Self {
            results: spec
                .results
                .iter()
                .map(|result| result.name.value.as_str())
                .collect(),
            steps: steps.iter().map(String::as_str).collect(),
        }
    }
}

/// Results and steps can only be the Task's own, wherever its params come from.
fn check_own_references(
    step: &StepDecl,
    own: &OwnNames<'_>,
    sources: &Sources,
    problems: &Problems,
) {
    for (text, _) in step.texts() {
        for found in reference::find(&text.value) {
            let unknown = |what, help| unknown(&found, text, what, help, sources, problems);
            match found.subject() {
                Subject::Result(name) if !own.results.contains(name.as_str()) => {
                    let results: Vec<&str> = own.results.iter().copied().collect();
                    unknown("a result", suggest(&name, &results, "results"));
                }
                Subject::ExitCode(step) => {
                    let name = step.strip_prefix("step-").unwrap_or("");
                    if !own.steps.contains(name) {
                        let steps: Vec<&str> = own.steps.iter().copied().collect();
                        unknown("a step", suggest(name, &steps, "steps"));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Checks that a Task that stands alone refers only to params and workspaces that it declares, and to each as what it
/// is. An inline Task may also refer to those of its TaskRun, which is known later.
pub(crate) fn check_references(spec: &TaskSpec, sources: &Sources, problems: &Problems) {
    let params: Vec<&str> = spec
        .params
        .iter()
        .map(|param| param.name.value.as_str())
        .collect();
    let workspaces: Vec<&str> = spec
        .workspaces
        .iter()
        .map(|workspace| workspace.name.value.as_str())
        .collect();
    let mounts = spec
        .workspaces
        .iter()
        .filter_map(|workspace| workspace.mount_path.as_ref());
    let texts = spec
        .steps
        .iter()
        .flat_map(StepDecl::texts)
        .chain(mounts.map(|text| (text, Place::Text)));
    for (text, place) in texts {
        for found in reference::find(&text.value) {
            let unknown = |what, help| unknown(&found, text, what, help, sources, problems);
            match found.subject() {
                Subject::Param { name, object } => {
                    let declared =
                        |name: &str| spec.params.iter().find(|param| param.name.value == name);
                    if let Some(param) = declared(&name) {
                        check_use(&found, text, place, param.param_type, sources, problems);
                        continue;
                    }
                    let object = object
                        .as_ref()
                        .and_then(|(name, key)| Some((declared(name)?, key)));
                    match object {
                        None => unknown("a param", suggest(&name, &params, "params")),
                        Some((param, key)) => {
                            let keys: Vec<&str> = param
                                .properties
                                .iter()
                                .map(|key| key.value.as_str())
                                .collect();
                            if !keys.contains(&key.as_str()) {
                                unknown("a key of a param", suggest(key, &keys, "keys"));
                            }
                        }
                    }
                }
                Subject::Workspace { name, .. } if !workspaces.contains(&name.as_str()) => {
                    unknown("a workspace", suggest(&name, &workspaces, "workspaces"));
                }
                Subject::Workspace { property, .. } => {
                    const KNOWN: [&str; 4] = ["path", "bound", "claim", "volume"];
                    if !KNOWN.contains(&property.as_str()) {
                        unknown(
                            "a property of a workspace",
                            suggest(&property, &KNOWN, "properties"),
                        );
                    }
                }
                _ => {}
            }
        }
    }
}

fn unknown(
    found: &Reference<'_>,
    text: &Text,
    what: &'static str,
    help: String,
    sources: &Sources,
    problems: &Problems,
) {
    problems.push(TaskProblem::UnknownReference {
        reference: found.text.to_owned(),
        what,
        help,
        span: sources.narrow(text.span, found.text),
    });
}

/// Notes a whole array or object where a string must be.
pub(crate) fn check_use(
    found: &Reference<'_>,
    text: &Text,
    place: Place,
    declared: ParamType,
    sources: &Sources,
    problems: &Problems,
) {
    let help = match (declared, found.index) {
        (ParamType::String, None) | (ParamType::Array, Some(Index::At(_))) => return,
        (ParamType::Array, _) if place == Place::Item && found.text == text.value => return,
        (ParamType::Array, _) if place == Place::Item => {
            "an array takes the place of a whole item: write it as an item of its own".to_owned()
        }
        (ParamType::Array, _) => {
            "take one value with `[0]`, or pass the whole array as an item of `args`".to_owned()
        }
        (ParamType::Object, _) => "take one key of it: `$(params.NAME.KEY)`".to_owned(),
        (ParamType::String, Some(_)) => {
            "a string has no index; declare the param `type: array`".to_owned()
        }
    };
    problems.push(TaskProblem::NotAString {
        reference: found.text.to_owned(),
        found: match declared {
            ParamType::String => "an index into a string",
            other => with_article(other),
        },
        help,
        span: sources.narrow(text.span, found.text),
    });
}
