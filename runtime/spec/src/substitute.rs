//! Fills references in: params first, then the context, then workspaces, then the places of results and exit codes.
//!
//! Each of these is one pass over the text that the pass before left, as Tekton does it: a param's value may hold
//! `$(workspaces.x.path)`, and nothing is ever filled in twice. What is not known stays as it is, because
//! `$(date)` is somebody's shell.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value as Json;
use stepwell_contract::{ParamType, ParamValue};

use crate::check::check_use;
use crate::document::container::Place;
use crate::fields::{At, Text};
use crate::problem::{Problems, RunProblem};
use crate::reference::{self, Index, Reference, Subject};
use crate::source::{Sources, Span};

/// Stops a small document that names a large param ten thousand times.
const MAX_MADE: usize = 4 << 20;
/// The same, for people.
const MAX_MADE_SHOWN: &str = "4Mi";

/// Everything that a reference can refer to.
pub(crate) struct Scope<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) params: &'a BTreeMap<String, ParamValue>,
    /// Values of `context.…`, by what follows the first dot.
    pub(crate) context: BTreeMap<&'static str, String>,
    pub(crate) workspaces: BTreeMap<String, WorkspaceFacts>,
    pub(crate) results: Vec<&'a str>,
    pub(crate) steps: &'a [String],
    made: Cell<usize>,
}

/// What can be asked of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WorkspaceFacts {
    /// Where it is; empty where nothing is bound.
    pub(crate) path: String,
    /// The claim behind it, where there is one.
    pub(crate) claim: String,
}

impl<'a> Scope<'a> {
    /// A scope with params alone.
    pub(crate) fn new(sources: &'a Sources, params: &'a BTreeMap<String, ParamValue>) -> Self {
        Self {
            sources,
            params,
            context: BTreeMap::new(),
            workspaces: BTreeMap::new(),
            results: Vec::new(),
            steps: &[],
            made: Cell::new(0),
        }
    }

    /// A text with every reference filled in.
    pub(crate) fn text(&self, text: &Text, problems: &Problems) -> String {
        self.fill(text, Place::Text, problems)
    }

    /// A list of which some items may become several, or none.
    pub(crate) fn items(&self, items: &[Text], problems: &Problems) -> Vec<String> {
        let mut filled = Vec::new();
        for item in items {
            match self.whole_array(&item.value) {
                Some(values) => {
                    if !self.make(values.iter().map(String::len).sum(), || item.span, problems) {
                        return filled;
                    }
                    filled.extend(
                        values
                            .iter()
                            .map(|value| self.fill_others(value, item.span, problems)),
                    );
                }
                None => filled.push(self.fill(item, Place::Item, problems)),
            }
        }
        filled
    }

    /// Fills in every string below `json`; an array that stands for a whole item of `command` or `args` takes its place.
    pub(crate) fn json(&self, json: &mut Json, span: Span) {
        // Whatever is wrong has been said where the text stands.
        let silent = Problems::default();
        let at = |value: &str| At {
            value: value.to_owned(),
            span,
        };
        match json {
            Json::String(text) => *text = self.text(&at(text), &silent),
            Json::Array(items) => items.iter_mut().for_each(|item| self.json(item, span)),
            Json::Object(entries) => {
                for (key, value) in entries {
                    let texts: Option<Vec<Text>> = match value {
                        Json::Array(items) if key == "command" || key == "args" => {
                            items.iter().map(|item| item.as_str().map(at)).collect()
                        }
                        _ => None,
                    };
                    match texts {
                        Some(texts) => *value = self.items(&texts, &silent).into_iter().collect(),
                        None if key == "name" => {}
                        None => self.json(value, span),
                    }
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// Starts counting anew: what has been filled in is filled in once more for another reader.
    pub(crate) fn restart(&self) {
        self.made.set(0);
    }

    fn fill(&self, text: &Text, place: Place, problems: &Problems) -> String {
        let filled = self.replace(&text.value, text.span, problems, |found| {
            self.param(found, text, place, problems)
        });
        self.fill_others(&filled, text.span, problems)
    }

    /// Every pass but that of the params.
    fn fill_others(&self, text: &str, span: Span, problems: &Problems) -> String {
        let text = self.replace(text, span, problems, |found| match found.subject() {
            Subject::Context(path) => self
                .context
                .get(path.as_str())
                .map(|value| value.as_str().into()),
            _ => None,
        });
        let text = self.replace(&text, span, problems, |found| match found.subject() {
            Subject::Workspace { name, property } => self.workspace(&name, &property),
            _ => None,
        });
        let text = self.replace(&text, span, problems, |found| match found.subject() {
            Subject::Result(name) if self.results.contains(&name.as_str()) => {
                Some(format!("/tekton/results/{name}").into())
            }
            Subject::ExitCode(step) => {
                let name = step.strip_prefix("step-")?;
                let known = self.steps.iter().any(|known| known == name);
                known.then(|| format!("/tekton/steps/{step}/exitCode").into())
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

    fn whole_array(&self, item: &str) -> Option<&'a [String]> {
        let found = reference::find(item)
            .next()
            .filter(|found| found.text == item)?;
        let Subject::Param { name, .. } = found.subject() else {
            return None;
        };
        match (self.params.get(&name)?, found.index) {
            (ParamValue::Array(values), None | Some(Index::All)) => Some(values),
            _ => None,
        }
    }

    fn param(
        &self,
        found: &Reference<'_>,
        text: &Text,
        place: Place,
        problems: &Problems,
    ) -> Option<Cow<'a, str>> {
        let Subject::Param { name, object } = found.subject() else {
            return None;
        };
        let misused = |declared: ParamType| {
            check_use(found, text, place, declared, self.sources, problems);
            None
        };
        match (self.params.get(&name), found.index) {
            (Some(ParamValue::String(value)), None) => Some(value.as_str().into()),
            (Some(ParamValue::Array(values)), Some(Index::At(index))) => {
                if values.get(index).is_none() {
                    problems.push(RunProblem::IndexOutOfBounds {
                        reference: found.text.to_owned(),
                        param: name,
                        len: values.len(),
                        span: self.sources.narrow(text.span, found.text),
                    });
                }
                values.get(index).map(|value| value.as_str().into())
            }
            (Some(value), _) => misused(value.param_type()),
            (None, None) => {
                let (name, key) = object?;
                match self.params.get(&name)? {
                    ParamValue::Object(pairs) => pairs.get(&key).map(|value| value.as_str().into()),
                    _ => None,
                }
            }
            (None, Some(_)) => None,
        }
    }

    fn workspace(&self, name: &str, property: &str) -> Option<Cow<'a, str>> {
        let facts = self.workspaces.get(name)?;
        let bound = !facts.path.is_empty();
        Some(match property {
            "path" => facts.path.clone().into(),
            "bound" => bound.to_string().into(),
            "claim" => facts.claim.clone().into(),
            // Tekton makes a name up; what matters is that it is there exactly when the workspace is.
            "volume" if bound => format!("ws-{name}").into(),
            "volume" => "".into(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
