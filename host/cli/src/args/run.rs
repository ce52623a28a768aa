//! `stepwell run`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ChoiceArgs, ColorChoice, DocumentArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  # The only PipelineRun of the folder `.tekton` here or above
  stepwell run

  # Run the only Task of a file, with a param and a folder
  stepwell run build.yaml -p level=strict -w source=.

  # A TaskRun from standard input; the completed TaskRun as YAML on standard output
  stepwell run -o yaml - < taskrun.yaml

  # A folder and a file, one Pipeline of them, and one event a line
  stepwell run tasks/ pipeline.yaml --name release -o json

  # A component in place of a container image, four tasks at once, and a report for CI
  stepwell run --image 'docker.io/library/bash*=./sh.wasm' --max-parallel 4 --junit report.xml

  # A plugin in a registry, by nothing but its own description
  stepwell run ghcr.io/owner/lint:1.2 -p level=strict -w src=.

  # Hand out a capability, and bound what the steps may use
  stepwell run fetch.yaml --grant network=example.com:443 --memory 64Mi --limit output=1Mi";

/// `stepwell run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) documents: DocumentArgs,

    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,

    /// What to print
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "pretty"
    )]
    pub(crate) output: Output,

    /// How many tasks may run at once; else as many as there are processors
    #[arg(long, value_name = "N")]
    pub(crate) max_parallel: Option<NonZeroUsize>,

    /// Allow `hostPath` volumes in this folder
    #[arg(long = "host-path", value_name = "PATH")]
    pub(crate) host_paths: Vec<PathBuf>,

    /// Let container steps be privileged whose document asks for it
    #[arg(long)]
    pub(crate) privileged: bool,

    /// Write a report in JUnit's format to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write when what ran to this file, for chrome://tracing or Perfetto
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// Hold what failed when the run has ended, for somebody to look into, until Ctrl-C
    #[arg(long, conflicts_with = "no_record")]
    pub(crate) keep: bool,

    /// Use no image of a registry but those that `stepwell.lock` has, and leave that as it is
    #[arg(long)]
    pub(crate) locked: bool,

    /// Run every step, and keep nothing of what they do
    #[arg(long, conflicts_with = "fresh")]
    pub(crate) no_cache: bool,

    /// Run the steps of this task whatever is known of them, and keep what they do now
    #[arg(long = "fresh", value_name = "TASK")]
    pub(crate) fresh: Vec<String>,

    /// Keep no record of this run
    #[arg(long)]
    pub(crate) no_record: bool,

    /// Print failures and the last line only
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// What `run` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For a person
    Pretty,
    /// One event a line
    Json,
    /// The completed PipelineRun or TaskRun
    Yaml,
}
