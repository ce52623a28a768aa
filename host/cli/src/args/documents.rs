//! What the commands that read documents have in common, and those that only look at them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ColorChoice, parse_folder, parse_image, parse_pair};
use crate::config::Substitute;
use crate::containers::Wanted;

pub(super) const VALIDATE_EXAMPLES: &str = "\
Examples:
  # Everything in the folder `.tekton` here or above
  stepwell validate

  # A file, without looking for the images of its steps
  stepwell validate build.yaml --no-images

  # One JSON object a problem, for an editor or for CI
  stepwell validate .tekton/ -o json";

pub(super) const PLAN_EXAMPLES: &str = "\
Examples:
  # What the only PipelineRun of a folder would do
  stepwell plan .tekton/

  # A picture for a page in Markdown
  stepwell plan build.yaml -o mermaid

  # A picture through Graphviz
  stepwell plan build.yaml -o dot | dot -Tsvg > build.svg";

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  stepwell list
  stepwell list build.yaml deploy/ -o json";

/// Which documents a command is about, and what stands for their images.
#[derive(Debug, Clone, Args)]
pub(crate) struct DocumentArgs {
    /// Tekton documents: files, folders with everything below them, `-` for standard input; else the folder `.tekton`
    /// here or above
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Settings of the project; else the `stepwell.toml` beside the documents or above them
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Run an image in place of every one that matches; `*` is any text (`docker.io/library/bash*=./sh.wasm`)
    #[arg(long = "image", value_name = "PATTERN=IMAGE", value_parser = parse_image)]
    pub(crate) images: Vec<(String, Substitute)>,

    /// What runs containers; else Stepwell itself where this user can, and a daemon where not
    #[arg(long, value_name = "BACKEND")]
    pub(crate) container: Option<Wanted>,

    /// Fetch nothing: documents and images from elsewhere come from the cache
    #[arg(long)]
    pub(crate) offline: bool,
}

/// What is chosen among the documents, and what it is given.
#[derive(Debug, Clone, Args)]
pub(crate) struct ChoiceArgs {
    /// Set a param; an array is `a,b` or JSON, an object is `k=v,l=w` or JSON
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(crate) params: Vec<(String, String)>,

    /// Bind a workspace to a folder
    #[arg(short = 'w', long = "workspace", value_name = "NAME=PATH", value_parser = parse_folder)]
    pub(crate) workspaces: Vec<(String, PathBuf)>,

    /// Which Pipeline, Task, or run of one, when the documents hold several
    #[arg(long, visible_alias = "task", value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Bound every step, over what the document says (`fuel=1000000`, `output=1Mi`)
    #[arg(long = "limit", value_name = "LIMIT=VALUE")]
    pub(crate) limits: Vec<String>,

    /// Hand every step a capability (`clock=real`, `random=real`, `network=HOST:PORT`)
    #[arg(long = "grant", value_name = "GRANT=VALUE")]
    pub(crate) grants: Vec<String>,

    /// Let every step reach the network, or only this host: short for `--grant network=any` and `--grant network=HOST:PORT`
    #[arg(
        long,
        value_name = "HOST:PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "any"
    )]
    pub(crate) allow_net: Vec<String>,

    /// Bound the memory of every step: short for `--limit memory=SIZE`
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
}

/// `stepwell validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) documents: DocumentArgs,

    #[command(flatten)]
    pub(crate) format: ListFormat,

    /// Do not look for the code of steps, nor at what it asks for
    #[arg(long)]
    pub(crate) no_images: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// `stepwell plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) documents: DocumentArgs,

    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,

    /// What to print
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "tree"
    )]
    pub(crate) output: PlanOutput,

    /// When to use colour in what is said of mistakes
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// `stepwell list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Tekton documents: files, folders with everything below them, `-` for standard input; else the folder `.tekton`
    /// here or above
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) format: ListFormat,
}

/// What `plan` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanOutput {
    /// For a person
    Tree,
    /// A flowchart for Mermaid
    Mermaid,
    /// A graph for Graphviz
    Dot,
    /// One JSON object
    Json,
}

/// How what is found is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ListFormat {
    /// What to print
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "pretty"
    )]
    pub(crate) output: ListOutput,
}

/// What those commands print that list something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListOutput {
    /// For a person
    Pretty,
    /// One JSON object a line
    Json,
}
