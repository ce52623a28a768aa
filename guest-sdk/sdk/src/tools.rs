//! Running native programs beside the plugin, in the container image that whoever runs it grants for that.
//!
//! ```no_run
//! # fn main() -> Result<(), stepwell::Error> {
//! let compiled = stepwell::Tool::new("cc").args(["-O2", "-o", "hello", "hello.c"]).run()?;
//! if !compiled.is_success() {
//!     return Err(stepwell::Error::from("it does not compile"));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A program sees the plugin's workspaces under the same paths. Outside WebAssembly there is no host, and nothing is run.

use std::error::Error;
use std::fmt;
use std::path::Path;

use crate::bindings::stepwell::task::tools::{Command, Destination};
use crate::{ToolRefusal, host};

/// A native program, about to be run.
#[derive(Debug, Clone)]
pub struct Tool(Command);

/// A native program that has ended, well or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; 128 and the number of the signal where one ended it.
    pub exit_code: i32,
    /// Which limit ended it, where one did.
    pub limit: Option<String>,
    /// What it printed to standard output, where that was captured.
    pub stdout: Vec<u8>,
    /// What it printed to standard error, where that was captured.
    pub stderr: Vec<u8>,
    /// How many bytes it printed beyond what is captured.
    pub dropped: u64,
}

impl Ran {
    /// Whether its exit code is 0.
    pub fn is_success(&self) -> bool {
        self.exit_code == 0
    }
}

/// A native program was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    /// Which one.
    pub program: String,
    /// Why the host did not run it.
    pub refusal: ToolRefusal,
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = &self.program;
        match &self.refusal {
            ToolRefusal::Malformed(why) => {
                write!(f, "the call of `{program}` makes no sense: {why}")
            }
            ToolRefusal::NotRun(why) => write!(f, "`{program}` was not run: {why}"),
        }
    }
}

impl Error for ToolError {}

impl Tool {
    /// A path, or a name that the `PATH` of the image finds.
    pub fn new(program: impl Into<String>) -> Self {
        Self(Command {
            argv: vec![program.into()],
            env: Vec::new(),
            working_dir: None,
            stdout: Destination::Log,
            stderr: Destination::Log,
        })
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.0.argv.push(argument.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.argv.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With a variable, beside those of the image.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.env.push((name.into(), value.into()));
        self
    }

    /// In a folder of a workspace.
    #[must_use]
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref().to_string_lossy().into_owned();
        self.0.working_dir = Some(folder);
        self
    }

    /// Runs it; what it prints goes into the log of the step.
    ///
    /// # Errors
    ///
    /// Why it was not run. How it ended is no error here.
    pub fn run(self) -> Result<Ran, ToolError> {
        let program = self.0.argv.first().cloned().unwrap_or_default();
        host::run_tool(&self.0).map_err(|refusal| ToolError { program, refusal })
    }

    /// Runs it; what it prints comes back, at most the first MiB of each output.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn output(mut self) -> Result<Ran, ToolError> {
        (self.0.stdout, self.0.stderr) = (Destination::Captured, Destination::Captured);
        self.run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_of_webassembly_nothing_is_run() {
        let tool = Tool::new("cc")
            .arg("a.c")
            .env("LANG", "C")
            .current_dir("/workspace/source");
        assert_eq!(tool.0.argv, ["cc", "a.c"]);
        assert_eq!(tool.0.working_dir.as_deref(), Some("/workspace/source"));
        let message = tool.output().unwrap_err().to_string();
        assert!(message.starts_with("`cc` was not run: "), "{message}");
    }
}
