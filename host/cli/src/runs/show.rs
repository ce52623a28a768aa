//! `stepwell runs show`: how a run went, from its completed objects.

use std::collections::BTreeSet;
use std::io::Read as _;

use anyhow::Context as _;
use serde_json::Value;
use stepwell_contract::Timestamp;
use stepwell_report::clean::clean;
use stepwell_report::time::{for_people, with_seconds};
use stepwell_store::runs::{KeptRun, Next, RunFile, Runs};

use super::{find, status, took_ms};
use crate::args::{ShowArgs, ShowOutput};
use crate::exit::{Coded, ExitCode};
use crate::text::{columns, print};

/// What a run's own object may have; a run with ten thousand tasks has a tenth of it.
const MOST: u64 = 256 << 20;

/// How many names are given where none is the one that was meant.
const MOST_NAMED: usize = 20;

/// Shows a run, or one of its TaskRuns.
///
/// # Errors
///
/// There is no such run or TaskRun, or it has not ended and its object is asked for.
pub(super) fn show(runs: &Runs, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let (run, task) = find::split(&args.run);
    let run = find::run(runs, run)?;
    let text = match (task, args.output) {
        (None, ShowOutput::Yaml) => yaml(&run)?,
        (None, ShowOutput::Json) => json(own(&run)?)?,
        (None, ShowOutput::Pretty) => summary(&run)?,
        (Some(task), output) => {
            let object = task_run(&run, task)?;
            match output {
                ShowOutput::Yaml => to_yaml(&object)?,
                ShowOutput::Json => json(object)?,
                ShowOutput::Pretty => one(&object),
            }
        }
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

fn yaml(run: &KeptRun) -> anyhow::Result<String> {
    let Some(file) = run.file(RunFile::Status)? else {
        return Err(not_there(run));
    };
    let mut text = String::new();
    file.take(MOST)
        .read_to_string(&mut text)
        .with_context(|| format!("failed to read the status of `{}`", run.record().id))?;
    Ok(text)
}

fn not_there(run: &KeptRun) -> anyhow::Error {
    let id = &run.record().id;
    Coded::usage(format!(
        "the run `{id}` has no completed object: it is {}",
        status(run)
    ))
    .into()
}

/// The run's own object, which is the last.
fn own(run: &KeptRun) -> anyhow::Result<Value> {
    let mut last = None;
    objects(run, |object| last = Some(object))?;
    let name = &run.record().name;
    last.filter(|object| text(object, &["metadata", "name"]) == name)
        .ok_or_else(|| not_there(run))
}

/// Every completed object, in order.
fn objects(run: &KeptRun, mut each: impl FnMut(Value)) -> anyhow::Result<()> {
    let mut lines = run.lines(RunFile::Objects)?;
    while let Next::Line(line) = lines.next_line()? {
        // A torn or strange line is left out; the others are worth seeing.
        if let Ok(object) = serde_json::from_str(&line) {
            each(object);
        }
    }
    Ok(())
}

/// The object that is called `name`, or is the only one of the pipeline task `name`.
fn task_run(run: &KeptRun, name: &str) -> anyhow::Result<Value> {
    let mut found = Vec::new();
    let mut names = Vec::new();
    let prefixed = format!("{}-{name}", run.record().name);
    objects(run, |object| {
        let own = text(&object, &["metadata", "name"]).to_owned();
        let of = pipeline_task(&object);
        if own == name || own == prefixed {
            found = vec![(true, object)];
        } else if of == name && !found.iter().any(|(exact, _)| *exact) {
            found.push((false, object));
        }
        names.push(own);
    })?;
    if found.len() == 1 {
        return found
            .pop()
            .map(|(_, object)| object)
            .context("it was there");
    }
    let id = &run.record().id;
    let message = match found.is_empty() {
        true => {
            names.truncate(MOST_NAMED);
            format!(
                "`{id}` has no completed TaskRun `{name}`; it has {}",
                names.join(", ")
            )
        }
        false => {
            let names = found
                .iter()
                .map(|(_, one)| text(one, &["metadata", "name"]));
            let names: Vec<_> = names.take(MOST_NAMED).collect();
            format!(
                "`{name}` of `{id}` has several TaskRuns: {}",
                names.join(", ")
            )
        }
    };
    Err(Coded::usage(message).into())
}

fn summary(run: &KeptRun) -> anyhow::Result<String> {
    let record = run.record();
    let mut lines = format!("{}  {}  {}\n", clean(&record.id), record.kind, status(run));
    if let Some(verdict) = record
        .verdict
        .as_ref()
        .filter(|verdict| !verdict.message.is_empty())
    {
        lines += &format!("  {}\n", clean(&verdict.message));
    }
    let started = with_seconds(Timestamp(record.started_ms));
    let took = took_ms(run).map(|took| format!(", took {}", for_people(took)));
    lines += &format!("  started {started}{}\n", took.unwrap_or_default());
    if !record.files.is_empty() {
        lines += &format!("  from {}\n", clean(&record.files.join(", ")));
    }
    lines += &format!("  kept in {}\n", run.path().display());
    let mut rows = vec![["TASK", "STATUS", "STEPS", "MESSAGE"].map(str::to_owned)];
    let mut skipped = Vec::new();
    objects(run, |object| {
        if text(&object, &["kind"]) == "TaskRun" {
            rows.push(row(&object));
        }
        skipped.extend(skips(&object));
    })?;
    if rows.len() > 1 {
        lines += "\n";
        lines += &columns(&rows);
    }
    let substituted = substituted(run)?;
    if !substituted.is_empty() {
        let mut rows = vec![["ASKED FOR", "RUNS"].map(str::to_owned)];
        rows.extend(substituted.into_iter().map(|(image, runs)| [image, runs]));
        lines += "\n";
        lines += &columns(&rows);
    }
    for (name, reason) in skipped {
        lines += &format!("- {} skipped: {}\n", clean(&name), clean(&reason));
    }
    Ok(lines)
}

/// The images for which something else ran, each with what that was.
fn substituted(run: &KeptRun) -> anyhow::Result<BTreeSet<(String, String)>> {
    let mut found = BTreeSet::new();
    let mut lines = run.lines(RunFile::Events)?;
    while let Next::Line(line) = lines.next_line()? {
        // What steps print is not read as JSON: there may be gigabytes of it.
        if !line.contains(r#""type":"step-start""#) || !line.contains(r#""runs":"#) {
            continue;
        }
        let Ok(event) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let shown = |field| clean(text(&event, &[field])).into_owned();
        if text(&event, &["type"]) == "step-start" && event.get("runs").is_some() {
            found.insert((shown("image"), shown("runs")));
        }
    }
    Ok(found)
}

fn row(object: &Value) -> [String; 4] {
    let (reason, message) = condition(object);
    let of = pipeline_task(object);
    let name = if of.is_empty() {
        text(object, &["metadata", "name"])
    } else {
        of
    };
    let steps = list(object, &["status", "steps"]);
    let steps: Vec<_> = steps
        .iter()
        .map(|step| {
            let reason = text(step, &["terminationReason"]);
            let mark = match reason {
                "Completed" => "✓",
                "Skipped" => "-",
                _ => "✗",
            };
            format!("{mark} {}", clean(text(step, &["name"])))
        })
        .collect();
    [
        clean(name).into_owned(),
        clean(reason).into_owned(),
        steps.join(" "),
        clean(message).into_owned(),
    ]
}

/// One TaskRun for a person.
fn one(object: &Value) -> String {
    let (reason, message) = condition(object);
    let name = text(object, &["metadata", "name"]);
    let mut lines = format!("{}  {}\n  {}\n", clean(name), clean(reason), clean(message));
    let steps = list(object, &["status", "steps"]);
    if !steps.is_empty() {
        let mut rows = vec![["STEP", "STATUS", "EXIT CODE", "IMAGE"].map(str::to_owned)];
        rows.extend(steps.iter().map(|step| {
            let code = step.pointer("/terminated/exitCode");
            [
                clean(text(step, &["name"])).into_owned(),
                clean(text(step, &["terminationReason"])).into_owned(),
                code.map_or_else(|| "-".to_owned(), Value::to_string),
                clean(text(step, &["imageID"])).into_owned(),
            ]
        }));
        lines += "\n";
        lines += &columns(&rows);
    }
    let results = list(object, &["status", "results"]);
    if !results.is_empty() {
        let mut rows = vec![["RESULT", "VALUE"].map(str::to_owned)];
        rows.extend(results.iter().map(|result| {
            let value = result.get("value");
            let value = value.map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            });
            [
                clean(text(result, &["name"])).into_owned(),
                clean(&value.unwrap_or_default()).into_owned(),
            ]
        }));
        lines += "\n";
        lines += &columns(&rows);
    }
    lines
}

/// The reason and the message of the condition `Succeeded`.
fn condition(object: &Value) -> (&str, &str) {
    let condition = list(object, &["status", "conditions"]).first();
    condition.map_or(("", ""), |one| {
        (text(one, &["reason"]), text(one, &["message"]))
    })
}

fn skips(object: &Value) -> Vec<(String, String)> {
    let skipped = list(object, &["status", "skippedTasks"]).iter();
    skipped
        .map(|one| {
            let (name, reason) = (text(one, &["name"]), text(one, &["reason"]));
            (name.to_owned(), reason.to_owned())
        })
        .collect()
}

fn pipeline_task(object: &Value) -> &str {
    text(object, &["metadata", "labels", "tekton.dev/pipelineTask"])
}

fn text<'a>(object: &'a Value, path: &[&str]) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or("")
}

fn list<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    let list = at(object, path).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn at<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter()
        .try_fold(object, |value, field| value.get(field))
}

fn json(object: Value) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(&object).context("failed to write JSON")?;
    Ok(text + "\n")
}

fn to_yaml(object: &Value) -> anyhow::Result<String> {
    serde_saphyr::to_string(object).context("failed to write YAML")
}
