//! Looks whether every source file names its licence, in the way of SPDX: `SPDX-License-Identifier: Apache-2.0`.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use stepwell::{Error, ReadOnlyWorkspace, Results as _};

/// A licence is named at the top of a file.
const TOP: u64 = 2048;

/// What stands before the name of a licence.
const TAG: &str = "SPDX-License-Identifier:";

/// Which files, and which licences.
#[derive(stepwell::Params)]
struct Input {
    /// The licences that a file may name.
    #[param(default = ["Apache-2.0"])]
    licences: Vec<String>,
    /// The endings of the files that are looked at.
    #[param(default = ["rs", "c", "h", "go", "py", "js"])]
    endings: Vec<String>,
    /// The folder of sources. Folders whose names begin with a dot are left out.
    source: ReadOnlyWorkspace,
}

/// What was found.
#[derive(stepwell::Results)]
struct Found {
    /// How many files were looked at.
    checked: usize,
    /// Those that name no licence, or one that they may not.
    wrong: Vec<String>,
}

/// Looks whether every source file names its licence.
///
/// The first lines of each file have to hold `SPDX-License-Identifier:` and one of the licences that are allowed.
#[stepwell::task(results = Found)]
fn licence_headers(input: Input) -> Result<(), Error> {
    let mut files = Vec::new();
    collect(&input.source, &mut files)?;
    files.retain(|path| has_ending(path, &input.endings));
    let mut wrong = Vec::new();
    for path in &files {
        let shown = path.strip_prefix(&input.source).unwrap_or(path);
        let shown = shown.display().to_string();
        let why = match named(&top(path)?) {
            None => "names no licence".to_owned(),
            Some(licence) if input.licences.contains(&licence) => continue,
            Some(licence) => format!("is under {licence}"),
        };
        println!("{shown}: {why}");
        wrong.push(shown);
    }
    let (checked, many) = (files.len(), wrong.len());
    Found { checked, wrong }.emit()?;
    match many {
        0 => Ok(()),
        many => Err(format!("{many} of {checked} files lack a licence that they may have").into()),
    }
}

/// The files below `folder`, in the order of their paths.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir() && !is_hidden {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

fn has_ending(path: &Path, endings: &[String]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.iter().any(|one| one == ending))
}

/// The beginning of a file, as far as it is a text.
fn top(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(TOP).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The licence that a text names.
fn named(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.split_once(TAG))?.1;
    let licence = line.trim().trim_end_matches("*/").trim_end_matches("-->");
    Some(licence.trim().to_owned()).filter(|licence| !licence.is_empty())
}

#[cfg(test)]
mod tests {
    use stepwell::testing::Call;

    use super::*;

    #[test]
    fn a_licence_is_named_in_any_comment() {
        for text in [
            "// SPDX-License-Identifier: MIT\n",
            "#!/bin/sh\n# SPDX-License-Identifier: MIT",
            "/* SPDX-License-Identifier: MIT */",
            "<!-- SPDX-License-Identifier: MIT -->",
        ] {
            assert_eq!(named(text).as_deref(), Some("MIT"), "{text}");
        }
        assert_eq!(named("// MIT"), None);
        assert_eq!(named("// SPDX-License-Identifier:"), None);
    }

    #[test]
    fn a_file_without_a_licence_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = temp.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("a.rs", "// SPDX-License-Identifier: Apache-2.0\n");
        put("b/c.go", "package c\n");
        put(".git/d.rs", "");
        put("notes.txt", "");
        let told = Call::new()
            .workspace("source", temp.path())
            .run::<licence_headers>();
        assert_eq!(told.results["checked"], "2".into());
        assert_eq!(told.results["wrong"], vec!["b/c.go".to_owned()].into());
        assert!(told.ending.is_err());
    }
}
