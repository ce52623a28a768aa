//! What git keeps is source: no built file, and no folder of the root that `ARCHITECTURE.md` does not tell of.
//!
//! `git add --all` takes what a run has left in the checkout with it; review overlooks one file among many.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    command::{self, say},
    repo,
};

/// How much of a file is looked at, as git does to tell text from bytes.
const LOOKED_AT: u64 = 8 * 1024;

/// Checks every file that git keeps.
///
/// # Errors
///
/// When one is no text, a folder of the root is not told of, or git or a file cannot be read.
pub(crate) fn check() -> Result<()> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z"]).current_dir(repo::root());
    let output = command::output(&mut list)?;
    if !output.status.success() {
        say("skipped: this is no checkout of git");
        return Ok(());
    }
    let listed = String::from_utf8(output.stdout).context("git keeps a name that is no UTF-8")?;
    let names: Vec<&str> = listed
        .split_terminator('\0')
        .filter(|name| repo::root().join(name).is_file())
        .collect();

    let mut wrong = Vec::new();
    for name in &names {
        if !is_text(&repo::root().join(name)).with_context(|| format!("failed to read `{name}`"))? {
            wrong.push(format!("`{name}` is no text: keep what it is built from"));
        }
    }
    let map = std::fs::read_to_string(repo::root().join("ARCHITECTURE.md"))
        .context("failed to read `ARCHITECTURE.md`")?;
    for folder in untold(&names, &map) {
        wrong.push(format!("`{folder}/` is no room in ARCHITECTURE.md"));
    }
    if !wrong.is_empty() {
        bail!("git keeps what it should not: {}", wrong.join("; "));
    }
    Ok(())
}

fn is_text(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(LOOKED_AT).read_to_end(&mut start)?;
    Ok(!start.contains(&0))
}

/// The folders of the root of which the map names neither them nor a room in them; hidden ones belong to tools.
fn untold<'a>(names: &[&'a str], map: &str) -> BTreeSet<&'a str> {
    names
        .iter()
        .filter_map(|name| Some(name.split_once('/')?.0))
        .filter(|folder| !folder.starts_with('.'))
        .filter(|folder| {
            !["`", "/"]
                .iter()
                .any(|end| map.contains(&format!("`{folder}{end}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_that_the_map_does_not_tell_of_is_found() {
        let names = [
            ".ci/run",
            "Cargo.toml",
            "host/cli/src/main.rs",
            "site/a",
            "site/b",
            "wit/task.wit",
        ];
        let untold = untold(&names, "| `wit` | `host/cli` | see site |");
        assert_eq!(untold.into_iter().collect::<Vec<_>>(), ["site"]);
    }

    #[test]
    fn a_component_is_no_text_and_its_text_form_is() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (built, source) = (folder.path().join("a.wasm"), folder.path().join("a.wat"));
        fs::write(&built, b"\0asm\x0d\0\x01\0")?;
        fs::write(&source, "(component)")?;
        assert!(!is_text(&built)?);
        assert!(is_text(&source)?);
        Ok(())
    }
}
