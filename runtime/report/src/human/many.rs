//! A pipeline: what each task's steps print, and what became of each task.

use std::collections::HashMap;
use std::io;

use stepwell_contract::event::{SkipReason, Verdict};
use stepwell_contract::{Ending, Event, EventKind, TerminationReason};

use super::outcome::{Failure, Outcome};
use super::{Page, WIDTH, is_failure, progress};
use crate::clean::{clean, shorten};
use crate::failure::explain;
use crate::label::{label, sidecar_label};
use crate::style::Ink;
use crate::tail::Tail;
use crate::time::for_people;

/// How wide the labels before lines are made at most, so that one long name does not push all text to the right.
const WIDEST: usize = 24;

/// What is known of a pipeline and those in it. Of a task that has ended only what the end will tell is kept.
#[derive(Default)]
pub(super) struct Many {
    /// How many tasks are known to be in it; a matrix may make more of one.
    tasks: usize,
    counts: Counts,
    /// What runs, by what events call it.
    open: HashMap<String, Open>,
    /// The longest label.
    width: usize,
    outcome: Outcome,
}

#[derive(Default)]
struct Counts {
    done: usize,
    failed: usize,
    skipped: usize,
}

#[derive(Default)]
struct Open {
    many_steps: bool,
    tail: Tail,
    /// Why a step failed.
    why: Vec<String>,
}

impl Many {
    pub(super) fn event(&mut self, page: &mut Page, event: &Event) -> io::Result<()> {
        let key = event.task.as_ref().map_or("", |task| task.as_str());
        self.outcome.note(event);
        if event.step.is_some() {
            return self.step(page, key, event);
        }
        match &event.kind {
            EventKind::PipelineStart {
                pipeline,
                pipeline_spec,
                ..
            } => {
                let size = ["tasks", "finally"]
                    .into_iter()
                    .filter_map(|section| pipeline_spec.get(section)?.as_array())
                    .map(Vec::len)
                    .sum::<usize>();
                // A nested pipeline is a task of the one around it, and brings its own.
                self.tasks = (self.tasks + size).saturating_sub(usize::from(!key.is_empty()));
                let count = match size {
                    1 => "1 task".to_owned(),
                    size => format!("{size} tasks"),
                };
                let pipeline = clean(pipeline);
                match key {
                    "" => {
                        self.outcome.begin(event.run.clone());
                        let name = page.style.paint(Ink::Strong, pipeline);
                        let count = page.style.paint(Ink::Dim, format!(": {count}"));
                        say(page, &format!("{name}{count}"))
                    }
                    key => {
                        let what = format!(": pipeline {pipeline}, {count}");
                        began(page, key, &what)
                    }
                }
            }
            EventKind::FinallyStart {} => {
                let text = match key {
                    "" => "finally".to_owned(),
                    key => format!("{}: finally", clean(key)),
                };
                say(page, &page.style.paint(Ink::Dim, text))
            }
            EventKind::PipelineEnd {
                verdict,
                duration_ms,
            } if !key.is_empty() => ended(page, key, verdict, *duration_ms),
            EventKind::TaskStart {
                steps,
                display_name,
                ..
            } => {
                let open = Open {
                    many_steps: steps.len() > 1,
                    ..Open::default()
                };
                let widest = steps
                    .iter()
                    .map(|step| {
                        label(true, key, step.as_str(), open.many_steps)
                            .chars()
                            .count()
                    })
                    .max();
                self.width = self.width.max(widest.unwrap_or(0).min(WIDEST));
                self.open.insert(key.to_owned(), open);
                page.screen.begin(&clean(key));
                self.show_state(page);
                let mut what = display_name
                    .as_ref()
                    .map(|name| format!(": {}", shorten(name, WIDTH)))
                    .unwrap_or_default();
                if event.attempt > 0 {
                    what += &format!(", try {}", event.attempt.saturating_add(1));
                }
                match page.screen.is_live() {
                    true => {
                        let what = what.trim_start_matches([':', ',', ' ']);
                        page.screen.progress(&clean(key), what);
                        Ok(())
                    }
                    false => began(page, key, &what),
                }
            }
            EventKind::TaskEnd {
                verdict,
                retried,
                duration_ms,
            } => self.task_end(page, key, verdict, *retried, *duration_ms),
            EventKind::TaskSkip { reason, .. } => {
                self.counts.skipped += 1;
                self.show_state(page);
                self.outcome.skip(*reason, key);
                // When a run stops, all that has not begun is skipped at once: the end says how many.
                match is_its_own(*reason) {
                    true => {
                        let mark = page.style.paint(Ink::Dim, "-");
                        let text = format!("{mark} {} skipped: {}", clean(key), reason.as_str());
                        say(page, &text)
                    }
                    false => Ok(()),
                }
            }
            EventKind::Result { name, value, .. } if event.task.is_none() => {
                self.outcome.result(name, value);
                Ok(())
            }
            EventKind::RunEnd {
                verdict,
                duration_ms,
            } => {
                self.outcome.end(verdict, *duration_ms);
                Ok(())
            }
            EventKind::Notice { message } => page.notice(key, message),
            EventKind::SidecarLog {
                sidecar,
                stream,
                line,
                partial,
            } => {
                let label = sidecar_label(key, sidecar);
                if let Some(open) = self.open.get_mut(key) {
                    let before = format!("sidecar-{}: ", clean(sidecar.as_str()));
                    open.tail.push(&before, line, *partial);
                }
                match page.options.quiet {
                    true => Ok(()),
                    false => page.log(&clean(&label), self.width, *stream, line, *partial),
                }
            }
            EventKind::SidecarEnd {
                sidecar,
                dropped_bytes,
                ..
            } => page.dropped(&clean(&sidecar_label(key, sidecar)), *dropped_bytes),
            _ => Ok(()),
        }
    }

    /// An event of a step.
    fn step(&mut self, page: &mut Page, key: &str, event: &Event) -> io::Result<()> {
        let (Some(open), Some(step)) = (self.open.get_mut(key), &event.step) else {
            return Ok(());
        };
        let label = label(true, key, step.as_str(), open.many_steps);
        let label = clean(&label);
        match &event.kind {
            EventKind::StepStart { .. } if open.many_steps => {
                page.screen.progress(&clean(key), &clean(step.as_str()));
                Ok(())
            }
            EventKind::StepLog {
                stream,
                line,
                partial,
            } => {
                let before = match open.many_steps {
                    true => format!("{}: ", clean(step.as_str())),
                    false => String::new(),
                };
                open.tail.push(&before, line, *partial);
                match page.options.quiet {
                    true => Ok(()),
                    false => page.log(&label, self.width, *stream, line, *partial),
                }
            }
            EventKind::StepProgress {
                done,
                total,
                message,
            } => {
                let mut text = progress(*done, *total, message);
                if open.many_steps {
                    text = format!("{}: {text}", clean(step.as_str()));
                }
                page.screen.progress(&clean(key), &text);
                Ok(())
            }
            EventKind::StepEnd {
                termination_reason: reason,
                ending,
                dropped_bytes,
                ..
            } => {
                if is_failure(*reason) {
                    open.why = explain(step.as_str(), *reason, ending.as_ref());
                }
                page.dropped(&label, *dropped_bytes)?;
                if *reason == TerminationReason::Continued {
                    let how = ending.as_ref().map(Ending::summary).unwrap_or_default();
                    let how = shorten(&how, WIDTH);
                    let mark = page.style.paint(Ink::Warn, "!");
                    return say(page, &format!("{mark} {label} {how}, and the task goes on"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn task_end(
        &mut self,
        page: &mut Page,
        key: &str,
        verdict: &Verdict,
        retried: bool,
        duration_ms: u64,
    ) -> io::Result<()> {
        let open = self.open.remove(key).unwrap_or_default();
        page.screen.end(&clean(key));
        if retried {
            self.show_state(page);
            let mark = page.style.paint(Ink::Warn, "!");
            let why = shorten(&verdict.message, WIDTH);
            let text = format!("{mark} {} is tried again: {why}", clean(key));
            return say(page, &text);
        }
        match verdict.succeeded || is_ignored(verdict) {
            true => self.counts.done += 1,
            false => self.counts.failed += 1,
        }
        self.show_state(page);
        self.outcome.task(key, duration_ms);
        if !verdict.succeeded && !is_ignored(verdict) {
            self.outcome.fail(|| Failure {
                task: clean(key).into_owned(),
                message: shorten(&verdict.message, WIDTH),
                why: open.why,
                tail: open.tail,
            });
        }
        ended(page, key, verdict, duration_ms)
    }

    fn show_state(&self, page: &mut Page) {
        let Counts {
            done,
            failed,
            skipped,
        } = self.counts;
        let running = self.open.len();
        let waiting = self.tasks.saturating_sub(done + failed + skipped + running);
        let parts = [
            (running, "running"),
            (done, "done"),
            (failed, "failed"),
            (skipped, "skipped"),
            (waiting, "waiting"),
        ];
        let mut text = String::new();
        for (count, word) in parts {
            if count > 0 || word == "running" {
                let dot = if text.is_empty() { "" } else { " · " };
                text += &format!("{dot}{count} {word}");
            }
        }
        page.screen.state(&text);
    }

    pub(super) fn finish(&mut self, page: &mut Page) -> io::Result<()> {
        for line in self.outcome.lines(page.style, page.options.quiet) {
            page.line(&line)?;
        }
        Ok(())
    }
}

/// A line that quiet mode leaves out.
fn say(page: &mut Page, text: &str) -> io::Result<()> {
    match page.options.quiet {
        true => Ok(()),
        false => page.line(text),
    }
}

/// That something began; `what` is said of it.
fn began(page: &mut Page, key: &str, what: &str) -> io::Result<()> {
    let mark = page.style.paint(Ink::Dim, "▸");
    let what = page.style.paint(Ink::Dim, what);
    say(page, &format!("{mark} {}{what}", clean(key)))
}

/// That something ended, and how.
fn ended(page: &mut Page, key: &str, verdict: &Verdict, duration_ms: u64) -> io::Result<()> {
    let time = for_people(duration_ms);
    let why = || shorten(&verdict.message, WIDTH);
    let (mark, ink, how) = match verdict.succeeded {
        true => ("✓", Ink::Good, page.style.paint(Ink::Dim, time)),
        false if is_ignored(verdict) => {
            let how = format!("failed after {time}, and the pipeline goes on: {}", why());
            ("!", Ink::Warn, how)
        }
        false => ("✗", Ink::Bad, format!("failed after {time}: {}", why())),
    };
    let mark = page.style.paint(ink, mark);
    say(page, &format!("{mark} {} {how}", clean(key)))
}

/// Whether the pipeline task says `onError: continue`.
fn is_ignored(verdict: &Verdict) -> bool {
    verdict.reason == "FailureIgnored"
}

/// Whether a task is skipped for a reason of its own, and not because the whole run stops.
fn is_its_own(reason: SkipReason) -> bool {
    match reason {
        SkipReason::When
        | SkipReason::ParentSkipped
        | SkipReason::ResultsMissing
        | SkipReason::EmptyMatrix => true,
        SkipReason::Stopping
        | SkipReason::GracefullyCancelled
        | SkipReason::GracefullyStopped
        | SkipReason::PipelineTimeout
        | SkipReason::TasksTimeout
        | SkipReason::FinallyTimeout => false,
    }
}
