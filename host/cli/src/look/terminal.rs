//! The user's own terminal while a shell has it: raw, and given back as it was whatever happens.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use rustix::termios::{self, OptionalActions, Termios};

/// The terminal of this process, raw until it is dropped.
pub(super) struct Raw(Termios);

impl Raw {
    /// Lets every key go through as it is. What was typed before is not lost.
    ///
    /// # Errors
    ///
    /// What the terminal refused.
    pub(super) fn begin() -> anyhow::Result<Self> {
        let stdin = io::stdin();
        let before = termios::tcgetattr(&stdin).context("failed to look at the terminal")?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(&stdin, OptionalActions::Drain, &raw)
            .context("failed to make the terminal raw")?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // It may be gone.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Whether somebody types and reads here.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Lines and columns. A terminal that does not say has what terminals once had.
pub(super) fn size() -> (u16, u16) {
    match termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
        _ => (24, 80),
    }
}
