//! Fills references in: params and results of tasks first, then the context, then workspaces, then the places of results
//! and exit codes.
//!
//! Each of these is one pass over the text that the pass before left, as Tekton does it: a param's value may hold
//! `$(workspaces.x.path)`, and nothing is ever filled in twice. What is not known stays as it is, because
//! `$(date)` is somebody's shell.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

use serde_json::Value as Json;
use stepwell_contract::{ParamType, ParamValue};

use crate::check::check_use;
use crate::document::container::Place;
use crate::document::param::ResultDecl;
use crate::fields::{At, Text};
use crate::problem::{Problems, RunProblem};
use crate::reference::{self, Index, Reference, Subject};
use crate::source::{Sources, Span};
use crate::value;

/// Stops a small document that names a large param ten thousand times.
const MAX_MADE: usize = 4 << 20;
/// The same, for people.
const MAX_MADE_SHOWN: &str = "4Mi";

/// Params by name.
pub(crate) type Params = BTreeMap<String, ParamValue>;
/// Values of `context.…`, by what follows the first dot.
pub(crate) type Context = BTreeMap<&'static str, String>;

/// Everything that a reference can refer to.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) params: &'a Params,
    /// Params of the pipeline around, where they reach in: those that `params` does not have.
    pub(crate) outer: Option<&'a Params>,
    /// What is known of the tasks of the pipeline around.
    pub(crate) tasks: Option<&'a dyn TaskValues>,
    pub(crate) around: &'a Surroundings<'a>,
    /// The step that the text is in.
    pub(crate) step: Option<StepScope<'a>>,
    /// How much text was made.
    pub(crate) made: &'a Cell<usize>,
}

/// What is the same for every text of a Task or of a Pipeline.
#[derive(Debug, Default)]
pub(crate) struct Surroundings<'a> {
    pub(crate) context: Cow<'a, Context>,
    /// The context of the pipeline around, where it reaches in.
    pub(crate) outer_context: Option<&'a Context>,
    pub(crate) workspaces: Cow<'a, BTreeMap<String, WorkspaceFacts>>,
    /// The names of the results that the Task declares.
    pub(crate) results: Option<&'a HashSet<String>>,
    /// The names of the Task's steps.
    pub(crate) steps: Option<&'a HashSet<String>>,
}

/// What is the same for every text of a step.
#[derive(Clone, Copy)]
pub(crate) struct StepScope<'a> {
    pub(crate) name: &'a str,
    /// The results that it declares itself.
    pub(crate) results: &'a [ResultDecl],
    /// The workspaces that it sees at a path of its own.
    pub(crate) paths: &'a [(String, String)],
}

/// What is known of the tasks of a pipeline.
pub(crate) trait TaskValues {
    /// What `$(tasks.…)` stands for; `None` where it stays as it is written.
    fn find(&self, subject: &Subject, index: Option<Index>) -> Option<ParamValue>;
}

/// What can be asked of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WorkspaceFacts {
    /// Where it is; empty where nothing is bound.
    pub(crate) path: String,
    /// The claim behind it, where there is one.
    pub(crate) claim: String,
    /// Whether something is bound to it.
    pub(crate) bound: bool,
}

impl<'a> Scope<'a> {
    /// A scope with params alone.
    pub(crate) fn new(
        sources: &'a Sources,
        params: &'a Params,
        around: &'a Surroundings<'a>,
        made: &'a Cell<usize>,
    ) -> Self {
        Self {
            sources,
            params,
            outer: None,
            tasks: None,
            around,
            step: None,
            made,
        }
    }

    /// A text with every reference filled in.
    pub(crate) fn text(&self, text: &Text, problems: &Problems) -> String {
        self.fill(text, Place::Text, problems)
    }

    /// A list of which some items may become several, or none.
    pub(crate) fn items(&self, items: &[Text], problems: &Problems) -> Vec<String> {
        let mut filled = Vec::with_capacity(items.len());
        for item in items {
            if !reference::is_in(&item.value) {
                filled.push(item.value.clone());
                continue;
            }
            match self.whole(&item.value) {
                Some(ParamValue::Array(values)) => {
                    if !self.make(values.iter().map(String::len).sum(), || item.span, problems) {
                        return filled;
                    }
                    filled.extend(
                        values
                            .iter()
                            .map(|value| self.fill_others(value, item.span, problems)),
                    );
                }
                _ => filled.push(self.fill(item, Place::Item, problems)),
            }
        }
        filled
    }

    /// The value of a param, in which a reference to a whole array or object may be all there is.
    pub(crate) fn value(&self, value: &At<ParamValue>, problems: &Problems) -> ParamValue {
        let at = |text: &String| At {
            value: text.clone(),
            span: value.span,
        };
        match &value.value {
            ParamValue::String(text) => match self.whole(text) {
                Some(whole) => {
                    let len = match &whole {
                        ParamValue::String(_) => 0,
                        ParamValue::Array(items) => items.iter().map(String::len).sum(),
                        ParamValue::Object(pairs) => pairs.values().map(String::len).sum(),
                    };
                    self.make(len, || value.span, problems);
                    whole
                }
                None => ParamValue::String(self.fill(&at(text), Place::Text, problems)),
            },
            ParamValue::Array(items) => {
                let items: Vec<Text> = items.iter().map(at).collect();
                ParamValue::Array(self.items(&items, problems))
            }
            ParamValue::Object(pairs) => ParamValue::Object(
                pairs
                    .iter()
                    .map(|(key, text)| (key.clone(), self.fill(&at(text), Place::Text, problems)))
                    .collect(),
            ),
        }
    }

    /// Fills in every string below `json`, which is the value of `field`; an array that stands for a whole item of a list
    /// takes its place.
    pub(crate) fn json(&self, json: &mut Json, field: &str, span: Span) {
        // Whatever is wrong has been said where the text stands.
        let silent = Problems::default();
        self.fill_json(json, field, span, &silent);
    }

    fn fill_json(&self, json: &mut Json, field: &str, span: Span, silent: &Problems) {
        match json {
            Json::String(text) if field == "value" && self.whole(text).is_some() => {
                let whole = At {
                    value: ParamValue::String(std::mem::take(text)),
                    span,
                };
                *json = value::to_json(&self.value(&whole, silent));
            }
            Json::String(text) if reference::is_in(text) => {
                *text = self.text(
                    &At {
                        value: std::mem::take(text),
                        span,
                    },
                    silent,
                );
            }
            Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
            Json::Array(items) => {
                if matches!(field, "command" | "args" | "values")
                    && items.iter().all(Json::is_string)
                {
                    let texts: Vec<Text> = items
                        .iter()
                        .filter_map(Json::as_str)
                        .map(|text| At {
                            value: text.to_owned(),
                            span,
                        })
                        .collect();
                    *items = self
                        .items(&texts, silent)
                        .into_iter()
                        .map(Json::String)
                        .collect();
                    return;
                }
                for item in items {
                    self.fill_json(item, field, span, silent);
                }
            }
            Json::Object(entries) => {
                for (key, value) in entries {
                    // What declares something keeps its name, and what is said of it to people.
                    let declares = matches!(field, "env" | "params" | "results" | "workspaces");
                    if (key == "name" && declares) || key == "description" {
                        continue;
                    }
                    self.fill_json(value, key, span, silent);
                }
            }
        }
    }

    fn fill(&self, text: &Text, place: Place, problems: &Problems) -> String {
        if !reference::is_in(&text.value) {
            return text.value.clone();
        }
        let filled = self.replace(&text.value, text.span, problems, |found| {
            match found.subject() {
                Subject::Param { name, object } => {
                    self.param(found, (name, object), text, place, problems)
                }
                subject => match self.tasks?.find(&subject, found.index)? {
                    ParamValue::String(value) => Some(value.into()),
                    ParamValue::Array(_) | ParamValue::Object(_) => None,
                },
            }
        });
        self.fill_others(&filled, text.span, problems)
    }

    /// Every pass but that of the params and results.
    fn fill_others(&self, text: &str, span: Span, problems: &Problems) -> String {
        if !reference::is_in(text) {
            return text.to_owned();
        }
        let around = self.around;
        let text = self.replace(text, span, problems, |found| match found.subject() {
            Subject::Context(path) => {
                let own = around.context.get(path.as_str());
                let outer = || around.outer_context?.get(path.as_str());
                own.or_else(outer).map(|value| value.as_str().into())
            }
            _ => None,
        });
        let text = self.replace(&text, span, problems, |found| match found.subject() {
            Subject::Workspace { name, property } => self.workspace(&name, &property),
            _ => None,
        });
        let text = self.replace(&text, span, problems, |found| match found.subject() {
            Subject::Result(name) if knows(around.results, &name) => {
                Some(format!("/tekton/results/{name}").into())
            }
            Subject::StepResultPath(name) => {
                let step = self.step?;
                let declared = step.results.iter().any(|result| result.name.value == name);
                declared.then(|| format!("/tekton/steps/step-{}/results/{name}", step.name).into())
            }
            Subject::StepArtifactsPath => {
                let step = self.step?.name;
                Some(format!("/tekton/steps/step-{step}/artifacts/provenance.json").into())
            }
            Subject::ArtifactsPath => Some("/tekton/artifacts/provenance.json".into()),
            Subject::ExitCode(step) => {
                let name = step.strip_prefix("step-")?;
                knows(around.steps, name).then(|| format!("/tekton/steps/{step}/exitCode").into())
            }
            Subject::Credentials => Some("/tekton/creds".into()),
            _ => None,
        });
        text.into_owned()
    }

    fn replace<'t>(
        &self,
        text: &'t str,
        span: Span,
        problems: &Problems,
        value: impl Fn(&Reference<'_>) -> Option<Cow<'a, str>>,
    ) -> Cow<'t, str> {
        let mut filled = String::new();
        let mut done = 0;
        for found in reference::find(text) {
            let Some(value) = value(&found) else {
                continue;
            };
            let at = || self.sources.narrow(span, found.text);
            if !self.make(value.len(), at, problems) {
                return Cow::Borrowed(text);
            }
            filled.push_str(&text[done..found.range.start]);
            filled.push_str(&value);
            done = found.range.end;
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        filled.push_str(&text[done..]);
        Cow::Owned(filled)
    }

    /// Counts text that is about to be made; `false`, and a problem the first time, where it would be too much.
    fn make(&self, len: usize, at: impl FnOnce() -> Span, problems: &Problems) -> bool {
        let before = self.made.get();
        let made = before.saturating_add(len);
        self.made.set(made);
        if made > MAX_MADE && before <= MAX_MADE {
            problems.push(RunProblem::SubstitutionTooLarge {
                limit: MAX_MADE_SHOWN,
                span: at(),
            });
        }
        made <= MAX_MADE
    }

    /// The array or object that `text` refers to and says nothing else.
    fn whole(&self, text: &str) -> Option<ParamValue> {
        let found = reference::find(text)
            .next()
            .filter(|found| found.text == text)?;
        let value = match found.subject() {
            Subject::Param { name, .. } => match found.index {
                None | Some(Index::All) => self.look_up(&name)?.clone(),
                Some(Index::At(_)) => return None,
            },
            subject => self.tasks?.find(&subject, found.index)?,
        };
        (value.param_type() != ParamType::String).then_some(value)
    }

    fn look_up(&self, name: &str) -> Option<&'a ParamValue> {
        self.params
            .get(name)
            .or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }

    fn param(
        &self,
        found: &Reference<'_>,
        (name, object): (String, Option<(String, String)>),
        text: &Text,
        place: Place,
        problems: &Problems,
    ) -> Option<Cow<'a, str>> {
        match (self.look_up(&name), found.index) {
            (Some(ParamValue::String(value)), None) => Some(value.as_str().into()),
            (Some(ParamValue::Array(values)), Some(Index::At(index))) => {
                if values.get(index).is_none() && !values.iter().any(|value| is_pending(value)) {
                    problems.push(RunProblem::IndexOutOfBounds {
                        reference: found.text.to_owned(),
                        param: name,
                        len: values.len(),
                        span: self.sources.narrow(text.span, found.text),
                    });
                }
                values.get(index).map(|value| value.as_str().into())
            }
            // A result that is not known yet may become an array.
            (Some(ParamValue::String(value)), _) if is_pending(value) => None,
            (Some(ParamValue::String(value)), Some(index)) if value.starts_with("$(steps.") => {
                let part = match index {
                    Index::All => "[*]".to_owned(),
                    Index::At(index) => format!("[{index}]"),
                };
                relayed(value, &part).map(Cow::Owned)
            }
            (Some(value), _) => {
                check_use(
                    found,
                    text,
                    place,
                    value.param_type(),
                    self.sources,
                    problems,
                );
                None
            }
            (None, None) => {
                let (name, key) = object?;
                match self.look_up(&name)? {
                    ParamValue::Object(pairs) => pairs.get(&key).map(|value| value.as_str().into()),
                    ParamValue::String(value) => relayed(value, &format!(".{key}")).map(Cow::Owned),
                    ParamValue::Array(_) => None,
                }
            }
            (None, Some(_)) => None,
        }
    }

    fn workspace(&self, name: &str, property: &str) -> Option<Cow<'a, str>> {
        let facts = self.around.workspaces.get(name)?;
        let own_path = || {
            let paths = self.step.map_or(&[][..], |step| step.paths);
            let own = paths.iter().find(|(workspace, _)| workspace == name);
            own.map(|(_, path)| path.as_str())
        };
        Some(match property {
            "path" if facts.bound => own_path().unwrap_or(&facts.path).into(),
            "path" => "".into(),
            "bound" => if facts.bound { "true" } else { "false" }.into(),
            "claim" => facts.claim.as_str().into(),
            // Tekton makes a name up; what matters is that it is there exactly when the workspace is.
            "volume" if facts.bound => format!("ws-{name}").into(),
            "volume" => "".into(),
            _ => return None,
        })
    }
}

fn knows(names: Option<&HashSet<String>>, name: &str) -> bool {
    names.is_some_and(|names| names.contains(name))
}

/// What a reference to a part of `value` becomes where `value` itself is a reference to a whole result of a step: it goes
/// on to that result.
fn relayed(value: &str, part: &str) -> Option<String> {
    let inner = value.strip_prefix("$(steps.")?.strip_suffix(')')?;
    let inner = inner.strip_suffix("[*]").unwrap_or(inner);
    let plain = !inner.contains(['(', ')', ' ']);
    plain.then(|| format!("$(steps.{inner}{part})"))
}

/// Whether a value waits for a task of the pipeline, or a step, to end.
pub(crate) fn is_pending(text: &str) -> bool {
    text.contains("$(tasks.")
}

/// Whether a value may turn out to be of any type: it is nothing but a reference to what is not known yet.
pub(crate) fn is_open(value: &ParamValue) -> bool {
    match value {
        ParamValue::String(text) => text.starts_with("$(tasks.") || text.starts_with("$(steps."),
        ParamValue::Array(_) | ParamValue::Object(_) => false,
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
