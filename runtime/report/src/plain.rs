//! One line after the other, each log line with its step before it: for pipes and files.

use std::io::{self, Write};

use crate::human::Screen;

/// Writes lines. A line that comes in parts is put together again on the way out, never in memory.
pub(crate) struct Plain {
    out: Box<dyn Write + Send>,
    /// The prefix of the line that is not finished.
    open: Option<String>,
}

impl Plain {
    pub(crate) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, open: None }
    }

    fn end_open_line(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some(_) => self.out.write_all(b"\n"),
            None => Ok(()),
        }
    }
}

impl Screen for Plain {
    fn line(&mut self, text: &str) -> io::Result<()> {
        self.end_open_line()?;
        writeln!(self.out, "{text}")
    }

    fn log(&mut self, step: &str, prefix: &str, text: &str, partial: bool) -> io::Result<()> {
        if self.open.as_deref() != Some(step) {
            self.end_open_line()?;
            write!(self.out, "{prefix}")?;
        }
        self.out.write_all(text.as_bytes())?;
        if partial {
            self.open = Some(step.to_owned());
            return Ok(());
        }
        self.open = None;
        self.out.write_all(b"\n")
    }

    fn prefix(&self, step: &str, _width: usize) -> String {
        format!("[{step}] ")
    }

    fn is_live(&self) -> bool {
        false
    }

    fn begin(&mut self, _step: &str) {}

    fn progress(&mut self, _step: &str, _text: &str) {}

    fn end(&mut self, _step: &str) {}

    fn state(&mut self, _text: &str) {}

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.end_open_line()?;
        self.out.flush()
    }
}
