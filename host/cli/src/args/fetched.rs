//! `stepwell fetched` and what is below it.

use clap::{Args, Subcommand};

use super::ListFormat;

pub(super) const EXAMPLES: &str = "\
Examples:
  # Which documents `--offline` can use
  stepwell fetched list

  # The commit that each branch was
  stepwell fetched list -o json

  # Fetch everything anew next time
  stepwell fetched clear";

/// `stepwell fetched`.
#[derive(Debug, Args)]
pub(crate) struct FetchedArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) command: FetchedCommand,
}

/// What can be done with fetched documents.
#[derive(Debug, Subcommand)]
pub(crate) enum FetchedCommand {
    /// List the documents that the cache holds, the newest first
    List {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Throw away all of them, with the repositories they were read from
    Clear,
}
