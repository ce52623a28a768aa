//! `cargo xtask wit`: the reference page of the guest contract, made from `wit/task.wit`, and the text that was published.
//!
//! It does not know what the words mean: the page is what the file says, in the file's order. What may change about a
//! published text stands on the page itself.

mod page;
mod read;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::repo;

/// What `cargo xtask wit` can be told.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail where the page is not what the contract says
    #[arg(long)]
    check: bool,
}

/// Writes the page, or compares it.
///
/// # Errors
///
/// When the contract cannot be read, has an item that nobody explained, or the page is stale.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.check {
        return check();
    }
    let path = page_path();
    fs::write(&path, made()?).with_context(|| format!("failed to write `{}`", path.display()))
}

/// Fails where the page is not what the contract says.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn check() -> Result<()> {
    let path = page_path();
    let found = fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    if found != made()? {
        bail!("docs/reference/wit.md is not what wit/task.wit says: run `cargo xtask wit`");
    }
    Ok(())
}

fn made() -> Result<String> {
    let package = read::package(&source()?).context("failed to understand `wit/task.wit`")?;
    Ok(page::page(&package))
}

fn source() -> Result<String> {
    fs::read_to_string(repo::root().join("wit/task.wit")).context("failed to read `wit/task.wit`")
}

fn page_path() -> PathBuf {
    repo::root().join("docs/reference/wit.md")
}

/// What of a text of WIT has a meaning to machines: no comments, no empty lines, no indentation.
#[cfg(test)]
fn meaning(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("//") {
        Some((code, _)) => code.trim(),
        None => line.trim(),
    });
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `stepwell:task@0.1.0` is published: components in registries were built against these words. If this fails, the change
    /// belongs into a new version of the package (see "What may change" in docs/reference/wit.md), and the published text
    /// stays as it is.
    #[test]
    fn the_published_text_of_0_1_0_stays() {
        let path = repo::root().join("tests/golden/wit/stepwell-task-0.1.0.wit");
        let published = fs::read_to_string(path).unwrap();
        assert_eq!(meaning(&source().unwrap()), published);
    }

    #[test]
    fn only_what_has_a_meaning_is_compared() {
        let text = "/// A doc.\npackage a:b;\n\n    x: u8, // why\n";
        assert_eq!(meaning(text), "package a:b;\nx: u8,\n");
        assert_ne!(meaning("x: u8,"), meaning("x: u16,"));
    }
}
