//! What is said at the end of a Task that ran by itself: what failed and why, the results, and where the time went.
//!
//! Collects from events; writes nothing itself.

use std::sync::Arc;

use stepwell_contract::event::Verdict;
use stepwell_contract::{Event, EventKind, ParamValue, RunName, StepName, TerminationReason};

use crate::clean::{clean, shorten};
use crate::failure::explain;
use crate::human::is_failure;
use crate::saved::Saved;
use crate::style::{Ink, Style};
use crate::time::for_people;

/// What is shown of a result, in characters.
const VALUE_WIDTH: usize = 60;

/// What a run came to.
#[derive(Default)]
pub(crate) struct Summary {
    run: Option<RunName>,
    /// In order; a task that was tried again adds its steps again.
    steps: Vec<(StepName, TerminationReason, u64)>,
    /// How often the task was tried.
    tries: usize,
    /// What failed, and in how many tries.
    failures: Vec<(Vec<String>, usize)>,
    results: Vec<(Arc<str>, String)>,
    end: Option<(Verdict, u64)>,
    saved: Saved,
}

impl Summary {
    /// Takes what matters of an event.
    pub(crate) fn note(&mut self, event: &Event) {
        self.saved.note(event);
        match (&event.kind, &event.step) {
            (EventKind::RunStart { .. }, _) => self.run = Some(event.run.clone()),
            (EventKind::TaskStart { .. }, _) => self.tries += 1,
            (
                EventKind::StepEnd {
                    termination_reason,
                    ending,
                    duration_ms,
                    ..
                },
                Some(step),
            ) => {
                if is_failure(*termination_reason) {
                    let lines = explain(step.as_str(), *termination_reason, ending.as_ref());
                    match self.failures.iter_mut().find(|(told, _)| *told == lines) {
                        Some((_, tries)) => *tries += 1,
                        None => self.failures.push((lines, 1)),
                    }
                }
                self.steps
                    .push((step.clone(), *termination_reason, *duration_ms));
            }
            (EventKind::Result { name, value, .. }, None) => {
                // A retry may write it again; the last one counts.
                self.results.retain(|(known, _)| known != name);
                self.results.push((Arc::clone(name), shown(value)));
            }
            (
                EventKind::RunEnd {
                    verdict,
                    duration_ms,
                },
                _,
            ) => {
                self.end = Some((verdict.clone(), *duration_ms));
            }
            _ => {}
        }
    }

    /// The lines that end the report.
    pub(crate) fn lines(&self, style: Style, quiet: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for (failure, tries) in &self.failures {
            if !quiet {
                lines.push(String::new());
            }
            let often = match (*tries, self.tries) {
                (_, 0 | 1) => String::new(),
                (tries, all) if tries >= all => format!(", in each of {all} tries"),
                (tries, all) => format!(", in {tries} of {all} tries"),
            };
            let mut parts = failure.iter();
            let first = parts.next().map(|line| format!("{line}{often}"));
            lines.extend(first.map(|line| style.paint(Ink::Bad, line)));
            lines.extend(parts.cloned());
        }
        if !quiet {
            self.results(style, &mut lines);
            self.times(style, &mut lines);
            lines.push(String::new());
            lines.extend(self.saved.line().map(|line| style.paint(Ink::Dim, line)));
        }
        lines.extend(self.last_line(style));
        lines
    }

    fn results(&self, style: Style, lines: &mut Vec<String>) {
        if self.results.is_empty() {
            return;
        }
        lines.extend([String::new(), style.paint(Ink::Strong, "Results")]);
        let width = widest(self.results.iter().map(|(name, _)| &**name));
        for (name, value) in &self.results {
            lines.push(format!("  {name:width$}  {value}").trim_end().to_owned());
        }
    }

    fn times(&self, style: Style, lines: &mut Vec<String>) {
        let Some((_, total)) = self.end else {
            return;
        };
        let ran = || {
            self.steps
                .iter()
                .filter(|(_, reason, _)| *reason != TerminationReason::Skipped)
        };
        if ran().next().is_none() {
            return;
        }
        lines.extend([String::new(), style.paint(Ink::Strong, "Time")]);
        let own = "(stepwell)";
        let width = widest(ran().map(|(step, ..)| step.as_str()).chain([own]));
        let mut in_steps = 0_u64;
        let mut row = |name: &str, millis: u64| {
            let share = (millis * 100).checked_div(total).unwrap_or(0).min(100);
            let share = style.paint(Ink::Dim, format!("{share:>3} %"));
            lines.push(format!(
                "  {name:width$}  {:>12}  {share}",
                for_people(millis)
            ));
        };
        for (step, _, millis) in ran() {
            in_steps += millis;
            row(step.as_str(), *millis);
        }
        row(own, total.saturating_sub(in_steps));
    }

    fn last_line(&self, style: Style) -> Option<String> {
        let (verdict, millis) = self.end.as_ref()?;
        let run = self.run.as_ref().map_or("run", |run| run.as_str());
        let time = for_people(*millis);
        Some(match verdict.succeeded {
            true => format!("{} {run} succeeded in {time}", style.paint(Ink::Good, "✓")),
            false => format!(
                "{} {run} failed after {time}: {}",
                style.paint(Ink::Bad, "✗"),
                clean(&verdict.message)
            ),
        })
    }
}

/// How many characters the longest has.
pub(crate) fn widest<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

/// A value on one line.
pub(crate) fn shown(value: &ParamValue) -> String {
    match value {
        // A result file mostly ends in a line end that says nothing.
        ParamValue::String(text) => shorten(text.trim_end(), VALUE_WIDTH),
        ParamValue::Array(items) => shorten(&format!("{items:?}"), VALUE_WIDTH),
        ParamValue::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{key}={value:?}"))
                .collect();
            shorten(&members.join(" "), VALUE_WIDTH)
        }
    }
}
