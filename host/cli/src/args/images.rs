//! `stepwell images` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use stepwell_contract::Platform;

use super::ListFormat;

pub(super) const EXAMPLES: &str = "\
Examples:
  # Which images `--offline` can use
  stepwell images list

  # Get an image before it is needed, or another one for the same tag
  stepwell images pull ghcr.io/owner/lint:1

  # Make room
  stepwell images rm ghcr.io/owner/lint:1";

/// `stepwell images`.
#[derive(Debug, Args)]
pub(crate) struct ImagesArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) command: ImagesCommand,
}

/// What can be done with images.
#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// List the images that the store holds
    List {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Get images: what their names mean now
    Pull(ImagesPullArgs),
    /// Remove images, and what no other image needs
    Rm {
        /// Images as `image:` names them
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<String>,
    },
}

/// `stepwell images pull`.
#[derive(Debug, Args)]
pub(crate) struct ImagesPullArgs {
    /// Images as `image:` names them: `ghcr.io/owner/name:1`, `oci:DIR:TAG`, `docker-archive:FILE`
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,

    /// For which platform, where not for this machine (`linux/arm64`)
    #[arg(long, value_name = "OS/ARCHITECTURE", value_parser = parse_platform)]
    pub(crate) platform: Option<Platform>,

    /// Settings of the project; else the `stepwell.toml` here or above
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Ask nobody: only find out whether the store has them
    #[arg(long)]
    pub(crate) offline: bool,

    #[command(flatten)]
    pub(crate) format: ListFormat,
}

fn parse_platform(text: &str) -> Result<Platform, String> {
    let mut words = text.split('/').map(str::to_owned);
    let (os, architecture, variant) = (words.next(), words.next(), words.next());
    match (os, architecture, words.next()) {
        (Some(os), Some(architecture), None) if !os.is_empty() && !architecture.is_empty() => {
            Ok(Platform {
                os,
                architecture,
                variant,
            })
        }
        _ => Err("a platform is OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT".to_owned()),
    }
}
