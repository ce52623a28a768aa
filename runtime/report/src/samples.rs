//! Runs to report on, for the tests of every format. Times are fixed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stepwell_contract::event::{CacheChange, CacheState, CacheUse, Verdict};
use stepwell_contract::{
    Digest, Ending, Event, EventKind, FailureClass, Frame, Limit, LogStream, ParamType, ParamValue,
    RunName, StepName, TaskName, TerminationReason, Timestamp,
};

use crate::Reporter;

pub(crate) mod pipelines;

/// Sunday 22 November 2026, 09:30 in UTC.
pub(crate) const START: u64 = 1_795_339_800_000;

pub(crate) fn event(at: u64, step: Option<&str>, kind: EventKind) -> Event {
    let of_run = matches!(kind, EventKind::RunStart { .. } | EventKind::RunEnd { .. });
    Event {
        at: Timestamp(START + at),
        run: RunName::new("site-abcde"),
        task: (!of_run).then(|| TaskName::new("site")),
        step: step.map(StepName::new),
        attempt: 0,
        kind,
    }
}

pub(crate) fn task_start(steps: &[&str]) -> EventKind {
    let task_spec = json!({
        "results": [{"name": "pages"}],
        "steps": steps.iter().map(|name| json!({
            "name": name,
            "image": format!("./{name}.wasm"),
            "script": "#!/usr/bin/env site\nfirst\nsecond\n",
            "args": ["8", "yes", "1e3", "~", "", " x", "a: b", "#c"],
        })).collect::<Vec<_>>(),
    });
    EventKind::TaskStart {
        name: RunName::new("site-abcde"),
        pipeline_task: None,
        display_name: None,
        when_expressions: Vec::new(),
        provenance: None,
        steps: steps.iter().map(|name| StepName::new(*name)).collect(),
        task_run: Arc::new(json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "metadata": {"name": "site-abcde", "uid": "4b1d0e5c-0000-4000-8000-000000000001"},
            "spec": {"taskRef": {"name": "site", "kind": "Task"}, "params": [{"name": "level", "value": "3"}]},
        })),
        task_spec: Arc::new(task_spec),
    }
}

pub(crate) fn step_start(name: &str) -> EventKind {
    EventKind::StepStart {
        image: format!("./{name}.wasm").into(),
        runs: None,
        digest: Digest::of(name.as_bytes()),
    }
}

pub(crate) fn log(stream: LogStream, line: &str, partial: bool) -> EventKind {
    EventKind::StepLog {
        stream,
        line: line.to_owned(),
        partial,
    }
}

pub(crate) fn step_end(
    reason: TerminationReason,
    ending: Option<Ending>,
    duration_ms: u64,
) -> EventKind {
    EventKind::StepEnd {
        termination_reason: reason,
        exit_code: ending.as_ref().map_or(1, Ending::exit_code),
        ending,
        duration_ms,
        dropped_bytes: 0,
        cached: false,
    }
}

/// A step that came from the cache, and took so long when it ran.
pub(crate) fn hit(took_ms: u64) -> EventKind {
    EventKind::StepCache(CacheUse {
        key: Digest::of(b"key"),
        state: CacheState::Hit,
        outcome: Some(Digest::of(b"outcome")),
        observations: 3,
        reason: None,
        changed: None,
        took_ms: Some(took_ms),
    })
}

/// A step that ran, and is not kept.
fn not_kept() -> EventKind {
    EventKind::StepCache(CacheUse {
        key: Digest::of(b"key"),
        state: CacheState::NotKept,
        outcome: None,
        observations: 4,
        reason: Some("it failed".to_owned()),
        changed: Some(CacheChange {
            path: "/workspace/src/a.c".to_owned(),
            question: "kind".to_owned(),
            was: Some("nothing".to_owned()),
            is: "a file".to_owned(),
        }),
        took_ms: None,
    })
}

pub(crate) fn result(name: &str, value: ParamValue) -> EventKind {
    EventKind::Result {
        name: name.into(),
        result_type: value.param_type(),
        value,
    }
}

pub(crate) fn verdict(succeeded: bool, reason: &str, message: &str) -> Verdict {
    Verdict {
        succeeded,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

/// A run around `middle`: what is before the first step and after the last result.
pub(crate) fn run(
    steps: &[&str],
    middle: Vec<Event>,
    end: Verdict,
    duration_ms: u64,
) -> Vec<Event> {
    let start = EventKind::RunStart {
        tasks: 1,
        steps: steps.len(),
    };
    let mut events = vec![event(0, None, start), event(1, None, task_start(steps))];
    events.extend(middle);
    let task_end = EventKind::TaskEnd {
        verdict: end.clone(),
        retried: false,
        duration_ms: duration_ms - 1,
    };
    events.push(event(duration_ms, None, task_end));
    events.push(event(
        duration_ms,
        None,
        EventKind::RunEnd {
            verdict: end,
            duration_ms,
        },
    ));
    events
}

/// Two steps that succeed, with logs, results and progress.
pub(crate) fn success() -> Vec<Event> {
    let step = Some("links");
    let middle = vec![
        event(10, step, step_start("links")),
        event(
            12,
            step,
            log(LogStream::Stdout, "checking \x1b[31m12\x1b[0m pages", false),
        ),
        event(13, step, log(LogStream::Stdout, "a line in ", true)),
        event(14, step, log(LogStream::Stdout, "two parts", false)),
        event(
            15,
            step,
            EventKind::StepProgress {
                done: 3,
                total: Some(12),
                message: "index.md".to_owned(),
            },
        ),
        event(
            130,
            step,
            step_end(TerminationReason::Completed, Some(Ending::SUCCESS), 120),
        ),
        event(131, Some("render"), step_start("render")),
        event(
            132,
            Some("render"),
            log(LogStream::Stderr, "PASSED\rFAILED", false),
        ),
        event(
            1000,
            Some("render"),
            step_end(TerminationReason::Completed, Some(Ending::SUCCESS), 869),
        ),
        event(1001, None, result("pages", ParamValue::from("12\n"))),
        event(
            1001,
            None,
            result(
                "broken",
                ParamValue::Array(vec!["a.md".to_owned(), "no".to_owned()]),
            ),
        ),
        event(
            1001,
            None,
            result("digest", ParamValue::from("0123456789".repeat(8).as_str())),
        ),
        event(
            1001,
            None,
            result(
                "size",
                ParamValue::Object([("html".to_owned(), "12".to_owned())].into()),
            ),
        ),
    ];
    run(
        &["links", "render"],
        middle,
        verdict(true, "Succeeded", "All Steps have completed executing"),
        1020,
    )
}

/// A step that is allowed to fail, one that traps, one that is skipped.
pub(crate) fn failure() -> Vec<Event> {
    let trap = Ending::Trapped {
        reason: "wasm `unreachable` instruction executed".to_owned(),
        message: Some("panicked at src/main.rs:3:5: boom".to_owned()),
        backtrace: vec![Frame {
            function: "site::main".to_owned(),
            location: Some("src/main.rs:3".to_owned()),
        }],
    };
    let middle = vec![
        event(10, Some("lint"), step_start("lint")),
        event(
            20,
            Some("lint"),
            step_end(
                TerminationReason::Continued,
                Some(Ending::Exited { code: 3 }),
                10,
            ),
        ),
        event(21, Some("render"), step_start("render")),
        event(22, Some("render"), log(LogStream::Stdout, "page 1", false)),
        event(
            23,
            Some("render"),
            log(
                LogStream::Stderr,
                "panicked at src/main.rs:3:5: boom",
                false,
            ),
        ),
        event(
            40,
            Some("render"),
            step_end(TerminationReason::Error, Some(trap), 19),
        ),
        event(
            40,
            Some("manifest"),
            step_end(TerminationReason::Skipped, None, 0),
        ),
    ];
    let message = "\"step-render\" exited with code 134: Error";
    run(
        &["lint", "render", "manifest"],
        middle,
        verdict(false, "Failed", message),
        50,
    )
}

/// A run that is cancelled while its first step runs.
pub(crate) fn cancelled() -> Vec<Event> {
    let middle = vec![
        event(10, Some("links"), step_start("links")),
        event(
            2500,
            Some("links"),
            step_end(TerminationReason::Cancelled, Some(Ending::Cancelled), 2490),
        ),
        event(
            2500,
            Some("render"),
            step_end(TerminationReason::Skipped, None, 0),
        ),
    ];
    let message = "TaskRun \"site-abcde\" was cancelled. ";
    run(
        &["links", "render"],
        middle,
        verdict(false, "TaskRunCancelled", message),
        2600,
    )
}

fn sidecar_log(line: &str, partial: bool) -> EventKind {
    EventKind::SidecarLog {
        sidecar: StepName::new("db"),
        stream: LogStream::Stderr,
        line: line.to_owned(),
        partial,
    }
}

fn sidecar_end(ending: Option<Ending>, stopped: bool, dropped_bytes: u64) -> EventKind {
    EventKind::SidecarEnd {
        sidecar: StepName::new("db"),
        exit_code: ending.as_ref().map_or(1, Ending::exit_code),
        ending,
        stopped,
        duration_ms: 130,
        dropped_bytes,
    }
}

/// A task with a sidecar, which ends by itself with `code`, or is stopped.
pub(crate) fn beside(code: Option<i32>) -> Vec<Event> {
    let start = |runs: Option<&str>| EventKind::SidecarStart {
        sidecar: StepName::new("db"),
        image: "db:1".into(),
        runs: runs.map(Into::into),
        digest: Digest::of(b"db"),
    };
    let end = match code {
        Some(code) => sidecar_end(Some(Ending::Exited { code }), false, 7),
        None => sidecar_end(Some(Ending::Cancelled), true, 0),
    };
    let verdict = match code {
        None | Some(0) => verdict(true, "Succeeded", "All Steps have completed executing"),
        Some(code) => verdict(
            false,
            "SidecarFailed",
            &format!(r#""sidecar-db" exited with code {code}: Error"#),
        ),
    };
    let ready = EventKind::SidecarReady {
        sidecar: StepName::new("db"),
        duration_ms: 8,
    };
    let done = step_end(TerminationReason::Completed, Some(Ending::SUCCESS), 100);
    let middle = vec![
        event(2, None, start(code.map(|_| "./db.wasm"))),
        event(4, None, sidecar_log("listening on ", true)),
        event(5, None, sidecar_log("5432", false)),
        event(10, None, ready),
        event(11, Some("test"), step_start("test")),
        event(111, Some("test"), done),
        event(132, None, end),
    ];
    run(&["test"], middle, verdict, 140)
}

/// At least one event of every kind and one of every ending, with every optional field, and each once without.
pub(crate) fn everything() -> Vec<Event> {
    let frame = |location: Option<&str>| Frame {
        function: "main".to_owned(),
        location: location.map(str::to_owned),
    };
    let endings = [
        Ending::Exited { code: 3 },
        Ending::Failed {
            class: FailureClass::Transient,
            message: "later".to_owned(),
        },
        Ending::Trapped {
            reason: "trap".to_owned(),
            message: Some("boom".to_owned()),
            backtrace: vec![frame(Some("a.rs:1"))],
        },
        Ending::Trapped {
            reason: "trap".to_owned(),
            message: None,
            backtrace: vec![frame(None)],
        },
        Ending::LimitReached {
            limit: Limit::Memory,
            value: 1 << 26,
            backtrace: Vec::new(),
        },
        Ending::TimedOut {
            after: Duration::from_millis(1500),
        },
        Ending::Cancelled,
    ];
    let step = Some("links");
    let mut events = success();
    events.extend(beside(None));
    events.extend(beside(Some(3)));
    events.push(event(1, step, log(LogStream::Stderr, "x", true)));
    events.push(event(
        1,
        step,
        EventKind::StepProgress {
            done: 1,
            total: None,
            message: String::new(),
        },
    ));
    events.push(event(
        1,
        step,
        EventKind::StepStart {
            image: "bash:5".into(),
            runs: Some("./sh.wasm".into()),
            digest: Digest::of(b"sh"),
        },
    ));
    events.push(event(
        1,
        None,
        EventKind::Error {
            causes: vec!["failed to a".to_owned(), "b".to_owned()],
        },
    ));
    events.push(event(
        1,
        step,
        EventKind::StepEnd {
            termination_reason: TerminationReason::Error,
            exit_code: 1,
            ending: None,
            duration_ms: 1,
            dropped_bytes: 7,
            cached: true,
        },
    ));
    events.extend([hit(900), not_kept()].map(|kind| event(1, step, kind)));
    events.extend(
        endings.map(|ending| event(1, step, step_end(TerminationReason::Error, Some(ending), 1))),
    );
    events.extend(pipelines::everything());
    events
}

/// Hands over all events and finishes.
pub(crate) fn show(reporter: &mut impl Reporter, events: &[Event]) {
    for event in events {
        reporter.event(event).unwrap();
    }
    reporter.finish().unwrap();
}

/// A writer whose bytes can be read by the test that handed it over.
#[derive(Clone, Default)]
pub(crate) struct Page(Arc<std::sync::Mutex<Vec<u8>>>);

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_types_agree_with_the_values() {
    assert!(success().iter().all(|event| match &event.kind {
        EventKind::Result {
            result_type, value, ..
        } => *result_type == value.param_type(),
        _ => true,
    }));
    assert_eq!(ParamValue::from("x").param_type(), ParamType::String);
}
