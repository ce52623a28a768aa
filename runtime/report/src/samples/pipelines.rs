//! Runs of pipelines to report on.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_contract::event::{SkipReason, Verdict};
use stepwell_contract::{
    Ending, Event, EventKind, LogStream, ParamValue, RunName, StepName, TaskName,
    TerminationReason, Timestamp,
};

use super::{START, log, result, step_end, step_start, verdict};

/// The event of task `task` of the run `release`; none for the run itself.
pub(crate) fn of(at: u64, task: Option<&str>, kind: EventKind) -> Event {
    Event {
        at: Timestamp(START + at),
        run: RunName::new("release"),
        task: task.map(TaskName::new),
        step: None,
        attempt: 0,
        kind,
    }
}

/// The event of a step.
pub(crate) fn of_step(at: u64, task: &str, step: &str, kind: EventKind) -> Event {
    Event {
        step: Some(StepName::new(step)),
        ..of(at, Some(task), kind)
    }
}

/// The same on another try of the task.
pub(crate) fn on_try(attempt: u32, event: Event) -> Event {
    Event { attempt, ..event }
}

pub(crate) fn run_start(tasks: usize) -> EventKind {
    EventKind::RunStart {
        tasks,
        steps: tasks,
    }
}

pub(crate) fn run_end(verdict: Verdict, duration_ms: u64) -> EventKind {
    EventKind::RunEnd {
        verdict,
        duration_ms,
    }
}

/// A PipelineRun begins whose Pipeline has these tasks and this `finally`.
pub(crate) fn pipeline_start(
    name: &str,
    nested_as: Option<&str>,
    tasks: &[&str],
    finally: &[&str],
) -> EventKind {
    let named = |names: &[&str]| -> Vec<Value> {
        names
            .iter()
            .map(|name| json!({"name": name, "taskRef": {"name": name, "kind": "Task"}}))
            .collect()
    };
    let mut spec = json!({ "tasks": named(tasks) });
    if !finally.is_empty() {
        spec["finally"] = named(finally).into();
    }
    EventKind::PipelineStart {
        name: RunName::new(name),
        pipeline: "ship".into(),
        pipeline_task: nested_as.map(Into::into),
        display_name: None,
        when_expressions: Vec::new(),
        pipeline_run: Arc::new(json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"pipelineRef": {"name": "ship"}},
        })),
        pipeline_spec: Arc::new(spec),
        provenance: None,
    }
}

pub(crate) fn pipeline_end(verdict: Verdict, duration_ms: u64) -> EventKind {
    EventKind::PipelineEnd {
        verdict,
        duration_ms,
    }
}

/// The TaskRun `NAME` of the pipeline task `of` begins.
pub(crate) fn task_start(name: &str, of: &str, steps: &[&str]) -> EventKind {
    EventKind::TaskStart {
        name: RunName::new(name),
        pipeline_task: Some(of.into()),
        display_name: None,
        when_expressions: Vec::new(),
        steps: steps.iter().map(|step| StepName::new(*step)).collect(),
        provenance: None,
        task_run: Arc::new(json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "metadata": {"name": name},
            "spec": {"taskRef": {"name": of, "kind": "Task"}},
        })),
        task_spec: Arc::new(json!({
            "steps": steps.iter().map(|step| json!({"name": step, "image": format!("./{step}.wasm")})).collect::<Vec<_>>(),
        })),
    }
}

pub(crate) fn task_end(verdict: Verdict, retried: bool, duration_ms: u64) -> EventKind {
    EventKind::TaskEnd {
        verdict,
        retried,
        duration_ms,
    }
}

pub(crate) fn skip(task: &str, reason: SkipReason, when_expressions: Vec<Value>) -> EventKind {
    EventKind::TaskSkip {
        pipeline_task: task.into(),
        reason,
        when_expressions,
    }
}

pub(crate) fn good() -> Verdict {
    verdict(true, "Succeeded", "All Steps have completed executing")
}

pub(crate) fn bad(step: &str, code: i32) -> Verdict {
    let message = format!("\"step-{step}\" exited with code {code}: Error");
    verdict(false, "Failed", &message)
}

/// A task of one step that prints one line, from `at` on, for ten milliseconds; a step that fails exits with `code`.
pub(crate) fn one_step(at: u64, key: &str, of_task: &str, code: i32) -> Vec<Event> {
    let name = format!("release-{}", key.replace(['/', '.'], "-"));
    let (reason, verdict) = match code {
        0 => (TerminationReason::Completed, good()),
        code => (TerminationReason::Error, bad("main", code)),
    };
    let line = log(LogStream::Stdout, &format!("this is {key}"), false);
    vec![
        of(at, Some(key), task_start(&name, of_task, &["main"])),
        of_step(at + 1, key, "main", step_start("main")),
        of_step(at + 2, key, "main", line),
        of_step(
            at + 9,
            key,
            "main",
            step_end(reason, Some(Ending::Exited { code }), 8),
        ),
        of(at + 10, Some(key), task_end(verdict, false, 10)),
    ]
}

/// What a `when` on the param `level` was evaluated to.
pub(crate) fn when(input: &str) -> Value {
    json!({"input": input, "operator": "in", "values": ["full"]})
}

/// A pipeline with everything: a task of two steps, one that is retried, a matrix, a nested pipeline, skipped tasks, one
/// whose failure is ignored, one that fails, and `finally`.
pub(crate) fn release() -> Vec<Event> {
    let tasks = [
        "build", "flaky", "test", "docs", "lint", "publish", "announce", "sign",
    ];
    let start = pipeline_start("release", None, &tasks, &["tidy"]);
    let mut events = vec![of(0, None, run_start(10)), of(1, None, start)];
    // Two steps, and two tasks at once.
    let build = task_start("release-build", "build", &["compile", "link"]);
    events.extend([
        of(2, Some("build"), build),
        of(
            2,
            Some("flaky"),
            task_start("release-flaky", "flaky", &["main"]),
        ),
        of_step(3, "build", "compile", step_start("compile")),
        of_step(3, "flaky", "main", step_start("main")),
        of_step(
            4,
            "build",
            "compile",
            log(LogStream::Stdout, "12 units", false),
        ),
        of_step(5, "flaky", "main", log(LogStream::Stderr, "no luck", false)),
        of_step(
            9,
            "flaky",
            "main",
            step_end(
                TerminationReason::Error,
                Some(Ending::Exited { code: 7 }),
                6,
            ),
        ),
        of(10, Some("flaky"), task_end(bad("main", 7), true, 8)),
    ]);
    let again = one_step(12, "flaky", "flaky", 0);
    events.extend(again.into_iter().map(|event| on_try(1, event)));
    events.extend([
        of_step(
            500,
            "build",
            "compile",
            step_end(TerminationReason::Completed, Some(Ending::SUCCESS), 497),
        ),
        of_step(501, "build", "link", step_start("link")),
        of_step(502, "build", "link", result("size", ParamValue::from("7"))),
        of_step(
            600,
            "build",
            "link",
            step_end(TerminationReason::Completed, Some(Ending::SUCCESS), 99),
        ),
        of(
            601,
            Some("build"),
            result("digest", ParamValue::from("abc")),
        ),
        of(602, Some("build"), task_end(good(), false, 600)),
        of(
            603,
            Some("docs"),
            skip("docs", SkipReason::When, vec![when("quick")]),
        ),
    ]);
    // The second row of the matrix begins first.
    events.extend(one_step(610, "test.1", "test", 0));
    events.extend(one_step(620, "test.0", "test", 0));
    // `sign` is a pipeline.
    events.push(of(
        640,
        Some("sign"),
        pipeline_start("release-sign", Some("sign"), &["key", "seal"], &[]),
    ));
    events.extend(one_step(641, "sign/key", "key", 0));
    events.push(of(
        652,
        Some("sign/seal"),
        skip("seal", SkipReason::When, vec![when("no")]),
    ));
    events.push(of(
        653,
        Some("sign"),
        result("seal", ParamValue::from("wax")),
    ));
    let message = "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1";
    events.push(of(
        654,
        Some("sign"),
        pipeline_end(verdict(true, "Completed", message), 14),
    ));
    let mut lint = one_step(660, "lint", "lint", 3);
    let ignored = verdict(
        false,
        "FailureIgnored",
        "\"step-main\" exited with code 3: Error",
    );
    lint[4] = of(670, Some("lint"), task_end(ignored, false, 10));
    events.extend(lint);
    events.extend(one_step(680, "publish", "publish", 1));
    events.push(of(
        691,
        Some("announce"),
        skip("announce", SkipReason::Stopping, Vec::new()),
    ));
    events.push(of(692, None, EventKind::FinallyStart {}));
    events.extend(one_step(693, "tidy", "tidy", 0));
    let message = "Tasks Completed: 8 (Failed: 2 (Ignored: 1), Cancelled 0), Skipped: 2";
    let end = verdict(false, "Failed", message);
    events.push(of(710, None, result("digest", ParamValue::from("abc"))));
    events.push(of(711, None, pipeline_end(end.clone(), 710)));
    events.push(of(711, None, run_end(end, 711)));
    events
}

/// At least one event of every kind that only pipelines have, with every optional field, and each once without.
pub(crate) fn everything() -> Vec<Event> {
    let mut events = release();
    let provenance = Some(Arc::new(json!({"uri": "git+https://example.com/a.git"})));
    let mut nested = pipeline_start("release-sign", Some("sign"), &[], &[]);
    if let EventKind::PipelineStart {
        display_name,
        when_expressions,
        provenance: from,
        ..
    } = &mut nested
    {
        *display_name = Some("Sign it".into());
        *when_expressions = vec![when("full")];
        from.clone_from(&provenance);
    }
    let mut task = task_start("release-build", "build", &["main"]);
    if let EventKind::TaskStart {
        display_name,
        when_expressions,
        provenance: from,
        ..
    } = &mut task
    {
        *display_name = Some("Build it".into());
        *when_expressions = vec![when("full")];
        *from = provenance;
    }
    let artifacts = json!({"outputs": [{"name": "image", "values": [{"uri": "oci://a"}]}]});
    events.extend([
        of(1, Some("sign"), nested),
        of(1, Some("build"), task),
        of(1, Some("build"), EventKind::Artifacts { artifacts }),
        of(
            1,
            None,
            EventKind::Notice {
                message: "nobody asked".to_owned(),
            },
        ),
    ]);
    events
}
