//! The tools of others: whether one is there, and how it is called.
//!
//! They run as the author would run them: with the author's environment, and what they print goes where it always goes.

use std::io::{self, ErrorKind, Write as _};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::exit::{Coded, ExitCode};

/// A tool, and where an author gets it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    /// What it is, for a message: `the Go compiler`.
    pub(super) what: &'static str,
    /// What was looked for.
    pub(super) looked_for: &'static str,
    /// How to get it.
    pub(super) get: &'static str,
}

impl Tool {
    /// That it is not there.
    pub(super) fn missing(&self) -> anyhow::Error {
        let Self {
            what,
            looked_for,
            get,
        } = self;
        let message = format!("there is no {what} (looked for {looked_for}); {get}");
        Coded::new(ExitCode::Environment, message).into()
    }

    /// Runs it, its lines passed on.
    ///
    /// # Errors
    ///
    /// It is missing, or does not do its work.
    pub(super) fn run(&self, command: &mut Command) -> anyhow::Result<()> {
        let status = self.started(command.status(), command)?;
        match status.success() {
            true => Ok(()),
            false => Err(self.failed()),
        }
    }

    /// Runs it, silent unless it does not do its work: then `words` picks what the author hears of what it said.
    ///
    /// # Errors
    ///
    /// It is missing, or does not do its work.
    pub(super) fn run_saying(
        &self,
        command: &mut Command,
        words: impl FnOnce(&str) -> String,
    ) -> anyhow::Result<()> {
        command.stdin(Stdio::null());
        let output = self.started(command.output(), command)?;
        if output.status.success() {
            return Ok(());
        }
        let said = [&*output.stdout, &*output.stderr].concat();
        // Nobody may be reading.
        let _ = writeln!(
            io::stderr().lock(),
            "{}",
            words(&String::from_utf8_lossy(&said))
        );
        Err(self.failed())
    }

    /// What came of starting it.
    ///
    /// # Errors
    ///
    /// It is missing, or cannot be started.
    pub(super) fn started<T>(
        &self,
        started: io::Result<T>,
        command: &Command,
    ) -> anyhow::Result<T> {
        match started {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.missing()),
            started => started
                .with_context(|| format!("failed to start `{}`", command.get_program().display())),
        }
    }

    /// That it said what is wrong with the project.
    pub(super) fn failed(&self) -> anyhow::Error {
        let message = format!("the {} has not built it, and says why above", self.what);
        Coded::new(ExitCode::DocumentInvalid, message).into()
    }
}

/// Whether a command is there and answers; it is asked for its version.
pub(super) fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
