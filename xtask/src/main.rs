//! The front door of the project: `cargo xtask guests | demo | test | lint | bench | wit`.
//!
//! In: a command. Out: what that command builds, checks or measures, and an exit code. It must not know the runtime: it
//! links none of it and runs only the built programs, so it compiles in seconds and works while the runtime does not.
//! Held up by cargo itself, which keeps what is up to date. Read next: `guests.rs`, then `test.rs`.

mod bench;
mod command;
mod demo;
mod guests;
mod lint;
mod packages;
mod repo;
mod test;
mod wit;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The front door of the project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build every guest into target/guests
    Guests(guests::Arguments),
    /// Build this project's own documentation into a site, with three sandboxed steps
    Demo,
    /// Run everything CI runs: guests, lint, tests, doctests and the examples
    Test,
    /// Check format, clippy, documentation, licences and the house rules
    Lint,
    /// Measure Stepwell against its peers
    Bench(bench::Arguments),
    /// Write the reference page of the guest contract
    Wit(wit::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Task::Guests(arguments) => guests::run(&arguments),
        Task::Demo => demo::run(),
        Task::Test => test::run(),
        Task::Lint => lint::run(),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Wit(arguments) => wit::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
