//! A Task that runs by itself: each step's lines, what became of each step, and in the end all of them with their times.

use std::collections::HashMap;
use std::io;

use stepwell_contract::{Ending, Event, EventKind, StepName, TerminationReason};

use super::{Page, WIDTH, is_failure, progress};
use crate::clean::shorten;
use crate::label::sidecar_label;
use crate::style::Ink;
use crate::summary::Summary;
use crate::tail::Tail;
use crate::time::for_people;

/// What is known of it so far.
#[derive(Default)]
pub(super) struct Lone {
    summary: Summary,
    /// The longest step name.
    width: usize,
    /// In quiet mode, the last lines of each step that runs.
    pub(super) tails: HashMap<StepName, Tail>,
    /// The same, of all sidecars together.
    beside: Tail,
}

impl Lone {
    pub(super) fn event(&mut self, page: &mut Page, event: &Event) -> io::Result<()> {
        self.summary.note(event);
        match (&event.kind, &event.step) {
            (EventKind::TaskStart { steps, .. }, _) => {
                self.width = steps
                    .iter()
                    .map(|step| step.as_str().chars().count())
                    .max()
                    .unwrap_or(0);
                if page.options.quiet {
                    return Ok(());
                }
                let name = event.task.as_ref().map_or("", |task| task.as_str());
                let count = match steps.len() {
                    1 => "1 step".to_owned(),
                    count => format!("{count} steps"),
                };
                let again = match event.attempt {
                    0 => String::new(),
                    attempt => format!(", try {}", attempt.saturating_add(1)),
                };
                let name = page.style.paint(Ink::Strong, name);
                let count = page.style.paint(Ink::Dim, format!(": {count}{again}"));
                page.line(&format!("{name}{count}"))
            }
            (EventKind::StepStart { .. }, Some(step)) => {
                page.screen.begin(step.as_str());
                Ok(())
            }
            (
                EventKind::StepLog {
                    stream,
                    line,
                    partial,
                },
                Some(step),
            ) => {
                if page.options.quiet {
                    let tail = self.tails.entry(step.clone()).or_default();
                    tail.push(&format!("[{step}] "), line, *partial);
                    return Ok(());
                }
                page.log(step.as_str(), self.width, *stream, line, *partial)
            }
            (
                EventKind::StepProgress {
                    done,
                    total,
                    message,
                },
                Some(step),
            ) => {
                let text = progress(*done, *total, message);
                page.screen.progress(step.as_str(), &text);
                Ok(())
            }
            (
                EventKind::StepEnd {
                    termination_reason: reason,
                    ending,
                    duration_ms,
                    dropped_bytes,
                    cached,
                    ..
                },
                Some(step),
            ) => {
                page.screen.end(step.as_str());
                let ended = (*reason, ending.as_ref(), *cached);
                self.step_end(page, step, ended, *duration_ms)?;
                page.dropped(step.as_str(), *dropped_bytes)
            }
            (EventKind::TaskEnd { retried: true, .. }, _) if !page.options.quiet => {
                let text = "  the task failed, and is tried again";
                page.line(&page.style.paint(Ink::Warn, text))
            }
            (EventKind::Notice { message }, _) => page.notice("", message),
            (
                EventKind::SidecarLog {
                    sidecar,
                    stream,
                    line,
                    partial,
                },
                _,
            ) => {
                let name = sidecar_label("", sidecar);
                if page.options.quiet {
                    self.beside.push(&format!("[{name}] "), line, *partial);
                    return Ok(());
                }
                page.log(&name, self.width, *stream, line, *partial)
            }
            (
                EventKind::SidecarEnd {
                    sidecar,
                    exit_code,
                    stopped,
                    dropped_bytes,
                    ..
                },
                _,
            ) => {
                let name = sidecar_label("", sidecar);
                page.dropped(&name, *dropped_bytes)?;
                self.sidecar_end(page, &name, *exit_code, *stopped)
            }
            _ => Ok(()),
        }
    }

    fn step_end(
        &mut self,
        page: &mut Page,
        step: &StepName,
        (reason, ending, cached): (TerminationReason, Option<&Ending>, bool),
        duration_ms: u64,
    ) -> io::Result<()> {
        let tail = self.tails.remove(step).unwrap_or_default();
        if page.options.quiet {
            if is_failure(reason) {
                for line in tail.iter() {
                    page.line(line)?;
                }
            }
            return Ok(());
        }
        let (mark, ink, word) = match reason {
            TerminationReason::Completed => ("✓", Ink::Good, String::new()),
            TerminationReason::Continued => {
                let how = ending.map(Ending::summary).unwrap_or_default();
                let how = shorten(&how, WIDTH);
                ("!", Ink::Warn, format!(" {how}, and the task goes on"))
            }
            TerminationReason::Skipped => ("-", Ink::Dim, " skipped".to_owned()),
            TerminationReason::Cancelled => ("✗", Ink::Bad, " cancelled".to_owned()),
            TerminationReason::TimeoutExceeded => ("✗", Ink::Bad, " timed out".to_owned()),
            TerminationReason::Error | TerminationReason::OomKilled => {
                ("✗", Ink::Bad, " failed".to_owned())
            }
        };
        let mut text = format!("{} {step}{word}", page.style.paint(ink, mark));
        if cached {
            text += " from the cache";
        }
        if reason != TerminationReason::Skipped {
            let time = format!(" {}", for_people(duration_ms));
            text += &page.style.paint(Ink::Dim, time);
        }
        page.line(&text)
    }

    /// What a sidecar that failed by itself said last; one that was stopped has nothing to tell.
    fn sidecar_end(
        &mut self,
        page: &mut Page,
        name: &str,
        exit_code: i32,
        stopped: bool,
    ) -> io::Result<()> {
        if stopped || exit_code == 0 {
            return Ok(());
        }
        if page.options.quiet {
            for line in std::mem::take(&mut self.beside).iter() {
                page.line(line)?;
            }
            return Ok(());
        }
        let mark = page.style.paint(Ink::Bad, "✗");
        page.line(&format!("{mark} {name} ended with code {exit_code}"))
    }

    pub(super) fn finish(&self, page: &mut Page) -> io::Result<()> {
        for line in self.summary.lines(page.style, page.options.quiet) {
            page.line(&line)?;
        }
        Ok(())
    }
}
