//! `stepwell cache` and what is below it, and `stepwell why`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ListFormat;

pub(super) const EXAMPLES: &str = "\
Examples:
  # How much there is, and where
  stepwell cache info

  # Read every byte, and drop what is not what it was
  stepwell cache verify

  # No more than a gigabyte: what was used least recently goes
  stepwell cache gc --max-size 1Gi

  # What one run left or used, for another machine
  stepwell cache export ./carried build-run-x5zqk
  stepwell cache import ./carried";

pub(super) const WHY_EXAMPLES: &str = "\
Examples:
  # What decides whether this step has to run again, and what differed when it ran last
  stepwell why build-run-x5zqk/compile/make

  # The same for all steps of a run
  stepwell why build-run-x5zqk

  # Every observation, one a line
  stepwell why build-run-x5zqk/compile/make --all";

/// `stepwell cache`.
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    /// Read the settings of this file, in place of the `stepwell.toml` of the current folder or one above it
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// What to do with it.
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

/// What can be done with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show how much there is
    Info {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Read every byte, and remove what is not what it was
    Verify,
    /// Remove what nothing refers to, and what was used least recently, down to a size
    Gc {
        /// How much may be left (`512Mi`, `10Gi`); else `max-size` of `stepwell.toml`
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        max_size: Option<u64>,
    },
    /// Remove everything
    Clear,
    /// Copy entries to a folder, which is a cache too
    Export {
        /// The folder; it is made where it is missing
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// Runs, tasks or steps whose entries are wanted; all where none is named
        #[arg(value_name = "RUN[/TASK[/STEP]]")]
        parts: Vec<String>,
    },
    /// Take entries from a folder, each checked before it is believed
    Import {
        /// The folder
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
}

/// `stepwell why`.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// A step of a run that is kept, or the steps of a task or of the whole run
    #[arg(value_name = "RUN[/TASK[/STEP]]")]
    pub(crate) part: String,

    /// Show every observation, one a line, in the order in which the step made them
    #[arg(long)]
    pub(crate) all: bool,
}

fn parse_size(text: &str) -> Result<u64, String> {
    stepwell_contract::limit::parse_quantity(text)
        .ok_or_else(|| "expected for instance 512Mi or 10Gi".to_owned())
}
