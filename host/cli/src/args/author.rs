//! What the author of a plugin asks for.

use std::path::PathBuf;

use clap::Args;

use crate::author::Language;

pub(super) const NEW_EXAMPLES: &str = "\
Examples:
  stepwell new lint --lang rust
  cd lint && stepwell test";

pub(super) const TEST_EXAMPLES: &str = "\
Examples:
  # Build, and run every fixture
  stepwell test

  # Only these, again whenever a file changes
  stepwell test finds-a-marker --watch

  # Take what comes of it as what is expected from now on; read the difference
  stepwell test --bless && git diff fixtures";

/// `stepwell new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The folder that is made; its last part names the plugin
    #[arg(value_name = "NAME")]
    pub(crate) folder: PathBuf,

    /// What it is written in
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Language,
}

/// `stepwell build`.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Build again whenever a file changes
    #[arg(long)]
    pub(crate) watch: bool,
}

/// `stepwell test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Fixtures to run; else all of them
    #[arg(value_name = "FIXTURE")]
    pub(crate) fixtures: Vec<String>,

    /// Write down what comes of it, as what is expected from now on
    #[arg(long)]
    pub(crate) bless: bool,

    /// Test the component as it is
    #[arg(long)]
    pub(crate) no_build: bool,

    /// Test again whenever a file changes
    #[arg(long)]
    pub(crate) watch: bool,
}
