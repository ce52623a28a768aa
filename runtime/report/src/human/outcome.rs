//! What is said at the end of a pipeline: what failed and why, what was skipped, the results, what took longest.
//!
//! However many tasks there are, it is short: a few of each kind, and how many more there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepwell_contract::event::{SkipReason, Verdict};
use stepwell_contract::{Event, ParamValue, RunName};

use crate::clean::{clean, shorten};
use crate::saved::Saved;
use crate::style::{Ink, Style};
use crate::summary::{shown, widest};
use crate::tail::Tail;
use crate::time::for_people;

/// How many tasks that failed are told of. The first ones are the cause of the others more often than not.
const FAILURES: usize = 10;

/// How many results are shown.
const RESULTS: usize = 100;

/// How many of the tasks that were skipped for one reason are named.
const NAMED: usize = 5;

/// How many of the slowest tasks are shown.
const SLOWEST: usize = 5;

/// A task that failed.
pub(super) struct Failure {
    pub(super) task: String,
    pub(super) message: String,
    /// Why a step failed.
    pub(super) why: Vec<String>,
    /// What the task printed last.
    pub(super) tail: Tail,
}

/// What a pipeline came to.
#[derive(Default)]
pub(super) struct Outcome {
    run: Option<RunName>,
    failures: Vec<Failure>,
    more_failures: usize,
    skipped: BTreeMap<&'static str, (usize, Vec<String>)>,
    results: Vec<(String, String)>,
    more_results: usize,
    /// The slowest first.
    slowest: Vec<(u64, String)>,
    end: Option<(Verdict, u64)>,
    saved: Saved,
}

impl Outcome {
    /// Takes what the cache did.
    pub(super) fn note(&mut self, event: &Event) {
        self.saved.note(event);
    }

    pub(super) fn begin(&mut self, run: RunName) {
        self.run = Some(run);
    }

    pub(super) fn fail(&mut self, failure: impl FnOnce() -> Failure) {
        match self.failures.len() < FAILURES {
            true => self.failures.push(failure()),
            false => self.more_failures += 1,
        }
    }

    pub(super) fn skip(&mut self, reason: SkipReason, task: &str) {
        let (count, named) = self.skipped.entry(reason.as_str()).or_default();
        *count += 1;
        if named.len() < NAMED {
            named.push(clean(task).into_owned());
        }
    }

    pub(super) fn result(&mut self, name: &Arc<str>, value: &ParamValue) {
        match self.results.len() < RESULTS {
            true => self.results.push((clean(name).into_owned(), shown(value))),
            false => self.more_results += 1,
        }
    }

    pub(super) fn task(&mut self, task: &str, millis: u64) {
        let place = self.slowest.partition_point(|(other, _)| *other >= millis);
        if place < SLOWEST {
            self.slowest
                .insert(place, (millis, clean(task).into_owned()));
            self.slowest.truncate(SLOWEST);
        }
    }

    pub(super) fn end(&mut self, verdict: &Verdict, millis: u64) {
        self.end = Some((verdict.clone(), millis));
    }

    /// The lines that end the report.
    pub(super) fn lines(&self, style: Style, quiet: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for failure in &self.failures {
            if !quiet {
                lines.push(String::new());
            }
            let Failure { task, message, .. } = failure;
            lines.push(style.paint(Ink::Bad, format!("✗ {task}: {message}")));
            lines.extend(failure.why.iter().map(|line| format!("  {line}")));
            let bar = style.paint(Ink::Dim, "│");
            let tail = failure.tail.iter();
            lines.extend(tail.map(|line| format!("  {bar} {line}").trim_end().to_owned()));
        }
        if self.more_failures > 0 {
            let text = format!("✗ … and {} more tasks failed", self.more_failures);
            lines.push(style.paint(Ink::Bad, text));
        }
        if !quiet {
            self.what_was_skipped(style, &mut lines);
            self.what_it_gave(style, &mut lines);
            self.what_took_longest(style, &mut lines);
            lines.push(String::new());
            lines.extend(self.saved.line().map(|line| style.paint(Ink::Dim, line)));
        }
        lines.extend(self.last_line(style));
        lines
    }

    fn what_was_skipped(&self, style: Style, lines: &mut Vec<String>) {
        if self.skipped.is_empty() {
            return;
        }
        lines.extend([String::new(), style.paint(Ink::Strong, "Skipped")]);
        let counts: Vec<_> = self
            .skipped
            .values()
            .map(|(count, _)| count.to_string())
            .collect();
        let width = widest(counts.iter().map(String::as_str));
        for ((reason, (count, named)), shown) in self.skipped.iter().zip(&counts) {
            let more = match count - named.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let names = style.paint(Ink::Dim, format!(": {}{more}", named.join(", ")));
            lines.push(format!("  {shown:>width$}  {reason}{names}"));
        }
    }

    fn what_it_gave(&self, style: Style, lines: &mut Vec<String>) {
        if self.results.is_empty() {
            return;
        }
        lines.extend([String::new(), style.paint(Ink::Strong, "Results")]);
        let width = widest(self.results.iter().map(|(name, _)| &**name));
        for (name, value) in &self.results {
            lines.push(format!("  {name:width$}  {value}").trim_end().to_owned());
        }
        if self.more_results > 0 {
            lines.push(format!("  … and {} more", self.more_results));
        }
    }

    fn what_took_longest(&self, style: Style, lines: &mut Vec<String>) {
        if self.slowest.len() < 2 {
            return;
        }
        lines.extend([String::new(), style.paint(Ink::Strong, "Slowest")]);
        let width = widest(self.slowest.iter().map(|(_, task)| &**task));
        for (millis, task) in &self.slowest {
            lines.push(format!("  {task:width$}  {:>12}", for_people(*millis)));
        }
    }

    fn last_line(&self, style: Style) -> Option<String> {
        let (verdict, millis) = self.end.as_ref()?;
        let run = self.run.as_ref().map_or("run", |run| run.as_str());
        let run = clean(run);
        let time = for_people(*millis);
        let message = shorten(&verdict.message, super::WIDTH);
        Some(match verdict.succeeded {
            true => format!(
                "{} {run} succeeded in {time}: {message}",
                style.paint(Ink::Good, "✓")
            ),
            false => format!(
                "{} {run} failed after {time}: {message}",
                style.paint(Ink::Bad, "✗")
            ),
        })
    }
}
