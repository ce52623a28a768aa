//! A run as text, for golden files.

use std::fmt::Write;

use serde_json::Value;
use stepwell_contract::{Access, Limits};
use stepwell_spec::{Instance, OnError, Pipeline, Sidecar, Step, TaskRun, VolumeSource};

/// The whole run, one line for each thing that is set.
pub(crate) fn run(run: &TaskRun) -> String {
    let mut text = String::new();
    write_run(&mut text, run).unwrap();
    text
}

/// The whole pipeline: its graph, and the objects that a cluster would store.
pub(crate) fn pipeline(run: &Pipeline) -> String {
    let mut text = String::new();
    write_pipeline(&mut text, run).unwrap();
    text
}

fn write_pipeline(text: &mut String, run: &Pipeline) -> std::fmt::Result {
    writeln!(text, "run {} of pipeline {}", run.name, run.pipeline)?;
    writeln!(text, "{:?}", run.timeouts)?;
    for (place, task) in run.tasks.iter().enumerate() {
        let after: Vec<&str> = task
            .parents
            .iter()
            .map(|parent| &*run.tasks[*parent].name)
            .collect();
        writeln!(
            text,
            "task {} in {:?} after {after:?}: {} retries, {:?}{}",
            task.name,
            task.section,
            task.retries,
            task.on_error,
            if task.matrixed { ", a matrix" } else { "" }
        )?;
        for instance in run.preview(place) {
            match instance {
                Instance::Task(run) => {
                    let args: Vec<_> = run.steps.iter().map(|step| &step.args).collect();
                    writeln!(text, "  becomes {} as {}: {args:?}", run.name, run.task)?;
                }
                Instance::Pipeline(run) => {
                    let tasks: Vec<_> = run.tasks.iter().map(|task| task.key.as_str()).collect();
                    writeln!(
                        text,
                        "  becomes {} of {}: {tasks:?}",
                        run.name, run.pipeline
                    )?;
                }
                Instance::Broken(broken) => {
                    writeln!(text, "  is broken: {}", broken.verdict.message)?;
                }
            }
        }
    }
    for (title, json) in [("object", &run.object), ("spec", &run.spec)] {
        writeln!(text, "{title}:")?;
        write_json(text, json, 1)?;
    }
    Ok(())
}

fn write_run(text: &mut String, run: &TaskRun) -> std::fmt::Result {
    writeln!(text, "run {} of task {}", run.name, run.task)?;
    match run.timeout {
        Some(timeout) => writeln!(text, "timeout {timeout:?}")?,
        None => writeln!(text, "no timeout")?,
    }
    for (name, value) in &run.params {
        writeln!(
            text,
            "param {name} = {}",
            serde_json::to_string(value).unwrap()
        )?;
    }
    for workspace in &run.workspaces {
        let access = match workspace.access {
            Access::ReadOnly => " read-only",
            Access::ReadWrite => "",
        };
        let source = match &workspace.source {
            VolumeSource::EmptyDir => "a new folder".to_owned(),
            VolumeSource::Folder { path, sub_path } => {
                format!(
                    "{}{}",
                    path.display(),
                    sub_path
                        .as_ref()
                        .map_or(String::new(), |path| format!(" below it {path}"))
                )
            }
            other => format!("{other:?}"),
        };
        writeln!(
            text,
            "workspace {} at {}{access}: {source}",
            workspace.name, workspace.mount_path
        )?;
    }
    for result in &run.results {
        writeln!(
            text,
            "result {}: {} {:?}",
            result.name, result.result_type, result.properties
        )?;
    }
    if run.reads_exit_codes {
        writeln!(text, "exit codes are read")?;
    }
    for step in &run.steps {
        write_step(text, step)?;
    }
    for sidecar in &run.sidecars {
        write_sidecar(text, sidecar)?;
    }
    for (title, json) in [("document", &run.document), ("task spec", &run.task_spec)] {
        writeln!(text, "{title}:")?;
        write_json(text, json, 1)?;
    }
    Ok(())
}

fn write_step(text: &mut String, step: &Step) -> std::fmt::Result {
    writeln!(text, "step {}", step.name)?;
    writeln!(text, "  image {}", step.image)?;
    if !step.command.is_empty() {
        writeln!(text, "  command {:?}", step.command)?;
    }
    if !step.args.is_empty() {
        writeln!(text, "  args {:?}", step.args)?;
    }
    if let Some(script) = &step.script {
        writeln!(text, "  script {script:?}")?;
    }
    for (name, value) in &step.env {
        writeln!(text, "  env {name}={value:?}")?;
    }
    if let Some(path) = &step.working_dir {
        writeln!(text, "  in {path}")?;
    }
    if let Some(timeout) = step.timeout {
        writeln!(text, "  timeout {timeout:?}")?;
    }
    if step.on_error == OnError::Continue {
        writeln!(text, "  goes on after an error")?;
    }
    let default = Limits::default();
    for (limit, value) in step
        .limits
        .iter()
        .filter(|(limit, value)| default.get(*limit) != *value)
    {
        writeln!(text, "  limit {limit}={}", limit.show(value))?;
    }
    for grant in step.grants.settings() {
        writeln!(text, "  grant {grant}")?;
    }
    Ok(())
}

fn write_sidecar(text: &mut String, sidecar: &Sidecar) -> std::fmt::Result {
    write!(text, "beside the steps: ")?;
    write_step(text, &sidecar.step)?;
    for mount in &sidecar.step.mounts {
        writeln!(text, "  sees {} at {}", mount.volume, mount.mount_path)?;
    }
    for port in &sidecar.ports {
        writeln!(text, "  port {} {:?}", port.number, port.name)?;
    }
    for why in &sidecar.unheeded {
        writeln!(text, "  unheeded: {why}")?;
    }
    for (title, probe) in [
        ("startup", &sidecar.startup),
        ("readiness", &sidecar.readiness),
        ("liveness", &sidecar.liveness),
    ] {
        if let Some(probe) = probe {
            writeln!(text, "  {title} {probe:?}")?;
        }
    }
    Ok(())
}

/// JSON in the form of YAML's: one line for each value.
fn write_json(text: &mut String, json: &Value, depth: usize) -> std::fmt::Result {
    let indent = "  ".repeat(depth);
    let nested = |json: &Value| match json {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => items.iter().any(Value::is_object),
        _ => false,
    };
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                if nested(value) {
                    writeln!(text, "{indent}{key}:")?;
                    write_json(text, value, depth + 1)?;
                } else {
                    writeln!(text, "{indent}{key}: {value}")?;
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                writeln!(text, "{indent}-")?;
                write_json(text, item, depth + 1)?;
            }
        }
        other => writeln!(text, "{indent}{other}")?,
    }
    Ok(())
}
