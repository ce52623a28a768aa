//! No source file passes 800 lines of code: long before that it has two jobs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::repo;

const MOST: usize = 800;

/// Counts every Rust file of the checkout.
///
/// # Errors
///
/// When a file is too long, or one cannot be read.
pub(crate) fn check() -> Result<()> {
    let mut files = Vec::new();
    collect(repo::root(), &mut files).context("failed to list the source files")?;
    let mut long = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path)
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        let lines = code_lines(&text);
        if lines > MOST {
            long.push(format!(
                "{} has {lines}",
                path.strip_prefix(repo::root()).unwrap_or(&path).display()
            ));
        }
    }
    if !long.is_empty() {
        bail!("more than {MOST} lines of code: {}", long.join(", "));
    }
    Ok(())
}

/// Built and generated files are not counted, nor is what git keeps.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if entry.file_type()?.is_dir() {
            let is_ours = name != "target"
                && name != "generated"
                && !name.as_encoded_bytes().starts_with(b".");
            if is_ours {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Lines that are neither empty, nor comment, nor part of the tests at the end of the file.
fn code_lines(text: &str) -> usize {
    text.lines()
        .map(str::trim)
        .take_while(|line| *line != "#[cfg(test)]")
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_do_not_count() {
        assert_eq!(
            code_lines("//! Doc.\n\nfn a() {\n    // Why.\n}\n\n#[cfg(test)]\nmod tests {}\n"),
            2
        );
    }
}
