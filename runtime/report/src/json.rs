//! One event a line, for machines. `docs/reference/events.md` is its description, and a test compares the two.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use stepwell_contract::{Event, EventKind, RunName, StepName, TaskName};

use crate::Reporter;
use crate::clean::is_obeyed;
use crate::time::with_millis;

/// Events as JSON, one a line.
pub struct Json<W> {
    out: W,
}

impl<W: Write> Json<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

/// An event as it is written: what every event has, then its own.
#[derive(Serialize)]
struct Line<'a> {
    at: String,
    run: &'a RunName,
    task: Option<&'a TaskName>,
    step: Option<&'a StepName>,
    attempt: Option<u32>,
    #[serde(flatten)]
    kind: &'a EventKind,
}

impl<W: Write> Reporter for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let line = Line {
            at: with_millis(event.at),
            run: &event.run,
            task: event.task.as_ref(),
            step: event.step.as_ref(),
            // A run is not tried again; its tasks are.
            attempt: event.task.as_ref().map(|_| event.attempt),
            kind: &event.kind,
        };
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.out, Visible);
        line.serialize(&mut serializer)?;
        self.out.write_all(b"\n")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Compact JSON in which a character that a terminal might obey is written as `\uXXXX`. JSON itself only asks for that
/// below U+0020; the value is the same.
pub(crate) struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        // Nearly all text is this, and that is quickly seen.
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return CompactFormatter.write_string_fragment(out, text);
        }
        let mut kept = 0;
        for (index, c) in text.char_indices() {
            if is_obeyed(c) {
                CompactFormatter.write_string_fragment(out, &text[kept..index])?;
                write!(out, "\\u{:04x}", u32::from(c))?;
                kept = index + c.len_utf8();
            }
        }
        CompactFormatter.write_string_fragment(out, &text[kept..])
    }
}

#[cfg(test)]
mod tests;
