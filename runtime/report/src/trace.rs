//! A run as a Chrome trace, which Perfetto and `chrome://tracing` draw: when each task and each of its steps ran, and
//! beside what.
//!
//! Written as it happens, as a JSON array of events; a reader of the format takes one whose end is missing. Tasks that
//! run at the same time are in different lanes (threads, as the format calls them), each in the lowest that is free. A
//! task is written before its steps: of two events that begin together, readers take the first for the outer one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};
use stepwell_contract::{Event, EventKind, Timestamp};

use crate::Reporter;
use crate::json::Visible;

/// The run's own lane.
const RUN: usize = 0;

/// What kind of span a task is.
const TASK: &str = "task";

/// Writes what has ended.
pub struct Trace<W> {
    out: W,
    /// Whether nothing is written yet.
    empty: bool,
    start: Timestamp,
    last: Timestamp,
    run: Option<Span>,
    /// Tasks and nested pipelines that run, by what events call them.
    open: HashMap<String, Span>,
    /// How many of them are tasks.
    tasks: usize,
    lanes: Lanes,
}

/// Something that runs.
struct Span {
    name: String,
    kind: &'static str,
    start: Timestamp,
    lane: usize,
    args: Value,
    steps: Vec<Step>,
}

struct Step {
    name: String,
    start: Timestamp,
    /// When it ended, and what is to be said of it.
    end: Option<(Timestamp, Value)>,
}

/// Which lanes are free.
#[derive(Default)]
struct Lanes {
    free: BinaryHeap<Reverse<usize>>,
    used: usize,
}

impl Lanes {
    /// The lowest lane that is free, and whether it is a new one.
    fn take(&mut self) -> (usize, bool) {
        match self.free.pop() {
            Some(Reverse(lane)) => (lane, false),
            None => {
                self.used += 1;
                (self.used, true)
            }
        }
    }
}

impl<W: Write> Trace<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            empty: true,
            start: Timestamp::default(),
            last: Timestamp::default(),
            run: None,
            open: HashMap::new(),
            tasks: 0,
            lanes: Lanes::default(),
        }
    }

    fn write(&mut self, event: &Value) -> io::Result<()> {
        self.out
            .write_all(if self.empty { b"[\n" } else { b",\n" })?;
        self.empty = false;
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.out, Visible);
        event.serialize(&mut serializer)?;
        Ok(())
    }

    /// In microseconds since the run began.
    fn moment(&self, at: Timestamp) -> u64 {
        at.since(self.start).saturating_mul(1000)
    }

    fn complete(
        &mut self,
        name: &str,
        kind: &str,
        lane: usize,
        (start, end): (Timestamp, Timestamp),
        args: &Value,
    ) -> io::Result<()> {
        let (ts, dur) = (self.moment(start), end.since(start).saturating_mul(1000));
        self.write(&json!({
            "name": name, "cat": kind, "ph": "X", "ts": ts, "dur": dur, "pid": 1, "tid": lane, "args": args,
        }))
    }

    /// A moment that is marked in the run's lane.
    fn instant(&mut self, name: &str, at: Timestamp, args: &Value) -> io::Result<()> {
        let ts = self.moment(at);
        self.write(&json!({
            "name": name, "cat": "run", "ph": "i", "s": "t", "ts": ts, "pid": 1, "tid": RUN, "args": args,
        }))
    }

    fn name_lane(&mut self, lane: usize, name: &str) -> io::Result<()> {
        self.write(&json!({
            "name": "thread_name", "ph": "M", "pid": 1, "tid": lane, "args": { "name": name },
        }))?;
        self.write(&json!({
            "name": "thread_sort_index", "ph": "M", "pid": 1, "tid": lane, "args": { "sort_index": lane },
        }))
    }

    fn count(&mut self, at: Timestamp) -> io::Result<()> {
        let ts = self.moment(at);
        let tasks = self
            .open
            .values()
            .filter(|span| span.kind == "task")
            .count();
        self.write(&json!({
            "name": "running", "ph": "C", "ts": ts, "pid": 1, "args": { "tasks": tasks },
        }))
    }

    fn begin(
        &mut self,
        key: &str,
        kind: &'static str,
        at: Timestamp,
        args: Value,
    ) -> io::Result<()> {
        let (lane, new) = self.lanes.take();
        if new {
            self.name_lane(lane, &format!("lane {lane}"))?;
        }
        let span = Span {
            name: key.to_owned(),
            kind,
            start: at,
            lane,
            args,
            steps: Vec::new(),
        };
        self.tasks += usize::from(span.kind == TASK);
        self.open.insert(key.to_owned(), span);
        self.count(at)
    }

    fn end(&mut self, key: &str, at: Timestamp, said: Value) -> io::Result<()> {
        let Some(span) = self.open.remove(key) else {
            return Ok(());
        };
        self.lanes.free.push(Reverse(span.lane));
        self.tasks -= usize::from(span.kind == TASK);
        self.close(span, at, said)?;
        self.count(at)
    }

    /// Writes a span that has ended, with its steps after it.
    fn close(&mut self, mut span: Span, at: Timestamp, said: Value) -> io::Result<()> {
        if let (Value::Object(args), Value::Object(said)) = (&mut span.args, said) {
            args.extend(said);
        }
        self.complete(
            &span.name,
            span.kind,
            span.lane,
            (span.start, at),
            &span.args,
        )?;
        for step in span.steps {
            let (end, args) = step.end.unwrap_or((at, json!({})));
            self.complete(&step.name, "step", span.lane, (step.start, end), &args)?;
        }
        Ok(())
    }
}

impl<W: Write> Reporter for Trace<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.last = event.at;
        let key = event.task.as_ref().map_or("", |task| task.as_str());
        match (&event.kind, &event.step) {
            (EventKind::RunStart { .. }, _) => {
                self.start = event.at;
                self.run = Some(Span {
                    name: event.run.as_str().to_owned(),
                    kind: "run",
                    start: event.at,
                    lane: RUN,
                    args: json!({}),
                    steps: Vec::new(),
                });
                self.write(&json!({
                    "name": "process_name", "ph": "M", "pid": 1, "args": { "name": "stepwell" },
                }))?;
                self.name_lane(RUN, "run")
            }
            (EventKind::RunEnd { verdict, .. }, _) => match self.run.take() {
                Some(run) => self.close(run, event.at, json!(verdict)),
                None => Ok(()),
            },
            (EventKind::PipelineStart { name, .. }, _) if event.task.is_some() => {
                self.begin(key, "pipeline", event.at, json!({ "pipelineRun": name }))
            }
            (EventKind::PipelineEnd { verdict, .. }, _) => self.end(key, event.at, json!(verdict)),
            (EventKind::FinallyStart {}, _) => {
                let name = match key {
                    "" => "finally".to_owned(),
                    pipeline => format!("{pipeline}: finally"),
                };
                self.instant(&name, event.at, &json!({}))
            }
            (EventKind::TaskSkip { reason, .. }, _) => self.instant(
                &format!("{key} skipped"),
                event.at,
                &json!({ "reason": reason }),
            ),
            (EventKind::TaskStart { name, .. }, _) => {
                let args = json!({ "taskRun": name, "attempt": event.attempt });
                self.begin(key, TASK, event.at, args)
            }
            (EventKind::TaskEnd { verdict, .. }, _) => self.end(key, event.at, json!(verdict)),
            (EventKind::StepStart { .. }, Some(step)) => {
                if let Some(span) = self.open.get_mut(key) {
                    span.steps.push(Step {
                        name: step.as_str().to_owned(),
                        start: event.at,
                        end: None,
                    });
                }
                Ok(())
            }
            (
                EventKind::StepEnd {
                    termination_reason,
                    exit_code,
                    ..
                },
                Some(step),
            ) => {
                let steps = self.open.get_mut(key).map(|span| &mut span.steps);
                let last = steps.and_then(|steps| steps.last_mut());
                if let Some(last) = last
                    && last.name == step.as_str()
                    && last.end.is_none()
                {
                    let said =
                        json!({ "terminationReason": termination_reason, "exitCode": exit_code });
                    last.end = Some((event.at, said));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nobody can read it before it is whole.
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_by_key(|span| span.lane);
        for span in open.into_iter().chain(self.run.take()) {
            self.close(span, self.last, json!({ "reason": "Running" }))?;
        }
        self.out
            .write_all(if self.empty { b"[]\n" } else { b"\n]\n" })?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
