//! Reads one text, and no more of it than a document can have.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, anyhow};

use crate::exit::{Coded, ExitCode};

/// No pipeline is as large as this; a disk image that was named by mistake is.
const MOST: u64 = 16 << 20;

/// The text of a file.
///
/// # Errors
///
/// It is not there, is no file, is too large, or is not UTF-8.
pub(super) fn file(path: &Path) -> anyhow::Result<String> {
    let name = path.display().to_string();
    let bytes = open(path).and_then(|file| bounded(file, MOST));
    text(&name, bytes)
}

/// What standard input says.
///
/// # Errors
///
/// It is too large, or is not UTF-8.
pub(super) fn stdin() -> anyhow::Result<String> {
    text("<stdin>", bounded(io::stdin().lock(), MOST))
}

/// A file that must be a text of at most `most` bytes.
///
/// # Errors
///
/// It is not there, is no file, is too large, or is not UTF-8.
pub(crate) fn bounded_text(path: &Path, most: u64) -> anyhow::Result<String> {
    let bytes = open(path).and_then(|file| bounded(file, most));
    text(&path.display().to_string(), bytes)
}

fn text(name: &str, bytes: anyhow::Result<Vec<u8>>) -> anyhow::Result<String> {
    let bytes = bytes.with_context(|| Coded::usage(format!("failed to read `{name}`")))?;
    String::from_utf8(bytes).with_context(|| {
        let message = format!("`{name}` is not a text in UTF-8");
        Coded::new(ExitCode::DocumentInvalid, message)
    })
}

fn open(path: &Path) -> anyhow::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(anyhow!("it is a folder"));
    }
    Ok(file)
}

fn bounded(input: impl Read, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    input.take(most + 1).read_to_end(&mut text)?;
    if text.len() as u64 > most {
        return Err(anyhow!("it has more than {} MiB", most >> 20));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::code_of;

    #[test]
    fn what_cannot_be_a_document_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let make = |name: &str, bytes: &[u8]| {
            let path = temp.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let large = make("large", &vec![b'#'; MOST as usize + 1]);
        let binary = make("binary", b"\xff");
        for (path, code) in [
            (temp.path().join("missing"), ExitCode::Usage),
            (temp.path().to_owned(), ExitCode::Usage),
            (large, ExitCode::Usage),
            (binary, ExitCode::DocumentInvalid),
        ] {
            let error = file(&path).unwrap_err();
            assert_eq!(code_of(&error), code, "{error:#}");
        }
        assert_eq!(file(&make("text", b"kind: Task")).unwrap(), "kind: Task");
    }
}
