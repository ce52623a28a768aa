//! `show NAME|FILE …`: prints variables by their names, and files by their paths.

use std::env;
use std::fs;
use std::process::ExitCode;

use example_steps::step;

fn main() -> ExitCode {
    step(|args| {
        for arg in args {
            let value = if arg.contains('/') {
                fs::read_to_string(arg).map_err(|error| format!("{arg}: {error}"))?
            } else {
                #[expect(clippy::disallowed_methods, reason = "variables are what it shows")]
                let value = env::var(arg);
                value.map_err(|error| format!("{arg}: {error}"))?
            };
            println!("{arg}: {}", value.trim_end());
        }
        Ok(ExitCode::SUCCESS)
    })
}
