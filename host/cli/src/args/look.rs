//! `stepwell shell`, `stepwell cp` and `stepwell runs continue`: looking into steps.

use std::path::PathBuf;

use clap::Args;

pub(super) const SHELL_EXAMPLES: &str = "\
Examples:
  # A shell beside a step that runs, or that a run with `--keep` holds; the beginning of the run's name is enough
  stepwell shell build-run-x5z/compile/make

  # Where only one step can be meant, of the newest run
  stepwell shell

  # One command, with its exit code, and its output in a pipe
  stepwell shell build-run-x5z/compile -- cat /etc/os-release | head -1

  # After a failure
  stepwell run build.yaml --keep

Where a run is left out and a task is not, the slash stays: `stepwell shell /compile`.";

pub(super) const COPY_EXAMPLES: &str = "\
Examples:
  # A file, or all files of a folder, of a step that has ended and whose task is still there
  stepwell cp build-run-x5z/compile/make:/workspace/core.dump .
  stepwell cp build-run-x5z/compile/make:/srv/log logs/

  # The first lines of one
  stepwell cp build-run-x5z/compile:/tmp/trace.txt - | head

  # All that the step sees
  stepwell cp --archive build-run-x5z/compile/make step.tar";

/// `stepwell shell`.
#[derive(Debug, Args)]
pub(crate) struct ShellArgs {
    /// The step: RUN/TASK/STEP, or as much of it as is needed
    #[arg(value_name = "RUN/TASK/STEP")]
    pub(crate) step: Option<String>,

    /// What to run, after `--`; else the shell that is there
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<String>,
}

/// `stepwell cp`.
#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// The step, and the path of a file or a folder as it sees it
    #[arg(value_name = "RUN/TASK/STEP:PATH")]
    pub(crate) from: String,

    /// Where to write it; `-` writes a file to standard output
    #[arg(value_name = "DEST")]
    pub(crate) to: PathBuf,

    /// Write all that the step sees as one tar archive
    #[arg(long)]
    pub(crate) archive: bool,
}

/// `stepwell runs continue`.
#[derive(Debug, Args)]
pub(crate) struct ContinueArgs {
    /// The step: RUN/TASK/STEP, or as much of it as is needed
    #[arg(value_name = "RUN/TASK/STEP")]
    pub(crate) step: Option<String>,

    /// Let the step fail (Tekton's `debug-fail-continue` and `debug-beforestep-fail-continue`); else it runs, or counts as
    /// one that succeeded (`debug-beforestep-continue` and `debug-continue`)
    #[arg(long)]
    pub(crate) fail: bool,
}
