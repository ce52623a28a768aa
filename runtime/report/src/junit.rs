//! A run as JUnit XML, for whatever shows test results: one suite for the run and for each nested pipeline, one case for
//! each task.
//!
//! A task that was tried again and succeeded is a flaky case; one whose failure is ignored passes, with its output. What
//! steps print is cleaned and bounded: of a task its last lines, of a run four megabytes.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use stepwell_contract::event::{SkipReason, Verdict};
use stepwell_contract::{Event, EventKind, RunName, TerminationReason, Timestamp};

use crate::Reporter;
use crate::clean::shorten;
use crate::failure::explain;
use crate::human::is_failure;
use crate::tail::Tail;
use crate::time::with_millis;

/// How much output of failed tasks a report holds. What shows test results often reads the file into memory whole.
const OUTPUT: usize = 4 << 20;

/// How many tries of a task are listed; `retries:` may say millions.
const RERUNS: usize = 20;

/// How much of a message is kept, in characters.
const MESSAGE: usize = 2000;

/// Collects a run and writes it as XML at the end.
pub struct Junit<W> {
    out: W,
    run: Option<RunName>,
    /// By what events call the pipeline; the run's own has no name.
    suites: BTreeMap<String, Suite>,
    /// What runs, by what events call it.
    open: HashMap<String, Open>,
    /// How much output may still be taken in.
    left: usize,
    last: Timestamp,
    time: Option<Duration>,
}

/// A pipeline.
struct Suite {
    name: String,
    start: Timestamp,
    time: Option<Duration>,
    cases: Vec<Case>,
}

/// A task that has ended or was skipped. Most have succeeded, and of those little is kept.
struct Case {
    name: Box<str>,
    start: Timestamp,
    time: Option<Duration>,
    came_to: CameTo,
}

enum CameTo {
    Success,
    Skipped(SkipReason),
    Other(Box<Told>),
}

/// What is told of a task that failed, or not at once succeeded.
struct Told {
    status: TestCaseStatus,
    output: Option<String>,
}

/// A task that has not ended.
#[derive(Default)]
struct Open {
    start: Timestamp,
    tail: Tail,
    reruns: Vec<TestRerun>,
    /// Whether a step of this try failed by itself.
    step_failed: bool,
    /// Why a step of this try failed.
    why: Vec<String>,
    steps: usize,
}

impl<W: Write> Junit<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            run: None,
            suites: BTreeMap::new(),
            open: HashMap::new(),
            left: OUTPUT,
            last: Timestamp::default(),
            time: None,
        }
    }

    fn suite(&mut self, key: &str, name: &str, start: Timestamp) -> &mut Suite {
        self.suites.entry(key.to_owned()).or_insert_with(|| Suite {
            name: name.to_owned(),
            start,
            time: None,
            cases: Vec::new(),
        })
    }

    /// Adds a case to the suite that the task `key` is in.
    fn add(&mut self, key: &str, came_to: CameTo, start: Timestamp, time: Option<Duration>) {
        let (parent, own) = key.rsplit_once('/').unwrap_or(("", key));
        let run = self.run.clone();
        let run = run.as_ref().map_or("run", RunName::as_str);
        self.suite(parent, run, start).cases.push(Case {
            name: own.into(),
            start,
            time,
            came_to,
        });
    }

    fn task_end(&mut self, key: &str, verdict: &Verdict, retried: bool, time: Duration) {
        let Some(mut open) = self.open.remove(key) else {
            return;
        };
        let kind = match open.step_failed {
            true => NonSuccessKind::Failure,
            // It could not start, or was stopped.
            false => NonSuccessKind::Error,
        };
        let start = open.start;
        let text = match verdict.succeeded {
            true => String::new(),
            false => self.output(&open),
        };
        let message = legal(shorten(&verdict.message, MESSAGE));
        if retried {
            if open.reruns.len() < RERUNS {
                let mut rerun = TestRerun::new(kind);
                rerun.timestamp = with_millis(start).parse().ok();
                rerun
                    .set_time(time)
                    .set_type(&verdict.reason)
                    .set_message(message);
                rerun.set_description(text);
                open.reruns.push(rerun);
            }
            let reruns = open.reruns;
            let again = Open {
                reruns,
                ..Open::default()
            };
            self.open.insert(key.to_owned(), again);
            return;
        }
        let ignored = verdict.reason == "FailureIgnored";
        let mut told = Told {
            status: TestCaseStatus::success(),
            output: None,
        };
        if ignored {
            told.output = Some(format!("the failure is ignored: {message}\n{text}"));
        } else if !verdict.succeeded {
            told.status = TestCaseStatus::non_success(kind);
            let status = told.status.set_type(&verdict.reason).set_message(&message);
            status.set_description(&text);
        } else if open.reruns.is_empty() {
            return self.add(key, CameTo::Success, start, Some(time));
        }
        told.status.add_reruns(open.reruns);
        self.add(key, CameTo::Other(Box::new(told)), start, Some(time));
    }

    /// Why a task failed, and its last lines, as far as there is room.
    fn output(&mut self, open: &Open) -> String {
        let why = open.why.iter().map(String::as_str);
        let text: Vec<_> = why.chain(open.tail.iter()).collect();
        let text = legal(text.join("\n"));
        match self.left.checked_sub(text.len()) {
            Some(left) => {
                self.left = left;
                text
            }
            None => "(the output is left out: the report is long enough)".to_owned(),
        }
    }
}

impl Suite {
    fn into_xml(self) -> TestSuite {
        let mut suite = TestSuite::new(&self.name);
        suite.timestamp = with_millis(self.start).parse().ok();
        suite.time = self.time;
        suite.add_test_cases(self.cases.into_iter().map(|case| case.into_xml(&self.name)));
        suite
    }
}

impl Case {
    fn into_xml(self, suite: &str) -> TestCase {
        let (status, output) = match self.came_to {
            CameTo::Success => (TestCaseStatus::success(), None),
            CameTo::Skipped(reason) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(reason.as_str());
                (status, None)
            }
            CameTo::Other(told) => (told.status, told.output),
        };
        let mut case = TestCase::new(&*self.name, status);
        case.set_classname(suite);
        case.timestamp = with_millis(self.start).parse().ok();
        case.time = self.time;
        if let Some(output) = output {
            case.set_system_out(output);
        }
        case
    }
}

/// The text without the two characters that XML lacks and `quick-junit` leaves in; it drops all others.
fn legal(text: String) -> String {
    match text.contains(['\u{fffe}', '\u{ffff}']) {
        true => text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"),
        false => text,
    }
}

impl<W: Write> Reporter for Junit<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.last = event.at;
        let key = event.task.as_ref().map_or("", |task| task.as_str());
        match (&event.kind, &event.step) {
            (EventKind::RunStart { .. }, _) => self.run = Some(event.run.clone()),
            (EventKind::RunEnd { duration_ms, .. }, _) => {
                self.time = Some(Duration::from_millis(*duration_ms));
                if let Some(suite) = self.suites.get_mut("") {
                    suite.time = suite.time.or(self.time);
                }
            }
            (EventKind::PipelineStart { name, .. }, _) => {
                self.suite(key, name.as_str(), event.at);
            }
            (EventKind::PipelineEnd { duration_ms, .. }, _) => {
                if let Some(suite) = self.suites.get_mut(key) {
                    suite.time = Some(Duration::from_millis(*duration_ms));
                }
            }
            (EventKind::TaskSkip { reason, .. }, _) => {
                self.add(key, CameTo::Skipped(*reason), event.at, None);
            }
            (EventKind::TaskStart { steps, .. }, _) => {
                let open = self.open.entry(key.to_owned()).or_default();
                open.start = event.at;
                open.steps = steps.len();
            }
            (EventKind::StepLog { line, partial, .. }, Some(step)) => {
                if let Some(open) = self.open.get_mut(key) {
                    let label = match open.steps {
                        0 | 1 => String::new(),
                        _ => format!("[{step}] "),
                    };
                    open.tail.push(&label, line, *partial);
                }
            }
            (
                EventKind::StepEnd {
                    termination_reason,
                    ending,
                    ..
                },
                Some(step),
            ) => {
                if let Some(open) = self.open.get_mut(key) {
                    if is_failure(*termination_reason) {
                        open.why = explain(step.as_str(), *termination_reason, ending.as_ref());
                    }
                    open.step_failed |= matches!(
                        termination_reason,
                        TerminationReason::Error | TerminationReason::TimeoutExceeded
                    );
                }
            }
            (
                EventKind::TaskEnd {
                    verdict,
                    retried,
                    duration_ms,
                },
                _,
            ) => self.task_end(key, verdict, *retried, Duration::from_millis(*duration_ms)),
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nobody can read it before it is whole.
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let verdict = Verdict {
            succeeded: false,
            reason: "Running".to_owned(),
            message: "the task did not end".to_owned(),
        };
        let mut open: Vec<_> = self
            .open
            .iter()
            .map(|(key, open)| (key.clone(), open.start))
            .collect();
        open.sort();
        for (key, start) in open {
            let time = Duration::from_millis(self.last.since(start));
            self.task_end(&key, &verdict, false, time);
        }
        let mut report = Report::new("stepwell");
        report.time = self.time;
        let start = self.suites.values().map(|suite| suite.start).min();
        report.timestamp = start.and_then(|start| with_millis(start).parse().ok());
        let suites = std::mem::take(&mut self.suites);
        report.add_test_suites(suites.into_values().map(Suite::into_xml));
        report.serialize(&mut self.out).map_err(io::Error::other)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
