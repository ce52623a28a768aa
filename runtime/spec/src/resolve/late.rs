//! What only a running task can fill in: results and artifacts of its earlier steps, and how often it was tried.

use std::sync::Arc;

use serde_json::Value as Json;
use stepwell_contract::ParamValue;

use crate::reference::{self, ArtifactRef, Index, Reference, ResultRef, Subject};
use crate::resolve::when;
use crate::run::{Step, StepFacts, StepOutcome, TaskRun};

/// Stops results that are named over and over from growing a step beyond use.
const MAX_MADE: usize = 4 << 20;

/// Whether something of the step has to wait until it is about to begin.
pub(crate) fn is_late(step: &Step) -> bool {
    let env = step.env.iter().map(|(_, value)| value);
    let tee = step.stdout.iter().chain(&step.stderr).map(|tee| &tee.path);
    let mut texts = step.command.iter().chain(&step.args).chain(env).chain(tee);
    let tries = step.retry_count;
    texts.any(|text| waits(text, true, tries))
        || step.script.iter().any(|script| waits(script, false, tries))
        || step
            .working_dir
            .iter()
            .any(|path| waits(path, false, tries))
}

/// Whether `text` refers to what is known late. Results of steps are for `with_steps` alone: what a step wrote does not
/// become part of a script.
fn waits(text: &str, with_steps: bool, with_tries: bool) -> bool {
    reference::is_in(text)
        && reference::find(text).any(|found| match found.subject() {
            Subject::StepResult(_) | Subject::StepArtifact(_) => with_steps,
            subject => with_tries && is_retry_count(&subject),
        })
}

fn is_retry_count(subject: &Subject) -> bool {
    matches!(subject, Subject::Context(path) if path == "task.retry-count")
}

/// Whether the step's `when` lets it run.
pub(crate) fn allowed(step: &Step, facts: &StepFacts<'_>) -> Result<bool, String> {
    if step.when.is_empty() {
        return Ok(true);
    }
    let mut filler = Filler::new(facts, step.retry_count);
    let mut expressions = step.when.clone();
    for expression in &mut expressions {
        for field in ["input", "cel"] {
            if let Some(Json::String(text)) = expression.get_mut(field) {
                *text = filler.text(text, true)?;
            }
        }
        if let Some(Json::Array(values)) = expression.get_mut("values") {
            let texts: Vec<String> = values
                .iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect();
            *values = filler
                .items(&texts)?
                .into_iter()
                .map(Json::String)
                .collect();
        }
    }
    when::all_hold(&expressions)
}

/// The step with its late references filled in.
pub(crate) fn fill(step: &Step, facts: &StepFacts<'_>) -> Result<Step, String> {
    let mut step = step.clone();
    if !step.is_late {
        return Ok(step);
    }
    let mut filler = Filler::new(facts, step.retry_count);
    step.command = filler.items(&step.command)?;
    step.args = filler.items(&step.args)?;
    for (_, value) in &mut step.env {
        *value = filler.text(value, true)?;
    }
    for text in step.script.iter_mut().chain(&mut step.working_dir) {
        *text = filler.text(text, false)?;
    }
    for tee in step.stdout.iter_mut().chain(&mut step.stderr) {
        tee.path = filler.text(&tee.path, true)?;
    }
    step.is_late = false;
    Ok(step)
}

/// The Task's spec with the number of the try filled in.
pub(crate) fn task_spec(spec: &Arc<Json>, attempt: u32) -> Arc<Json> {
    if !names_the_try(spec) {
        return Arc::clone(spec);
    }
    let facts = StepFacts {
        retry_count: attempt,
        steps: &[],
    };
    let (mut filler, mut spec) = (Filler::new(&facts, true), Json::clone(spec));
    filler.json(&mut spec);
    Arc::new(spec)
}

fn names_the_try(json: &Json) -> bool {
    match json {
        Json::String(text) => waits(text, false, true),
        Json::Array(items) => items.iter().any(names_the_try),
        Json::Object(entries) => entries.values().any(names_the_try),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// The task's results that come from its steps.
pub(crate) fn results(run: &TaskRun, steps: &[StepOutcome]) -> Vec<(Arc<str>, ParamValue)> {
    let facts = StepFacts {
        retry_count: 0,
        steps,
    };
    let mut filler = Filler::new(&facts, false);
    run.step_results
        .iter()
        .filter_map(|(name, text)| {
            let value = match filler.whole(text) {
                Some(value) => value,
                None => ParamValue::String(filler.text(text, true).ok()?),
            };
            Some((Arc::clone(name), value))
        })
        .collect()
}

struct Filler<'a> {
    facts: &'a StepFacts<'a>,
    with_tries: bool,
    made: usize,
}

impl<'a> Filler<'a> {
    fn new(facts: &'a StepFacts<'a>, with_tries: bool) -> Self {
        Self {
            facts,
            with_tries,
            made: 0,
        }
    }

    fn text(&mut self, text: &str, with_steps: bool) -> Result<String, String> {
        if !reference::is_in(text) {
            return Ok(text.to_owned());
        }
        let mut filled = String::new();
        let mut done = 0;
        for found in reference::find(text) {
            let value = match found.subject() {
                Subject::StepResult(wanted) if with_steps => self.result(&wanted, &found)?,
                Subject::StepArtifact(wanted) if with_steps => self.artifact(&wanted, &found)?,
                subject if self.with_tries && is_retry_count(&subject) => {
                    self.facts.retry_count.to_string()
                }
                _ => continue,
            };
            self.count(value.len())?;
            filled.push_str(&text[done..found.range.start]);
            filled.push_str(&value);
            done = found.range.end;
        }
        filled.push_str(&text[done..]);
        Ok(filled)
    }

    /// Fills in the number of the try wherever it is named. What would become too long stays as it is.
    fn json(&mut self, json: &mut Json) {
        match json {
            Json::String(text) => {
                if let Ok(filled) = self.text(text, false) {
                    *text = filled;
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Json::Object(entries) => entries.values_mut().for_each(|value| self.json(value)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn items(&mut self, items: &[String]) -> Result<Vec<String>, String> {
        let mut filled = Vec::with_capacity(items.len());
        for item in items {
            match self.whole(item) {
                Some(ParamValue::Array(values)) => {
                    self.count(values.iter().map(String::len).sum())?;
                    filled.extend(values);
                }
                _ => filled.push(self.text(item, true)?),
            }
        }
        Ok(filled)
    }

    /// The array or object that `text` refers to and says nothing else.
    fn whole(&self, text: &str) -> Option<ParamValue> {
        let found = reference::find(text)
            .next()
            .filter(|found| found.text == text)?;
        let Subject::StepResult(wanted) = found.subject() else {
            return None;
        };
        let (value, key) = self.look_up(&wanted)?;
        let whole = key.is_none() && matches!(found.index, None | Some(Index::All));
        (whole && !matches!(value, ParamValue::String(_))).then(|| value.clone())
    }

    fn step(&self, name: &str) -> Option<&'a StepOutcome> {
        self.facts
            .steps
            .iter()
            .find(|step| step.name.as_str() == name)
    }

    fn look_up<'r>(&self, wanted: &'r ResultRef) -> Option<(&'a ParamValue, Option<&'r str>)> {
        let step = self.step(&wanted.of)?;
        wanted.look_up(|name| step.results.get(name))
    }

    fn result(&self, wanted: &ResultRef, found: &Reference<'_>) -> Result<String, String> {
        let missing = || {
            format!(
                "`{}` refers to a result that the step `{}` did not write",
                found.text, wanted.of
            )
        };
        let (value, key) = self.look_up(wanted).ok_or_else(missing)?;
        let text = match (value, key, found.index) {
            (ParamValue::String(text), None, None) => Some(text),
            (ParamValue::Array(items), None, Some(Index::At(index))) => items.get(index),
            (ParamValue::Object(pairs), Some(key), None) => pairs.get(key),
            _ => None,
        };
        text.cloned().ok_or_else(|| {
            format!(
                "`{}` does not fit the result, which is of the type {}",
                found.text,
                value.param_type()
            )
        })
    }

    fn artifact(&self, wanted: &ArtifactRef, found: &Reference<'_>) -> Result<String, String> {
        let artifacts = self
            .step(&wanted.of)
            .and_then(|step| step.artifacts.as_ref());
        artifacts
            .and_then(|artifacts| artifact(artifacts, wanted))
            .ok_or_else(|| {
                format!(
                    "`{}` refers to an artifact that the step `{}` did not leave",
                    found.text, wanted.of
                )
            })
    }

    fn count(&mut self, len: usize) -> Result<(), String> {
        self.made = self.made.saturating_add(len);
        match self.made <= MAX_MADE {
            true => Ok(()),
            false => Err(format!(
                "the results of earlier steps make more than {MAX_MADE} bytes where they are filled in"
            )),
        }
    }
}

/// The values of an artifact, as JSON.
pub(crate) fn artifact(artifacts: &Json, wanted: &ArtifactRef) -> Option<String> {
    let direction = if wanted.output { "outputs" } else { "inputs" };
    let mut list = artifacts[direction].as_array()?.iter();
    let found = match &wanted.name {
        Some(name) => list.find(|artifact| artifact["name"] == **name)?,
        None => list.next()?,
    };
    Some(found["values"].to_string())
}

#[cfg(test)]
mod tests;
