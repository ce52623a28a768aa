//! What the steps of the example pipelines have in common: each is an ordinary program of one page, which takes its
//! arguments from the document and writes results to the files that it is told.
//!
//! - **In**: arguments, folders.
//! - **Out**: lines on standard output, files, and an exit code that says whether it worked.
//! - **Must not know**: Tekton, Stepwell, or which pipeline it is in.
//! - **Held up by**: nothing but the standard library, and BLAKE3 for digests.
//! - **Read next**: `src/bin/lint-text.rs`, which is what a step looks like.

use std::process::ExitCode;

pub mod json;
pub mod lint;
pub mod tree;

/// What is shown to whoever called a program wrongly, or gave it something that it cannot work with.
pub type Trouble = Box<dyn std::error::Error>;

/// Runs a step: its arguments without the program's name, and a complaint if it does not work.
pub fn step(run: impl FnOnce(&[String]) -> Result<ExitCode, Trouble>) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    run(&args).unwrap_or_else(|trouble| {
        eprintln!("{trouble}");
        ExitCode::from(2)
    })
}
