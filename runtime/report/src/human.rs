//! The report for a person: what happens as it happens, and in the end what came of it and where the time went.
//!
//! Knows the order of things; what a screen is, is known by `live` and `plain`, and what the end says by `summary`.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};

use indicatif::ProgressDrawTarget;
use stepwell_contract::{Ending, Event, EventKind, LogStream, StepName, TerminationReason};

use crate::Reporter;
use crate::clean::{clean, shorten};
use crate::live::Live;
use crate::plain::Plain;
use crate::style::{Ink, Style};
use crate::summary::Summary;
use crate::time::for_people;

/// How many of a step's last lines are shown when it fails in quiet mode.
const TAIL_LINES: usize = 20;

/// What is kept of a line where we keep it, in characters: a step may print a line of a gigabyte.
const WIDTH: usize = 500;

/// How a person wants it.
#[derive(Debug, Clone, Copy, Default)]
pub struct HumanOptions {
    /// Whether to use colour.
    pub colour: bool,
    /// Whether what guests print ends on a terminal, so that what a terminal would obey has to be made harmless.
    pub terminal: bool,
    /// Whether to show failures and the last line only.
    pub quiet: bool,
}

/// Where lines go.
pub(crate) trait Screen: Send {
    /// Shows a line of our own.
    fn line(&mut self, text: &str) -> io::Result<()>;
    /// Shows a line of a step's, or a part of one.
    fn log(&mut self, step: &str, prefix: &str, text: &str, partial: bool) -> io::Result<()>;
    /// What stands before a step's lines, when the longest step name has `width` characters.
    fn prefix(&self, step: &str, width: usize) -> String;
    /// A step runs from now on.
    fn begin(&mut self, step: &str);
    /// A running step said how far it is.
    fn progress(&mut self, step: &str, text: &str);
    /// A step no longer runs.
    fn end(&mut self, step: &str);
    /// Nothing follows.
    fn finish(&mut self) -> io::Result<()>;
}

/// The report for a person.
pub struct Human {
    screen: Box<dyn Screen>,
    style: Style,
    options: HumanOptions,
    summary: Summary,
    /// The longest step name.
    width: usize,
    /// In quiet mode, the last lines of each step that runs.
    tails: HashMap<StepName, VecDeque<String>>,
}

impl Human {
    /// Plain lines, for a pipe or a file.
    pub fn plain(out: impl Write + Send + 'static, options: HumanOptions) -> Self {
        Self::on(Box::new(Plain::new(Box::new(out))), options)
    }

    /// Live lines on the terminal that standard output is. Quiet mode has nothing live.
    pub fn live(options: HumanOptions) -> Self {
        if options.quiet {
            return Self::plain(io::stdout(), options);
        }
        let target = ProgressDrawTarget::stdout();
        Self::on(Box::new(Live::new(target, options.colour)), options)
    }

    fn on(screen: Box<dyn Screen>, options: HumanOptions) -> Self {
        Self {
            screen,
            style: Style {
                colour: options.colour,
            },
            options,
            summary: Summary::default(),
            width: 0,
            tails: HashMap::new(),
        }
    }

    fn log(
        &mut self,
        step: &StepName,
        stream: LogStream,
        line: &str,
        partial: bool,
    ) -> io::Result<()> {
        if self.options.quiet {
            let tail = self.tails.entry(step.clone()).or_default();
            if tail.len() == TAIL_LINES {
                tail.pop_front();
            }
            tail.push_back(shorten(line, WIDTH));
            return Ok(());
        }
        let ink = match stream {
            LogStream::Stdout => Ink::Dim,
            LogStream::Stderr => Ink::Warn,
        };
        let prefix = self.screen.prefix(step.as_str(), self.width);
        let prefix = self.style.paint(ink, prefix);
        let text = match self.options.terminal {
            true => clean(line),
            false => Cow::Borrowed(line),
        };
        self.screen.log(step.as_str(), &prefix, &text, partial)
    }

    fn step_end(
        &mut self,
        step: &StepName,
        reason: TerminationReason,
        ending: Option<&Ending>,
        duration_ms: u64,
        dropped_bytes: u64,
    ) -> io::Result<()> {
        self.screen.end(step.as_str());
        let tail = self.tails.remove(step).unwrap_or_default();
        if self.options.quiet {
            if is_failure(reason) {
                for line in tail {
                    self.screen.line(&format!("[{step}] {line}"))?;
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
            TerminationReason::Error => ("✗", Ink::Bad, " failed".to_owned()),
        };
        let mut text = format!("{} {step}{word}", self.style.paint(ink, mark));
        if reason != TerminationReason::Skipped {
            let time = format!(" {}", for_people(duration_ms));
            text += &self.style.paint(Ink::Dim, time);
        }
        self.screen.line(&text)?;
        if dropped_bytes > 0 {
            let text = format!(
                "  {dropped_bytes} bytes of output are not shown: {step} reached its limit `output`"
            );
            self.screen.line(&self.style.paint(Ink::Warn, text))?;
        }
        Ok(())
    }
}

/// Whether a step that ended like this is what made the task fail.
pub(crate) fn is_failure(reason: TerminationReason) -> bool {
    match reason {
        TerminationReason::Completed
        | TerminationReason::Continued
        | TerminationReason::Skipped => false,
        TerminationReason::Error
        | TerminationReason::TimeoutExceeded
        | TerminationReason::Cancelled => true,
    }
}

impl Reporter for Human {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.summary.note(event);
        match (&event.kind, &event.step) {
            (EventKind::TaskStart { steps, .. }, _) => {
                self.width = steps
                    .iter()
                    .map(|step| step.as_str().chars().count())
                    .max()
                    .unwrap_or(0);
                if self.options.quiet {
                    return Ok(());
                }
                let name = event.task.as_ref().map_or("", |task| task.as_str());
                let count = match steps.len() {
                    1 => "1 step".to_owned(),
                    count => format!("{count} steps"),
                };
                let name = self.style.paint(Ink::Strong, name);
                let count = self.style.paint(Ink::Dim, format!(": {count}"));
                self.screen.line(&format!("{name}{count}"))
            }
            (EventKind::StepStart { .. }, Some(step)) => {
                self.screen.begin(step.as_str());
                Ok(())
            }
            (
                EventKind::StepLog {
                    stream,
                    line,
                    partial,
                },
                Some(step),
            ) => self.log(step, *stream, line, *partial),
            (
                EventKind::StepProgress {
                    done,
                    total,
                    message,
                },
                Some(step),
            ) => {
                let total = total
                    .map(|total| format!(" of {total}"))
                    .unwrap_or_default();
                let message = shorten(message, WIDTH);
                self.screen
                    .progress(step.as_str(), format!("{done}{total} {message}").trim_end());
                Ok(())
            }
            (
                EventKind::StepEnd {
                    termination_reason: reason,
                    ending,
                    duration_ms,
                    dropped_bytes,
                    ..
                },
                Some(step),
            ) => self.step_end(step, *reason, ending.as_ref(), *duration_ms, *dropped_bytes),
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        for line in self.summary.lines(self.style, self.options.quiet) {
            self.screen.line(&line)?;
        }
        self.screen.finish()
    }
}

#[cfg(test)]
mod tests;
