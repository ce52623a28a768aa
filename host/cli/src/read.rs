//! Reads the documents that a run is made of.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use stepwell_spec::{SourceId, Sources};

use crate::exit::{Coded, ExitCode};

/// No pipeline is as large as this; a disk image that was named by mistake is.
const MOST: u64 = 16 << 20;

/// The texts, and the folder that paths in each of them start from.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// What was read.
    pub(crate) sources: Sources,
    /// The folder of each.
    pub(crate) folders: BTreeMap<SourceId, PathBuf>,
}

/// Reads `files`; `-` is standard input.
///
/// # Errors
///
/// A file that is not there, is no text, or is too large.
pub(crate) fn read(files: &[PathBuf]) -> anyhow::Result<Texts> {
    let mut texts = Texts::default();
    for path in files {
        let stdin = path == Path::new("-");
        let (name, text) = match stdin {
            true => ("<stdin>".to_owned(), bounded(io::stdin().lock())),
            false => (path.display().to_string(), open(path).and_then(bounded)),
        };
        let text = text.with_context(|| Coded::usage(format!("failed to read `{name}`")))?;
        let text = String::from_utf8(text).with_context(|| {
            Coded::new(
                ExitCode::DocumentInvalid,
                format!("`{name}` is not a text in UTF-8"),
            )
        })?;
        let folder = match path.parent() {
            Some(folder) if !stdin => folder.to_owned(),
            _ => PathBuf::new(),
        };
        let id = texts.sources.add(name, text);
        texts.folders.insert(id, folder);
    }
    Ok(texts)
}

fn open(path: &Path) -> anyhow::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(anyhow!("it is a folder"));
    }
    Ok(file)
}

fn bounded(input: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    input.take(MOST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(anyhow!("it has more than {} MiB", MOST >> 20));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::code_of;

    #[test]
    fn every_text_knows_its_folder() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a.yaml");
        std::fs::write(&path, "kind: Task").unwrap();
        let texts = read(std::slice::from_ref(&path)).unwrap();
        let id = texts.sources.ids().next().unwrap();
        assert_eq!(texts.sources.text(id), "kind: Task");
        assert_eq!(texts.folders[&id], temp.path());
    }

    #[test]
    fn what_cannot_be_a_document_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = temp.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let large = file("large", &vec![b'#'; MOST as usize + 1]);
        let binary = file("binary", b"\xff");
        for (path, code) in [
            (temp.path().join("missing"), ExitCode::Usage),
            (temp.path().to_owned(), ExitCode::Usage),
            (large, ExitCode::Usage),
            (binary, ExitCode::DocumentInvalid),
        ] {
            let error = read(&[path]).unwrap_err();
            assert_eq!(code_of(&error), code, "{error:#}");
        }
    }
}
