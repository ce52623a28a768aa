//! Runs lists and pipelines.
//!
//! The commands of a pipeline run one after the other, each with the whole output of the one before as its input: there are
//! no processes here. What must be interleaved to work, such as two commands that answer each other, does not work.

mod compound;
mod redirect;
mod simple;
mod test;

use crate::state::{Shell, Stop};
use crate::streams::{Input, Output, Stream};
use crate::syntax::ast::{AndOr, Command, Join, Kind, List, Pipeline};
use crate::syntax::{SyntaxError, parse};
pub(crate) use test::ordered;

/// How deep functions, subshells and files that are read in may be nested: the stack of a guest is small.
const MAX_DEPTH: usize = 60;

/// How commands ended, if nothing stopped them.
pub(crate) type Ran = Result<u8, Stop>;

impl Shell {
    /// Runs a script to its end, its `trap … EXIT` included.
    ///
    /// # Errors
    ///
    /// When the text is no script; nothing of it has run then.
    pub fn run(&mut self, script: &str) -> Result<u8, SyntaxError> {
        let list = parse(script)?;
        self.status = match self.list(&list) {
            Ok(status) => status,
            Err(Stop::Exit(status) | Stop::Return(status)) => status,
            Err(Stop::Break(_) | Stop::Continue(_)) => self.status,
        };
        self.leave();
        Ok(self.status)
    }

    /// Runs what `trap … EXIT` asked for.
    pub(crate) fn leave(&mut self) {
        let status = self.status;
        if let Some(trap) = self.at_exit.take()
            && let Ok(list) = parse(&trap)
        {
            self.status = match self.list(&list) {
                Err(Stop::Exit(status)) => status,
                _ => status,
            };
        }
    }

    pub(crate) fn list(&mut self, list: &List) -> Ran {
        let mut status = 0;
        for and_or in list {
            status = self.and_or(and_or)?;
        }
        Ok(status)
    }

    fn and_or(&mut self, and_or: &AndOr) -> Ran {
        let count = and_or.rest.len();
        let mut status = self.pipeline(&and_or.first, count > 0)?;
        for (at, (join, pipeline)) in and_or.rest.iter().enumerate() {
            if (status == 0) == (*join == Join::And) {
                status = self.pipeline(pipeline, at + 1 < count)?;
            }
        }
        Ok(status)
    }

    /// Runs a pipeline. A failure of one that is `tested` by what follows it is no reason for `set -e` to end the shell.
    fn pipeline(&mut self, pipeline: &Pipeline, tested: bool) -> Ran {
        let tested = tested || pipeline.negated;
        self.forgiving += usize::from(tested);
        let ran = match pipeline.commands.as_slice() {
            [only] => self.command(only),
            commands => self.piped(commands),
        };
        self.forgiving -= usize::from(tested);
        let mut status = ran?;
        let is_checked = match pipeline.commands.as_slice() {
            [only] => is_checked(&only.kind),
            _ => true,
        };
        if status != 0 && self.options.errexit && self.forgiving == 0 && !tested && is_checked {
            self.status = status;
            return Err(Stop::Exit(status));
        }
        if pipeline.negated {
            status = u8::from(status == 0);
        }
        self.status = status;
        Ok(status)
    }

    fn piped(&mut self, commands: &[Command]) -> Ran {
        let mut input = None;
        let mut statuses = Vec::with_capacity(commands.len());
        for (at, command) in commands.iter().enumerate() {
            let mut inner = self.subshell()?;
            if let Some(bytes) = input.take() {
                inner.streams.set(0, Stream::In(Input::bytes(bytes)));
            }
            let pipe = Output::buffer();
            if at + 1 < commands.len() {
                inner.streams.set(1, Stream::Out(pipe.clone()));
            }
            statuses.push(inner.ended(|shell| shell.command(command)));
            input = Some(pipe.taken());
        }
        let last = statuses.last().copied().unwrap_or(0);
        let failed = statuses.iter().rev().copied().find(|status| *status != 0);
        Ok(if self.options.pipefail {
            failed.unwrap_or(0)
        } else {
            last
        })
    }

    /// Runs a list in a subshell, and keeps what it prints.
    pub(crate) fn captured(&mut self, list: &List) -> Result<(Vec<u8>, u8), Stop> {
        let mut inner = self.subshell()?;
        let output = Output::buffer();
        inner.streams.set(1, Stream::Out(output.clone()));
        let status = inner.ended(|shell| shell.list(list));
        Ok((output.taken(), status))
    }

    /// A copy that may do what it likes.
    pub(crate) fn subshell(&self) -> Result<Self, Stop> {
        let mut inner = self.clone();
        inner.at_exit = None;
        inner.deepen()?;
        Ok(inner)
    }

    pub(crate) fn deepen(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fail("functions and subshells are nested too deeply"));
        }
        Ok(())
    }

    /// Runs something as the last thing that this shell does.
    pub(crate) fn ended(mut self, run: impl FnOnce(&mut Self) -> Ran) -> u8 {
        self.status = match run(&mut self) {
            Ok(status) => status,
            Err(Stop::Exit(status) | Stop::Return(status)) => status,
            Err(Stop::Break(_) | Stop::Continue(_)) => 0,
        };
        self.leave();
        self.status
    }
}

/// Whether a failure of a command can be one that `set -e` has not seen yet: those inside the others were looked at there.
fn is_checked(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Simple(_) | Kind::Subshell(_) | Kind::Arithmetic(_) | Kind::Test(_)
    )
}

#[cfg(test)]
mod tests;
