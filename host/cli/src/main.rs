//! The `stepwell` command.
//!
//! In: the command line, the environment, files. Out: text, and an exit code. Each command is a module: [`run`],
//! [`list`], [`exec`], [`inspect`]; `compile-worker` and `container-init` are this program started by itself.
//!
//! The only place that wires concrete parts together. It must not know how a document is understood or a component is
//! run; it finds the parts that do and introduces them to each other.
//!
//! `exec` starts in a millisecond, so nothing is set up before a command asks for it: no runtime, no logging, no look
//! at the terminal. Read next: [`run`], then [`exit`].

mod args;
mod author;
mod cache;
mod config;
mod containers;
mod environment;
mod exec;
mod exit;
mod fetched;
mod fetcher;
mod help;
mod identity;
mod images;
mod inputs;
mod inspect;
mod list;
mod lock;
mod look;
mod plan;
mod plugin;
mod plugins;
mod proxies;
mod request;
mod resolve;
mod run;
mod runs;
mod ship;
mod text;
mod trouble;
mod validate;
mod verify;
mod why;

use clap::Parser as _;
use mimalloc::MiMalloc;

use crate::args::{Cli, ColorChoice, Command};
use crate::environment::Environment;
use crate::trouble::Trouble;

/// What one thread makes, another often drops: an event, a task. The system's allocator then makes both wait for a lock.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version are errors to clap, which go to standard output. Nobody may be reading.
            let _ = error.print();
            return match error.use_stderr() {
                true => exit::ExitCode::Usage.into(),
                false => exit::ExitCode::Success.into(),
            };
        }
    };
    let env = Environment::read();
    let mut color = ColorChoice::Auto;
    let ended = match cli.command {
        Command::Run(args) => {
            color = args.color;
            run::run(&args, &env).map(Into::into)
        }
        Command::Verify(args) => {
            color = args.color;
            verify::verify(&args, &env).map(Into::into)
        }
        Command::Validate(args) => {
            color = args.color;
            validate::validate(&args, &env).map(Into::into)
        }
        Command::Plan(args) => {
            color = args.color;
            plan::plan(&args, &env).map(Into::into)
        }
        Command::Runs(args) => runs::runs(&args, &env)
            .map(Into::into)
            .map_err(Trouble::from),
        Command::Why(args) => why::why(&args, &env).map(Into::into).map_err(Trouble::from),
        Command::Cache(args) => cache::cache(&args, &env).map(Into::into),
        Command::Shell(args) => look::shell(&args, &env).map_err(Trouble::from),
        Command::Cp(args) => look::copy(&args, &env)
            .map(Into::into)
            .map_err(Trouble::from),
        Command::Fetched(args) => fetched::fetched(&args, &env)
            .map(Into::into)
            .map_err(Trouble::from),
        Command::Images(args) => images::images(&args, &env).map(Into::into),
        Command::Plugins(args) => plugins::plugins(&args, &env).map(Into::into),
        Command::Push(args) => ship::push(&args, &env).map(Into::into),
        Command::Update(args) => ship::update(&args, &env).map(Into::into),
        Command::Pull(args) => ship::pull(&args, &env).map(Into::into),
        Command::List(args) => list::list(&args, &env)
            .map(Into::into)
            .map_err(Trouble::from),
        Command::Exec(args) => exec::exec(args, &env).map_err(Trouble::from),
        Command::Inspect(args) => inspect::inspect(&args, &env)
            .map(Into::into)
            .map_err(Trouble::from),
        Command::Help(args) => help::help(&args, &env)
            .map(Into::into)
            .map_err(Trouble::from),
        Command::New(args) => author::new(&args).map(Into::into).map_err(Trouble::from),
        Command::Build(args) => author::build(&args, &env).map(Into::into),
        Command::Test(args) => author::test(&args, &env).map(Into::into),
        Command::CompileWorker { flavour } => Ok(stepwell_sandbox_wasm::compile_worker(&flavour)),
        Command::ContainerInit => Ok(containers::init()),
    };
    ended.unwrap_or_else(|trouble| {
        trouble.show(color, &env);
        trouble.code().into()
    })
}
