//! One step: what it may say beside a StepAction, and what it may refer to in its own Task.

use std::collections::{BTreeSet, HashMap};

use super::container::{check_container, check_mounts, check_usages};
use super::param::{check_given, check_results, each_text, each_when_text};
use super::references::{check_task_context, misplaced, unknown};
use super::scope::Declared;
use super::when::check_when;
use crate::document::container::Place;
use crate::document::step::StepDecl;
use crate::document::task::TaskSpec;
use crate::fields::Text;
use crate::nearest::suggest;
use crate::problem::{FieldProblem, Problems, TaskProblem};
use crate::reference::{self, Subject};
use crate::source::{Sources, Span};

/// What a task's steps may refer to of the task's own: looked up for every reference of every step.
pub(super) struct OwnNames<'a> {
    results: BTreeSet<&'a str>,
    /// Each step's place in the task.
    steps: HashMap<&'a str, usize>,
    /// The results of each step; `None` where its StepAction declares them.
    results_of: Vec<Option<BTreeSet<&'a str>>>,
}

impl<'a> OwnNames<'a> {
    /// The names in `spec`, whose steps are called `steps`.
    pub(super) fn of(spec: &'a TaskSpec, steps: &'a [String]) -> Self {
        let results = spec.results.iter();
        let names = steps.iter().map(String::as_str);
        Self {
            results: results.map(|result| result.name.value.as_str()).collect(),
            // Where two steps have one name, the first keeps it.
            steps: names
                .enumerate()
                .rev()
                .map(|(at, name)| (name, at))
                .collect(),
            results_of: spec
                .steps
                .iter()
                .map(|step| {
                    let results = step.results.iter();
                    let names = || results.map(|result| result.name.value.as_str()).collect();
                    step.action.is_none().then(names)
                })
                .collect(),
        }
    }

    /// Whether the step at `at` has a result called so, as far as that is known.
    pub(super) fn has_result(&self, at: usize, result: &reference::ResultRef) -> bool {
        let Some(Some(results)) = self.results_of.get(at) else {
            return true;
        };
        result
            .look_up(|name| results.contains(name).then_some(()))
            .is_some()
    }

    /// The place of a step.
    pub(super) fn place(&self, step: &str) -> Option<usize> {
        self.steps.get(step).copied()
    }

    /// What a step may have been meant by `name`.
    pub(super) fn suggest_step(&self, name: &str) -> String {
        let mut steps: Vec<_> = self.steps.iter().map(|(name, at)| (*at, *name)).collect();
        steps.sort_unstable();
        let steps: Vec<&str> = steps.into_iter().map(|(_, name)| name).collect();
        suggest(name, &steps, "steps")
    }
}

/// Checks a step by itself. `own` is what it says, without the template.
pub(super) fn check_step(
    own: &StepDecl,
    merged: &StepDecl,
    name: &str,
    declared: &Declared<'_>,
    problems: &Problems,
) {
    if own.action.is_some() {
        check_with_ref(own, name, problems);
    } else {
        if merged.container.image.is_none() {
            problems.push(TaskProblem::NoImage {
                step: name.to_owned(),
                span: own.span,
            });
        }
        if let Some(param) = own.params.first() {
            problems.push(TaskProblem::ParamsWithoutRef {
                step: name.to_owned(),
                span: param.name.span,
            });
        }
    }
    check_given(&own.params, problems);
    check_results(&own.results, problems);
    // Beside a `ref`, neither of the two may be there.
    let script = own.script.as_ref().filter(|_| own.action.is_none());
    check_container(&merged.container, script, name, problems);
    check_mounts(&merged.container, problems);
    let user = format!("the step `{name}`");
    check_usages(&own.workspaces, &user, declared, problems);
    check_when(&own.when, &user, problems);
    if let Some(on_error) = &own.on_error {
        check_on_error(on_error, problems);
    }
}

/// Notes a value of `onError` that means nothing.
pub(super) fn check_on_error(text: &Text, problems: &Problems) {
    let known = matches!(text.value.as_str(), "continue" | "stopAndFail");
    if !known && !reference::is_in(&text.value) {
        problems.push(FieldProblem::BadValue {
            field: "onError".to_owned(),
            value: text.value.clone(),
            expected: "continue or stopAndFail".to_owned(),
            span: text.span,
        });
    }
}

/// Notes what a step says itself that is its StepAction's to say.
fn check_with_ref(step: &StepDecl, name: &str, problems: &Problems) {
    let container = &step.container;
    let first = |texts: &[Text]| texts.first().map(|text| text.span);
    let single = |text: &Option<Text>| text.as_ref().map(|text| text.span);
    let refused: [(&'static str, Option<Span>); 8] = [
        ("image", single(&container.image)),
        ("command", first(&container.command)),
        ("args", first(&container.args)),
        ("script", single(&step.script)),
        ("workingDir", single(&container.working_dir)),
        ("env", container.env.first().map(|env| env.name.span)),
        (
            "volumeMounts",
            container.volume_mounts.first().map(|mount| mount.span),
        ),
        (
            "results",
            step.results.first().map(|result| result.name.span),
        ),
    ];
    for (field, span) in refused {
        if let Some(span) = span {
            problems.push(TaskProblem::NotWithRef {
                step: name.to_owned(),
                field,
                span,
            });
        }
    }
}

/// Results and steps can only be the Task's own, wherever its params come from.
pub(super) fn check_own_references(
    step: &StepDecl,
    at: usize,
    own: &OwnNames<'_>,
    sources: &Sources,
    problems: &Problems,
) {
    let taken = late_places(step);
    for (text, place) in step.texts() {
        check_task_context(text, sources, problems);
        let late = place == Place::Item || taken.contains(&text.span);
        for found in reference::find(&text.value) {
            match found.subject() {
                Subject::StepResult(_) if !late => misplaced(
                    &found,
                    text,
                    "this field of a step",
                    "results of earlier steps are filled in in `command`, `args`, `env` and `when`; set a variable to it",
                    sources,
                    problems,
                ),
                _ => check_own(&found, text, at, own, sources, problems),
            }
        }
    }
    let check = |text: &Text, _| {
        check_task_context(text, sources, problems);
        for found in reference::find(&text.value) {
            check_own(&found, text, at, own, sources, problems);
        }
    };
    for param in &step.params {
        each_text(&param.value, &check);
    }
    for when in &step.when {
        each_when_text(when, &check);
    }
}

/// The values of variables, in which results of earlier steps are filled in.
fn late_places(step: &StepDecl) -> BTreeSet<Span> {
    let env = step.container.plain_env();
    env.map(|(_, value)| value.span).collect()
}

fn check_own(
    found: &reference::Reference<'_>,
    text: &Text,
    at: usize,
    own: &OwnNames<'_>,
    sources: &Sources,
    problems: &Problems,
) {
    let note = |what, help: &dyn Fn() -> String| {
        unknown(found, text, (what, "the Task"), help, sources, problems);
    };
    match found.subject() {
        Subject::Result(name) if !own.results.contains(name.as_str()) => {
            note("a result", &|| {
                let results: Vec<&str> = own.results.iter().copied().collect();
                suggest(&name, &results, "results")
            });
        }
        Subject::ExitCode(step) => {
            let name = step.strip_prefix("step-").unwrap_or("");
            if own.place(name).is_none() {
                note("a step", &|| own.suggest_step(name));
            }
        }
        Subject::StepResult(result) => match own.place(&result.of) {
            None => note("a step", &|| own.suggest_step(&result.of)),
            Some(of) if of >= at => misplaced(
                found,
                text,
                "a step that runs before it is written",
                "refer to a result of an earlier step",
                sources,
                problems,
            ),
            Some(of) if !own.has_result(of, &result) => note("a step's result", &|| {
                let known = own.results_of[of].iter().flatten().copied();
                suggest(&result.name, &known.collect::<Vec<_>>(), "results")
            }),
            Some(_) => {}
        },
        _ => {}
    }
}
