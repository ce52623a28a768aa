//! `cargo xtask bench`: measures Stepwell against its peers, in pairs, and writes a table and a JSON file.
//!
//! Both sides of a row run on this machine in this run, by turns, so that whatever else the machine does meets both. A peer
//! that is not there is named as missing. Release builds on both sides.

mod boxes;
mod cached;
mod containers;
mod daemon;
mod pairs;
mod report;
mod rows;
mod scale;
mod tools;
mod tree;

use std::path::PathBuf;

use anyhow::Result;

use crate::command::say;
use rows::ROWS;
use tools::Tools;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Measure only these rows (1, 2, 3a, 3b, 3c, 4, 4b, 5, 5b, git, 6, 6b, 7, 100k, 8, 9a, 9b, 9c, 9d)
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// How many pairs to measure for each row
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    pairs: u32,
    /// Measure this `stepwell` instead of building one
    #[arg(long, value_name = "PROGRAM")]
    stepwell: Option<PathBuf>,
    /// Measure against this `wasmtime` instead of installing the version that the workspace uses
    #[arg(long, value_name = "PROGRAM")]
    wasmtime: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// When something cannot be built or run. A row that does not meet its bound is a finding and no error.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let tools = Tools::prepare(arguments.stepwell.as_deref(), arguments.wasmtime.as_deref())?;
    let mut findings = Vec::new();
    for row in &ROWS {
        let is_wanted =
            arguments.rows.is_empty() || arguments.rows.iter().any(|name| name == row.name);
        if is_wanted {
            say(&format!("measuring row {}: {}", row.name, row.work));
            findings.push((row, (row.measure)(&tools, arguments.pairs)?));
        }
    }
    report::write(&tools, arguments.pairs, &findings)
}
