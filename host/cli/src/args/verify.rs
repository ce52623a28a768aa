//! `stepwell verify`.

use clap::{Args, ValueEnum};

use super::{ChoiceArgs, ColorChoice, DocumentArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  # Does every step of a Task do the same again?
  stepwell verify build.yaml -w source=.

  # One JSON object a step, for CI
  stepwell verify .tekton/ -o json

The exit code is 0 where every step that could be verified was reproduced, and 5 where one was not, or the run failed.";

/// `stepwell verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
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
    pub(crate) output: VerifyOutput,

    /// Use no image of a registry but those that `stepwell.lock` has, and leave that as it is
    #[arg(long)]
    pub(crate) locked: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// What `verify` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyOutput {
    /// For a person
    Pretty,
    /// One JSON object a step, and one for all of them
    Json,
}
