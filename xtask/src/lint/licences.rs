//! Every crate's licence and source against `deny.toml`, over `cargo metadata` alone.
//!
//! `cargo deny` does this and more, but takes minutes to install. Knows only the two lists of `deny.toml` that it needs.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use crate::repo;

/// Checks the lock files of all our workspaces.
///
/// # Errors
///
/// When a crate comes from elsewhere or has a licence that is not allowed.
pub(crate) fn check() -> Result<()> {
    let text =
        fs::read_to_string(repo::root().join("deny.toml")).context("failed to read `deny.toml`")?;
    let licences = strings(&text, "allow");
    let registries = strings(&text, "allow-registry");
    let mut wrong = BTreeSet::new();
    for manifest in repo::manifests() {
        let metadata = MetadataCommand::new()
            .manifest_path(&manifest)
            .exec()
            .with_context(|| format!("failed to read the crates of `{}`", manifest.display()))?;
        for package in metadata.packages {
            let name = format!("{} {}", package.name, package.version);
            if let Some(source) = &package.source {
                let is_known = source
                    .repr
                    .strip_prefix("registry+")
                    .is_some_and(|registry| registries.contains(&registry));
                if !is_known {
                    wrong.insert(format!("{name} comes from `{source}`"));
                }
            }
            let licence = package.license.as_deref().unwrap_or("none");
            if !allows(&licences, licence) {
                wrong.insert(format!("{name} has the licence `{licence}`"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!(
            "not allowed by deny.toml:\n  {}",
            Vec::from_iter(wrong).join("\n  ")
        );
    }
    Ok(())
}

/// The strings of `key = [ … ]`.
fn strings<'text>(text: &'text str, key: &str) -> Vec<&'text str> {
    text.lines()
        .skip_while(|line| line.split('=').next().map(str::trim) != Some(key))
        .take_while({
            let mut ended = false;
            move |line| {
                !std::mem::replace(
                    &mut ended,
                    line.split('#')
                        .next()
                        .is_some_and(|code| code.contains(']')),
                )
            }
        })
        .filter_map(|line| line.split('"').nth(1))
        .collect()
}

/// Whether a licence expression can be met from the list. `OR` needs one side, `AND` both; `/` is an old way to say `OR`.
fn allows(licences: &[&str], expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let allowed = any(licences, &mut words);
    // Anything left over was not understood, and what is not understood is not allowed.
    allowed && words.next().is_none()
}

type Words<'text> = std::iter::Peekable<std::str::SplitWhitespace<'text>>;

fn any(licences: &[&str], words: &mut Words<'_>) -> bool {
    let mut allowed = all(licences, words);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all(licences, words);
    }
    allowed
}

fn all(licences: &[&str], words: &mut Words<'_>) -> bool {
    let mut allowed = one(licences, words);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(licences, words);
    }
    allowed
}

fn one(licences: &[&str], words: &mut Words<'_>) -> bool {
    let Some(word) = words.next() else {
        return false;
    };
    if word == "(" {
        let allowed = any(licences, words);
        return words.next() == Some(")") && allowed;
    }
    match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
        Some(exception) => licences.contains(&format!("{word} WITH {exception}").as_str()),
        None => licences.contains(&word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lists() {
        let text = "[licenses]\nallow = [\n    \"MIT\", # why\n    \"ISC\",\n]\nallow-registry = [\"https://x\"]\nother = \"no\"\n";
        assert_eq!(strings(text, "allow"), ["MIT", "ISC"]);
        assert_eq!(strings(text, "allow-registry"), ["https://x"]);
    }

    #[test]
    fn weighs_expressions() {
        let licences = ["MIT", "Apache-2.0 WITH LLVM-exception"];
        for allowed in [
            "MIT",
            "GPL-3.0 OR MIT",
            "Apache-2.0/MIT",
            "(GPL-3.0 OR MIT) AND MIT",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(allows(&licences, allowed), "{allowed}");
        }
        for refused in [
            "GPL-3.0",
            "Apache-2.0",
            "MIT AND GPL-3.0",
            "MIT (",
            "",
            "none",
        ] {
            assert!(!allows(&licences, refused), "{refused}");
        }
    }
}
