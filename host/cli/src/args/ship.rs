//! `stepwell push`, `stepwell pull` and `stepwell update`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;

pub(super) const PUSH_EXAMPLES: &str = "\
Examples:
  # From then on, `image: ghcr.io/owner/lint:1.2` is this component
  stepwell push lint.wasm ghcr.io/owner/lint:1.2

  # Signed with a key that `minisign -G` made
  stepwell push lint.wasm ghcr.io/owner/lint:1.2 --sign ~/.minisign/minisign.key";

pub(super) const UPDATE_EXAMPLES: &str = "\
Examples:
  # Look for newer ones of all images that are locked
  stepwell update

  # Lock an image before it is used
  stepwell update ghcr.io/owner/lint:1.2";

pub(super) const PULL_EXAMPLES: &str = "\
Examples:
  # Into the file lint.wasm
  stepwell pull ghcr.io/owner/lint:1.2

  # Into another one
  stepwell pull ghcr.io/owner/lint:1.2 --to tools/lint.wasm";

/// `stepwell push`.
#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// A WebAssembly component or core module, in binary
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: PathBuf,

    /// Under which name: `REGISTRY/REPOSITORY:TAG`
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,

    /// Sign it with this secret key of minisign; the signature lies beside it in the registry
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Option<PathBuf>,

    /// Settings of the project; else the `stepwell.toml` here or above
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) format: ListFormat,
}

/// `stepwell update`.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// Which images, as documents name them; else all that are locked
    #[arg(value_name = "REFERENCE")]
    pub(crate) references: Vec<String>,

    /// Settings of the project; else the `stepwell.toml` here or above
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) format: ListFormat,
}

/// `stepwell pull`.
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// Which component: `REGISTRY/REPOSITORY:TAG`
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,

    /// Into which file; else one here that is called like the repository
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,

    /// Settings of the project; else the `stepwell.toml` here or above
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Ask nobody: take what the store of images has
    #[arg(long)]
    pub(crate) offline: bool,

    #[command(flatten)]
    pub(crate) format: ListFormat,
}
