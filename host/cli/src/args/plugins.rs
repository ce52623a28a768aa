//! `stepwell plugins` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ListFormat;

pub(super) const EXAMPLES: &str = "\
Examples:
  # What the components in a folder say of themselves
  stepwell plugins list tools/

  # Those that the project has locked, and those of a namespace in a registry
  stepwell plugins list stepwell.lock
  stepwell plugins list ghcr.io/owner

  # One of them: its manual page, and the Task that it is
  stepwell plugins info ghcr.io/owner/lint:1.2";

/// `stepwell plugins`.
#[derive(Debug, Args)]
pub(crate) struct PluginsArgs {
    /// What is to be known.
    #[command(subcommand)]
    pub(crate) command: PluginsCommand,
}

/// What can be known of plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginsCommand {
    /// List the plugins of a folder, of a lock file, or of a registry
    List(PluginsListArgs),
    /// Show one plugin: its manual page, and the Task that it is
    Info(PluginsInfoArgs),
}

/// `stepwell plugins list`.
#[derive(Debug, Args)]
pub(crate) struct PluginsListArgs {
    /// A folder, a file `*.lock`, or `REGISTRY[/NAMESPACE]`; else the lock of the project
    #[arg(value_name = "FOLDER|LOCK|NAMESPACE")]
    pub(crate) source: Option<String>,

    #[command(flatten)]
    pub(crate) how: PluginsHow,
}

/// `stepwell plugins info`.
#[derive(Debug, Args)]
pub(crate) struct PluginsInfoArgs {
    /// A file, or a reference as `image:` has it
    #[arg(value_name = "FILE|REFERENCE")]
    pub(crate) plugin: String,

    #[command(flatten)]
    pub(crate) how: PluginsHow,
}

/// What both have in common.
#[derive(Debug, Args)]
pub(crate) struct PluginsHow {
    /// Settings of the project; else the `stepwell.toml` here or above
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Ask nobody: take what the store of images has
    #[arg(long)]
    pub(crate) offline: bool,

    #[command(flatten)]
    pub(crate) format: ListFormat,
}
