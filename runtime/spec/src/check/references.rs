//! References to params, workspaces and the context, wherever they stand.

use stepwell_contract::ParamType;

use super::scope::{Declared, sorted};
use crate::document::container::Place;
use crate::document::param::ParamDecl;
use crate::fields::Text;
use crate::nearest::suggest;
use crate::problem::{Problems, TaskProblem};
use crate::reference::{self, Index, Reference, Subject};
use crate::source::Sources;
use crate::value::with_article;

/// What can be asked of a workspace.
const WORKSPACE_PROPERTIES: [&str; 4] = ["path", "bound", "claim", "volume"];
/// What a step can ask of its context.
const TASK_CONTEXT: [&str; 5] = [
    "taskRun.name",
    "taskRun.namespace",
    "taskRun.uid",
    "task.name",
    "task.retry-count",
];
/// What a Pipeline can ask of its context.
const PIPELINE_CONTEXT: [&str; 5] = [
    "pipelineRun.name",
    "pipelineRun.namespace",
    "pipelineRun.uid",
    "pipeline.name",
    "pipelineTask.retries",
];

/// Notes references of a text to params and workspaces that are not declared, and to each as what it is not.
pub(super) fn check_declared(
    text: &Text,
    place: Place,
    declared: &Declared<'_>,
    sources: &Sources,
    problems: &Problems,
) {
    for found in reference::find(&text.value) {
        let note = |what, help: &dyn Fn() -> String| {
            unknown(
                &found,
                text,
                (what, declared.owner),
                help,
                sources,
                problems,
            );
        };
        match found.subject() {
            Subject::Param { name, object } => {
                if let Some(param) = declared.params.get(name.as_str()) {
                    check_use(&found, text, place, param.param_type, sources, problems);
                    continue;
                }
                let object = object.as_ref();
                let object =
                    object.and_then(|(name, key)| Some((declared.params.get(name.as_str())?, key)));
                match object {
                    None => note("a param", &|| {
                        let known = sorted(declared.params.keys().copied());
                        suggest(&name, &known, "params")
                    }),
                    Some((param, key)) => check_key(param, key, &note),
                }
            }
            Subject::Workspace { name, .. } if declared.lacks_workspace(&name) => {
                note("a workspace", &|| declared.suggest_workspace(&name));
            }
            Subject::Workspace { property, .. }
                if !WORKSPACE_PROPERTIES.contains(&property.as_str()) =>
            {
                note("a property of a workspace", &|| {
                    suggest(&property, &WORKSPACE_PROPERTIES, "properties")
                });
            }
            _ => {}
        }
    }
}

fn check_key(param: &ParamDecl, key: &str, note: &dyn Fn(&'static str, &dyn Fn() -> String)) {
    if !param.keys().any(|known| known.value == key) {
        note("a key of a param", &|| {
            let keys = param.keys().map(|key| key.value.as_str());
            suggest(key, &keys.collect::<Vec<_>>(), "keys")
        });
    }
}

/// Notes what a step asks of the context, and nobody knows.
pub(super) fn check_task_context(text: &Text, sources: &Sources, problems: &Problems) {
    check_context(
        text,
        &["taskRun.", "task."],
        &TASK_CONTEXT,
        sources,
        problems,
    );
}

/// Notes what a Pipeline asks of the context, and nobody knows.
pub(super) fn check_pipeline_context(text: &Text, sources: &Sources, problems: &Problems) {
    let own = ["pipelineRun.", "pipeline.", "pipelineTask."];
    check_context(text, &own, &PIPELINE_CONTEXT, sources, problems);
}

/// What a reference in a param or a `when` of a pipeline task may begin with. `results` is for the task that gets it, and `tt`
/// for Tekton's triggers.
const PREFIXES: [&str; 7] = [
    "params",
    "tasks",
    "finally",
    "context",
    "workspaces",
    "results",
    "tt",
];

/// Notes a reference that begins like none. Without a dot it is a command of a shell's.
pub(super) fn check_prefix(text: &Text, sources: &Sources, problems: &Problems) {
    for found in reference::find(&text.value).filter(|found| found.path.len() > 1) {
        let first = found.path.first().copied().unwrap_or_default();
        if !PREFIXES.contains(&first) {
            let what = ("a variable", "Tekton");
            let help = || suggest(first, &PREFIXES, "variables begin with");
            unknown(&found, text, what, &help, sources, problems);
        }
    }
}

fn check_context(
    text: &Text,
    own: &[&str],
    known: &[&str],
    sources: &Sources,
    problems: &Problems,
) {
    for found in reference::find(&text.value) {
        let Subject::Context(path) = found.subject() else {
            continue;
        };
        let is_own = own.iter().any(|prefix| path.starts_with(prefix));
        if is_own && !known.contains(&path.as_str()) {
            let what = ("a part of the context", "Tekton");
            let help = || suggest(&path, known, "parts of the context");
            unknown(&found, text, what, &help, sources, problems);
        }
    }
}

/// Notes a reference to something, of a certain sort and by a certain owner, that is not there.
pub(super) fn unknown(
    found: &Reference<'_>,
    text: &Text,
    (what, owner): (&'static str, &'static str),
    help: &dyn Fn() -> String,
    sources: &Sources,
    problems: &Problems,
) {
    if problems.is_full() {
        return;
    }
    problems.push(TaskProblem::UnknownReference {
        reference: found.text.to_owned(),
        what,
        owner,
        help: help(),
        span: sources.narrow(text.span, found.text),
    });
}

/// Notes a reference that is never filled in where it stands.
pub(super) fn misplaced(
    found: &Reference<'_>,
    text: &Text,
    place: &'static str,
    help: &'static str,
    sources: &Sources,
    problems: &Problems,
) {
    if problems.is_full() {
        return;
    }
    problems.push(TaskProblem::MisplacedReference {
        reference: found.text.to_owned(),
        place,
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
    let whole = found.text == text.value;
    let help = match (declared, found.index) {
        (ParamType::String, None) | (ParamType::Array, Some(Index::At(_))) => return,
        (ParamType::Array, _) if place == Place::Item && whole => return,
        (ParamType::Array | ParamType::Object, Some(Index::All))
            if place == Place::Value && whole =>
        {
            return;
        }
        (ParamType::Array, _) if place == Place::Item => {
            "an array takes the place of a whole item: write it as an item of its own".to_owned()
        }
        (ParamType::Array, _) if place == Place::Value => {
            "hand the whole array on with `[*]` and nothing beside it, or one value with `[0]`"
                .to_owned()
        }
        (ParamType::Object, _) if place == Place::Value => {
            "hand the whole object on with `[*]` and nothing beside it, or one key of it".to_owned()
        }
        (ParamType::Array, _) => {
            "take one value with `[0]`, or pass the whole array as an item of `args`".to_owned()
        }
        (ParamType::Object, _) => "take one key of it: `$(params.NAME.KEY)`".to_owned(),
        (ParamType::String, Some(_)) => {
            "a string has no index; declare the param `type: array`".to_owned()
        }
    };
    if problems.is_full() {
        return;
    }
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
