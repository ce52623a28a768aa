//! The report for a person: what happens as it happens, and in the end what came of it and where the time went.
//!
//! A Task that runs by itself is told step by step (`lone`), a pipeline task by task (`many`). What a screen is, is known
//! by `live` and `plain`.

mod lone;
mod many;
mod outcome;

use std::borrow::Cow;
use std::io::{self, Write};

use stepwell_contract::{Event, EventKind, LogStream, TerminationReason};

use crate::Reporter;
use crate::clean::{clean, shorten};
use crate::live::Live;
use crate::plain::Plain;
use crate::style::{Ink, Style};
use lone::Lone;
use many::Many;

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
    fn log(&mut self, label: &str, prefix: &str, text: &str, partial: bool) -> io::Result<()>;
    /// What stands before a step's lines, when the longest label has `width` characters.
    fn prefix(&self, label: &str, width: usize) -> String;
    /// Whether it shows what runs, so that nobody has to be told that it begins.
    fn is_live(&self) -> bool;
    /// Something runs from now on: a step, or a task of a pipeline.
    fn begin(&mut self, name: &str);
    /// What runs said how far it is.
    fn progress(&mut self, name: &str, text: &str);
    /// It no longer runs.
    fn end(&mut self, name: &str);
    /// How far the whole is.
    fn state(&mut self, text: &str);
    /// Nothing follows for a while.
    fn flush(&mut self) -> io::Result<()>;
    /// Nothing follows.
    fn finish(&mut self) -> io::Result<()>;
}

/// A screen, and how to write on it.
pub(crate) struct Page {
    screen: Box<dyn Screen>,
    style: Style,
    options: HumanOptions,
}

impl Page {
    fn line(&mut self, text: &str) -> io::Result<()> {
        self.screen.line(text)
    }

    /// A line that a step printed, or a part of one.
    fn log(
        &mut self,
        label: &str,
        width: usize,
        stream: LogStream,
        line: &str,
        partial: bool,
    ) -> io::Result<()> {
        let ink = match stream {
            LogStream::Stdout => Ink::Dim,
            LogStream::Stderr => Ink::Warn,
        };
        let prefix = self.screen.prefix(label, width);
        let prefix = self.style.paint(ink, prefix);
        let text = match self.options.terminal {
            true => clean(line),
            false => Cow::Borrowed(line),
        };
        self.screen.log(label, &prefix, &text, partial)
    }

    /// That output was dropped, if any was.
    fn dropped(&mut self, label: &str, bytes: u64) -> io::Result<()> {
        if bytes == 0 || self.options.quiet {
            return Ok(());
        }
        let text =
            format!("  {bytes} bytes of output are not shown: {label} reached its limit `output`");
        self.line(&self.style.paint(Ink::Warn, text))
    }

    /// Something that a user should know; `about` is a task or nothing.
    fn notice(&mut self, about: &str, message: &str) -> io::Result<()> {
        if self.options.quiet {
            return Ok(());
        }
        let about = match about {
            "" => String::new(),
            task => format!("{}: ", clean(task)),
        };
        let text = format!("note: {about}{}", shorten(message, WIDTH));
        self.line(&self.style.paint(Ink::Warn, text))
    }
}

/// The report for a person.
pub struct Human {
    page: Page,
    run: Kind,
}

/// What runs. It is a Task by itself until a pipeline begins.
enum Kind {
    Lone(Box<Lone>),
    Many(Box<Many>),
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
        Self::on(Box::new(Live::on_stdout(options.colour)), options)
    }

    fn on(screen: Box<dyn Screen>, options: HumanOptions) -> Self {
        let style = Style {
            colour: options.colour,
        };
        Self {
            page: Page {
                screen,
                style,
                options,
            },
            run: Kind::Lone(Box::default()),
        }
    }
}

/// Whether a step that ended like this is what made the task fail.
pub(crate) fn is_failure(reason: TerminationReason) -> bool {
    match reason {
        TerminationReason::Completed
        | TerminationReason::Continued
        | TerminationReason::Skipped => false,
        TerminationReason::Error
        | TerminationReason::OomKilled
        | TerminationReason::TimeoutExceeded
        | TerminationReason::Cancelled => true,
    }
}

/// How far a step says it is.
fn progress(done: u64, total: Option<u64>, message: &str) -> String {
    let total = total
        .map(|total| format!(" of {total}"))
        .unwrap_or_default();
    let message = shorten(message, WIDTH);
    format!("{done}{total} {message}").trim_end().to_owned()
}

impl Reporter for Human {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let (EventKind::PipelineStart { .. }, None) = (&event.kind, &event.task) {
            self.run = Kind::Many(Box::default());
        }
        match &mut self.run {
            Kind::Lone(lone) => lone.event(&mut self.page, event),
            Kind::Many(many) => many.event(&mut self.page, event),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.page.screen.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        match &mut self.run {
            Kind::Lone(lone) => lone.finish(&mut self.page)?,
            Kind::Many(many) => many.finish(&mut self.page)?,
        }
        self.page.screen.finish()
    }
}

#[cfg(test)]
mod tests;
