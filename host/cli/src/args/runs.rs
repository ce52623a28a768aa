//! `stepwell runs` and what is below it.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{ContinueArgs, ListFormat, parse_duration};

pub(super) const EXAMPLES: &str = "\
Examples:
  # What ran, the newest first
  stepwell runs list

  # How one went; the beginning of its name is enough
  stepwell runs show build-run-x5z

  # What one of its steps said; of a run under way, as it says it
  stepwell runs logs build-run-x5zqk/compile/make -f

  # Stop what runs, and then run `finally`
  stepwell runs cancel build-run-x5zqk --run-finally

  # Throw away what is older than a week
  stepwell runs rm --older-than 168h";

/// `stepwell runs`.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) command: RunsCommand,
}

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List the runs that are kept, the newest first
    List {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Show how a run went
    Show(ShowArgs),
    /// Show what the steps of a run said
    Logs(LogsArgs),
    /// Throw away runs
    Rm(RemoveArgs),
    /// Stop a run that is under way
    Cancel(CancelArgs),
    /// Let a step go on that waits at a breakpoint
    Continue(ContinueArgs),
}

/// `stepwell runs show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A run, or the beginning of its name; with `/TASK` one of its TaskRuns
    #[arg(value_name = "RUN[/TASK]")]
    pub(crate) run: String,

    /// What to print
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "pretty"
    )]
    pub(crate) output: ShowOutput,
}

/// What `runs show` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowOutput {
    /// For a person
    Pretty,
    /// The completed PipelineRun or TaskRun
    Yaml,
    /// The same as JSON
    Json,
}

/// `stepwell runs logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// A run, or the beginning of its name; with `/TASK` or `/TASK/STEP` a part of it
    #[arg(value_name = "RUN[/TASK[/STEP]]")]
    pub(crate) run: String,

    /// Go on until the run has ended
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// `stepwell runs rm`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(false))]
pub(crate) struct RemoveArgs {
    /// Runs, or the beginnings of their names
    #[arg(value_name = "RUN", group = "which")]
    pub(crate) runs: Vec<String>,

    /// All that have ended
    #[arg(long, group = "which")]
    pub(crate) all: bool,

    /// Those that ended longer ago than this (`168h`)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, group = "which")]
    pub(crate) older_than: Option<Duration>,
}

/// `stepwell runs cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// A run, or the beginning of its name
    #[arg(value_name = "RUN")]
    pub(crate) run: String,

    /// Stop what runs, and then run `finally`
    #[arg(long, conflicts_with = "stop")]
    pub(crate) run_finally: bool,

    /// Let what runs come to its end, begin nothing new, and then run `finally`
    #[arg(long)]
    pub(crate) stop: bool,
}
