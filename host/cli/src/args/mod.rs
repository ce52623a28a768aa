//! The command line: what can be asked for, and the text that explains it.
//!
//! Knows the shape of arguments only. Whether a file exists or a grant makes sense is found out by whoever uses it.

mod author;
mod cache;
mod documents;
mod fetched;
mod images;
mod look;
mod plugins;
mod run;
mod runs;
mod ship;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use stepwell_spec::duration;

use crate::config::Substitute;

pub(crate) use author::{BuildArgs, NewArgs, TestArgs};
pub(crate) use cache::{CacheArgs, CacheCommand, WhyArgs};
pub(crate) use documents::{
    ChoiceArgs, DocumentArgs, ListArgs, ListFormat, ListOutput, PlanArgs, PlanOutput, ValidateArgs,
};
pub(crate) use fetched::{FetchedArgs, FetchedCommand};
pub(crate) use images::{ImagesArgs, ImagesCommand, ImagesPullArgs};
pub(crate) use look::{ContinueArgs, CopyArgs, ShellArgs};
pub(crate) use plugins::{
    PluginsArgs, PluginsCommand, PluginsHow, PluginsInfoArgs, PluginsListArgs,
};
pub(crate) use run::{Output, RunArgs};
pub(crate) use runs::{
    CancelArgs, LogsArgs, RemoveArgs, RunsArgs, RunsCommand, ShowArgs, ShowOutput,
};
pub(crate) use ship::{PullArgs, PushArgs, UpdateArgs};
pub(crate) use verify::{VerifyArgs, VerifyOutput};

/// Runs build and CI steps, each in a sandbox that sees what it was handed and nothing else.
#[derive(Debug, Parser)]
#[command(
    name = "stepwell",
    version,
    about,
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 success, 1 our trouble, 2 usage, 3 environment, 4 document invalid, \
                  5 the run failed, 6 timed out, 130 cancelled."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a Tekton Pipeline, Task, or run of one
    #[command(after_long_help = run::EXAMPLES)]
    Run(RunArgs),
    /// Find everything that is wrong with documents, without running them
    #[command(after_long_help = documents::VALIDATE_EXAMPLES)]
    Validate(ValidateArgs),
    /// Run every step twice, in different surroundings, and compare every byte
    #[command(after_long_help = verify::EXAMPLES)]
    Verify(VerifyArgs),
    /// Show what a run would do
    #[command(after_long_help = documents::PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// List what documents hold
    #[command(after_long_help = documents::LIST_EXAMPLES)]
    List(ListArgs),
    /// Look at runs that were, and at those under way
    #[command(after_long_help = runs::EXAMPLES)]
    Runs(RunsArgs),
    /// Tell what decides whether a step has to run again
    #[command(after_long_help = cache::WHY_EXAMPLES)]
    Why(WhyArgs),
    /// Look at what is kept of steps, check it, trim it, or carry it elsewhere
    #[command(after_long_help = cache::EXAMPLES)]
    Cache(CacheArgs),
    /// Open a shell beside a step that runs, or that `run --keep` holds
    #[command(after_long_help = look::SHELL_EXAMPLES)]
    Shell(ShellArgs),
    /// Copy files out of a step that has ended, while its task is there
    #[command(after_long_help = look::COPY_EXAMPLES)]
    Cp(CopyArgs),
    /// Look at documents that were fetched from elsewhere, or throw them away
    #[command(after_long_help = fetched::EXAMPLES)]
    Fetched(FetchedArgs),
    /// Look at images that were pulled, get others, or remove some
    #[command(after_long_help = images::EXAMPLES)]
    Images(ImagesArgs),
    /// Send a component to a registry, where documents name it
    #[command(after_long_help = ship::PUSH_EXAMPLES)]
    Push(PushArgs),
    /// Lock anew which images the project uses
    #[command(after_long_help = ship::UPDATE_EXAMPLES)]
    Update(UpdateArgs),
    /// Get a component from a registry into a file
    #[command(after_long_help = ship::PULL_EXAMPLES)]
    Pull(PullArgs),
    /// List plugins, and show what they say of themselves
    #[command(after_long_help = plugins::EXAMPLES)]
    Plugins(PluginsArgs),
    /// Run one WebAssembly component, with no YAML
    #[command(after_long_help = EXEC_EXAMPLES)]
    Exec(ExecArgs),
    /// Show what a component imports, exports and needs
    #[command(after_long_help = INSPECT_EXAMPLES)]
    Inspect(InspectArgs),
    /// Explain a command, or a plugin by what it says of itself
    #[command(after_long_help = HELP_EXAMPLES)]
    Help(HelpArgs),
    /// Begin a plugin of your own
    #[command(after_long_help = author::NEW_EXAMPLES)]
    New(NewArgs),
    /// Build the plugin whose project is here or above
    Build(BuildArgs),
    /// Run a plugin over its fixtures, and compare what comes of it
    #[command(after_long_help = author::TEST_EXAMPLES)]
    Test(TestArgs),
    /// Compile one component from standard input (a child of Stepwell's own, so that it can be bounded and killed)
    #[command(hide = true)]
    CompileWorker {
        /// Which sort of code to make.
        flavour: String,
    },
    /// Become the first process of a container (a child of Stepwell's own)
    #[command(hide = true, name = crate::containers::INIT)]
    ContainerInit,
}

const EXEC_EXAMPLES: &str = "\
Examples:
  # Arguments after `--` go to the component
  stepwell exec hello.wasm -- --name world

  # The component sees the folder `src` at /workspace/source and may not change it
  stepwell exec lint.wasm -w source=src:ro -- /workspace/source

  # An environment variable, the real clock, and bounds
  stepwell exec tool.wasm -e LANG=C --grant clock=real --memory 64Mi --timeout 10s

The exit code is the component's own. When Stepwell puts an end to it, it is 134 for a trap, 137 for a limit
and 6 for a time-out.";

const INSPECT_EXAMPLES: &str = "\
Examples:
  stepwell inspect hello.wasm
  stepwell inspect hello.wasm -o json

  # What a plugin says of itself, as a Task and as a schema of its params
  stepwell inspect lint.wasm -o yaml > lint.yaml
  stepwell inspect lint.wasm -o json-schema";

const HELP_EXAMPLES: &str = "\
Examples:
  stepwell help run
  stepwell help lint.wasm";

/// `stepwell exec`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExecArgs {
    /// A WebAssembly component or core module, binary or text
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: PathBuf,

    /// Show the component a folder at /workspace/NAME; `:ro` at the end makes it read-only
    #[arg(short = 'w', long = "workspace", value_name = "NAME=PATH[:ro]", value_parser = parse_workspace)]
    pub(crate) workspaces: Vec<WorkspaceArg>,

    /// Set an environment variable; nothing is inherited
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub(crate) env: Vec<(String, String)>,

    /// Hand out a capability (`clock=real`, `random=real`, `network=HOST:PORT`)
    #[arg(long = "grant", value_name = "GRANT=VALUE")]
    pub(crate) grants: Vec<String>,

    /// Set a limit (`fuel=1000000`, `output=1Mi`)
    #[arg(long = "limit", value_name = "LIMIT=VALUE")]
    pub(crate) limits: Vec<String>,

    /// Bound the memory: short for `--limit memory=SIZE`
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,

    /// End the component after this long (`10s`, `1m30s`, `500ms`)
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// Arguments for the component, after `--`
    #[arg(value_name = "ARGS", last = true)]
    pub(crate) args: Vec<String>,
}

/// `stepwell inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A WebAssembly component or core module, binary or text
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: PathBuf,

    /// What to print
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FORMAT",
        default_value = "pretty"
    )]
    pub(crate) output: InspectOutput,
}

/// A folder that a component sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkspaceArg {
    /// The workspace's name: the component sees it at `/workspace/<name>`.
    pub(crate) name: String,
    /// The folder.
    pub(crate) path: PathBuf,
    /// Whether the component may only look.
    pub(crate) read_only: bool,
}

/// What `inspect` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InspectOutput {
    /// For a person
    Pretty,
    /// One JSON object
    Json,
    /// The Task that a plugin describes
    Yaml,
    /// A JSON Schema of the params that a plugin describes
    JsonSchema,
}

/// `stepwell help`.
#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A command, or the file of a plugin
    #[arg(value_name = "COMMAND|FILE")]
    pub(crate) topics: Vec<String>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also into a pipe
    Always,
    /// Not at all
    Never,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn parse_folder(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(path)))
        }
        _ => Err("expected NAME=PATH".to_owned()),
    }
}

fn parse_image(text: &str) -> Result<(String, Substitute), String> {
    match text.split_once('=') {
        Some((pattern, image)) if !pattern.is_empty() => {
            Ok((pattern.to_owned(), Substitute::read(image)?))
        }
        _ => Err("expected PATTERN=IMAGE".to_owned()),
    }
}

fn parse_workspace(text: &str) -> Result<WorkspaceArg, String> {
    let (text, read_only) = match text.strip_suffix(":ro") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (name, path) = parse_folder(text).map_err(|_| "expected NAME=PATH or NAME=PATH:ro")?;
    Ok(WorkspaceArg {
        name,
        path,
        read_only,
    })
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "expected for instance 10s, 1m30s or 500ms".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_workspace_is_writable_unless_it_says_ro() {
        let workspace = |read_only| WorkspaceArg {
            name: "src".to_owned(),
            path: PathBuf::from("a=b:c"),
            read_only,
        };
        assert_eq!(parse_workspace("src=a=b:c"), Ok(workspace(false)));
        assert_eq!(parse_workspace("src=a=b:c:ro"), Ok(workspace(true)));
        for text in ["src", "=x", "src=", "src=:ro"] {
            assert!(parse_workspace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_follows_the_dashes_is_the_components() {
        let cli = Cli::try_parse_from([
            "stepwell", "exec", "a.wasm", "-e", "A=", "--", "-e", "--", "x",
        ]);
        let Ok(Cli {
            command: Command::Exec(exec),
        }) = cli
        else {
            panic!("{cli:?}");
        };
        assert_eq!(exec.env, [("A".to_owned(), String::new())]);
        assert_eq!(exec.args, ["-e", "--", "x"]);
    }
}
