//! What reporters keep of a task that is done, in a run of many.
//!
//! In a program of its own: it looks at the memory of the whole process.

use std::io;
use std::sync::Arc;

use serde_json::json;
use stepwell_contract::event::Verdict;
use stepwell_contract::{
    Digest, Ending, Event, EventKind, LogStream, ParamType, RunName, StepName, TaskName,
    TerminationReason, Timestamp,
};
use stepwell_report::record::{Handles, Record};
use stepwell_report::{Human, HumanOptions, Json, Junit, Mask, Objects, Reporter, Trace, Yaml};

const TASKS: usize = 2000;

/// What all reporters together may keep of each, in bytes. The whole run may have four kilobytes.
const MOST: usize = 2048;

fn event(at: u64, task: Option<&str>, step: Option<&str>, kind: EventKind) -> Event {
    Event {
        at: Timestamp(1_795_339_800_000 + at),
        run: RunName::new("wide"),
        task: task.map(TaskName::new),
        step: step.map(StepName::new),
        attempt: 0,
        kind,
    }
}

fn good() -> Verdict {
    Verdict {
        succeeded: true,
        reason: "Succeeded".to_owned(),
        message: "All Steps have completed executing".to_owned(),
    }
}

/// A task with a spec of a kilobyte, a `when`, ten lines of output and a result.
fn task(number: usize) -> Vec<Event> {
    let key = format!("task-{number}");
    let of = |at, step: Option<&str>, kind| event(at, Some(&key), step, kind);
    let name = format!("wide-task-{number}");
    let script = "echo something\n".repeat(50);
    let mut events = vec![
        of(
            1,
            None,
            EventKind::TaskStart {
                name: RunName::new(name.as_str()),
                pipeline_task: Some(key.as_str().into()),
                display_name: None,
                when_expressions: vec![json!({"input": "a", "operator": "in", "values": ["a"]})],
                steps: vec![StepName::new("main")],
                provenance: None,
                task_run: Arc::new(json!({"kind": "TaskRun", "metadata": {"name": name}})),
                task_spec: Arc::new(json!({"steps": [{"name": "main", "script": script}]})),
            },
        ),
        of(
            1,
            Some("main"),
            EventKind::StepStart {
                image: "./main.wasm".into(),
                runs: None,
                digest: Digest::of(b"main"),
            },
        ),
    ];
    for line in 0..10 {
        let line = EventKind::StepLog {
            stream: LogStream::Stdout,
            line: format!("line {line} of something that is long enough to be noticed"),
            partial: false,
        };
        events.push(of(2, Some("main"), line));
    }
    events.push(of(
        3,
        Some("main"),
        EventKind::StepEnd {
            termination_reason: TerminationReason::Completed,
            exit_code: 0,
            ending: Some(Ending::SUCCESS),
            duration_ms: 2,
            dropped_bytes: 0,
            cached: false,
        },
    ));
    let result = EventKind::Result {
        name: "digest".into(),
        result_type: ParamType::String,
        value: "sha256:0123456789".into(),
    };
    events.push(of(3, None, result));
    let end = EventKind::TaskEnd {
        verdict: good(),
        retried: false,
        duration_ms: 2,
    };
    events.push(of(3, None, end));
    events
}

/// What the process has in memory, in bytes; `None` where the system does not tell.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn pipeline_start() -> EventKind {
    EventKind::PipelineStart {
        name: RunName::new("wide"),
        pipeline: "wide".into(),
        pipeline_task: None,
        display_name: None,
        when_expressions: Vec::new(),
        pipeline_run: Arc::new(json!({"kind": "PipelineRun", "metadata": {"name": "wide"}})),
        pipeline_spec: Arc::new(json!({"tasks": []})),
        provenance: None,
    }
}

#[test]
fn little_is_kept_of_a_task_that_is_done() {
    let handles = Handles {
        events: io::sink(),
        objects: io::sink(),
        status: io::sink(),
    };
    let mut reporters: Vec<(&str, Box<dyn Reporter>)> = vec![
        (
            "human",
            Box::new(Human::plain(io::sink(), HumanOptions::default())),
        ),
        ("json", Box::new(Json::new(io::sink()))),
        ("yaml", Box::new(Yaml::new(io::sink()))),
        ("objects", Box::new(Objects::new(io::sink()))),
        ("junit", Box::new(Junit::new(io::sink()))),
        ("trace", Box::new(Trace::new(io::sink()))),
        ("record", Box::new(Record::new(handles, Mask::default()))),
    ];
    let mut all = 0;
    for (name, reporter) in &mut reporters {
        reporter
            .event(&event(0, None, None, pipeline_start()))
            .unwrap();
        let mut tell = |tasks: std::ops::Range<usize>| {
            for event in tasks.flat_map(task) {
                reporter.event(&event).unwrap();
            }
        };
        let warm_up = 100;
        tell(0..warm_up);
        let Some(before) = resident() else {
            return;
        };
        tell(warm_up..TASKS);
        let each = resident().unwrap().saturating_sub(before) / (TASKS - warm_up);
        println!("{name}: {each} bytes for each task");
        all += each;
    }
    assert!(all < MOST, "{all} bytes for each task");
}
