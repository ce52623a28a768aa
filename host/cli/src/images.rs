//! Finds the code of every step, once, before anything runs.
//!
//! `image:` is a path or it is not; its kind is decided from what is there and never tried in turn. Knows no backend:
//! whether the code can run and what it asks for is found out by `admit`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepwell_contract::Image;
use stepwell_spec::{SpecProblem, TaskRun};

use crate::read::Texts;

/// A component larger than this is a mistake: a disk image, a core dump, an endless pipe.
const MOST: u64 = 512 << 20;

/// The images of a run, by what the document calls them; or every mistake in naming them.
pub(crate) fn find(run: &TaskRun, texts: &Texts) -> Result<Images, Vec<Misnamed>> {
    let mut images = Images::new();
    let mut problems = Vec::new();
    for step in &run.steps {
        if images.contains_key(&step.image) {
            continue;
        }
        let span = step.image_span;
        let Some(path) = as_path(&step.image) else {
            problems.push(Misnamed {
                problem: SpecProblem::image_is_container(span, &step.image),
                missing: Missing::Support,
            });
            continue;
        };
        let folder = texts.folders.get(&span.source);
        let path = folder.map_or_else(|| path.clone(), |folder| folder.join(&path));
        match load(&path) {
            Ok(bytes) => {
                let image = Image::component(Arc::clone(&step.image), bytes);
                images.insert(Arc::clone(&step.image), image);
            }
            Err(why) => problems.push(Misnamed {
                problem: why.into_problem(step, &path),
                missing: Missing::Code,
            }),
        }
    }
    match problems.is_empty() {
        true => Ok(images),
        false => Err(problems),
    }
}

/// The code of a run's steps, by what the document calls it.
pub(crate) type Images = BTreeMap<Arc<str>, Image>;

/// An image that names nothing that can be run.
pub(crate) struct Misnamed {
    /// What to tell the author.
    pub(crate) problem: SpecProblem,
    /// Whose trouble it is.
    pub(crate) missing: Missing,
}

/// What a run lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The code is not there or cannot be run.
    Code,
    /// This Stepwell cannot run such images.
    Support,
}

/// Why a file is not the code of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It cannot be read.
    Unreadable(String),
    /// It is native code.
    Native(&'static str),
    /// It is something else.
    NotWasm(String),
}

impl Unfit {
    fn into_problem(self, step: &stepwell_spec::Step, path: &Path) -> SpecProblem {
        let span = step.image_span;
        match self {
            Self::Unreadable(cause) => {
                SpecProblem::image_not_found(span, &step.image, path, &cause)
            }
            Self::Native(what) => SpecProblem::image_is_native(span, &step.image, what),
            Self::NotWasm(why) => SpecProblem::image_not_wasm(span, &step.image, &why),
        }
    }
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(cause) => f.write_str(cause),
            Self::Native(what) => {
                write!(f, "it is {what}: native code would run outside the sandbox")
            }
            Self::NotWasm(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Unfit {}

/// Reads the code of a step: WebAssembly in binary or in text.
///
/// # Errors
///
/// Says why the file is none.
pub(crate) fn load(path: &Path) -> Result<Vec<u8>, Unfit> {
    let unreadable = |error: std::io::Error| Unfit::Unreadable(error.to_string());
    // Looked at before it is opened: opening a pipe waits for somebody to write.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Unfit::Unreadable("it is not a file".to_owned()));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MOST {
        return Err(Unfit::NotWasm(format!(
            "it has more than {} MiB",
            MOST >> 20
        )));
    }
    judge(&bytes)?;
    Ok(bytes)
}

fn judge(bytes: &[u8]) -> Result<(), Unfit> {
    // What wasmtime precompiles is an ELF file too.
    let native: [(&[u8], &str); 5] = [
        (b"\x7fELF", "an ELF file"),
        (b"MZ", "a program for Windows"),
        (b"\xcf\xfa\xed\xfe", "a program for macOS"),
        (b"\xce\xfa\xed\xfe", "a program for macOS"),
        (b"\xca\xfe\xba\xbe", "a program for macOS"),
    ];
    if let Some((_, what)) = native.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(Unfit::Native(what));
    }
    if bytes.starts_with(b"\0asm") || is_wat(bytes) {
        return Ok(());
    }
    let why = match bytes.is_empty() {
        true => "it is empty",
        false => {
            "it is WebAssembly neither in binary (`\\0asm`) nor in text (`(module` or `(component`)"
        }
    };
    Err(Unfit::NotWasm(why.to_owned()))
}

/// Whether the first thing that is neither space nor comment is an opening parenthesis.
fn is_wat(bytes: &[u8]) -> bool {
    let mut rest = bytes.trim_ascii_start();
    loop {
        if let Some(line) = rest.strip_prefix(b";;") {
            let end = line
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(line.len());
            rest = line[end..].trim_ascii_start();
        } else if let Some(block) = rest.strip_prefix(b"(;") {
            let Some(end) = end_of_block(block) else {
                return false;
            };
            rest = block[end..].trim_ascii_start();
        } else {
            return rest.starts_with(b"(");
        }
    }
}

/// Where a block comment ends, whose opening was read; they nest.
fn end_of_block(block: &[u8]) -> Option<usize> {
    let mut depth = 1_usize;
    let mut at = 0;
    while depth > 0 {
        match block.get(at..at + 2)? {
            b"(;" => (depth, at) = (depth + 1, at + 2),
            b";)" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    Some(at)
}

/// The path that an image names: `./x`, `../x`, `/x`, `file:x`, `file:///x`. `None` for a container image.
fn as_path(image: &str) -> Option<PathBuf> {
    if let Some(path) = image.strip_prefix("file:") {
        return Some(path.strip_prefix("//").unwrap_or(path).into());
    }
    let path = image.starts_with("./") || image.starts_with("../") || image.starts_with('/');
    path.then(|| image.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_path_only_where_it_looks_like_one() {
        for (image, path) in [
            ("./a.wasm", Some("./a.wasm")),
            ("../a.wasm", Some("../a.wasm")),
            ("/a.wasm", Some("/a.wasm")),
            ("file:a.wasm", Some("a.wasm")),
            ("file:///a.wasm", Some("/a.wasm")),
            ("a.wasm", None),
            ("alpine", None),
            ("ghcr.io/owner/name:1", None),
            ("oci:./folder", None),
            ("docker-archive:./x.tar", None),
        ] {
            assert_eq!(as_path(image), path.map(PathBuf::from), "{image}");
        }
    }

    #[test]
    fn webassembly_is_taken_in_binary_and_in_text() {
        for bytes in [
            &b"\0asm\x01\0\0\0"[..],
            b"(module)",
            b" \n;; a comment\n(; a (; nested ;) block ;)\n(component)",
        ] {
            assert_eq!(judge(bytes), Ok(()));
        }
    }

    #[test]
    fn attack_native_code_in_place_of_a_component() {
        for bytes in [&b"\x7fELF\x02\x01"[..], b"MZ\x90", b"\xcf\xfa\xed\xfe"] {
            assert!(matches!(judge(bytes), Err(Unfit::Native(_))));
        }
    }

    #[test]
    fn other_files_are_no_steps() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b";; only", b"(; open", b"{}"] {
            assert!(matches!(judge(bytes), Err(Unfit::NotWasm(_))));
        }
    }

    #[test]
    fn attack_a_pipe_in_place_of_a_component_waits_for_ever() {
        let temp = tempfile::tempdir().unwrap();
        assert!(matches!(load(temp.path()), Err(Unfit::Unreadable(_))));
        let pipe = temp.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|status| status.success()) {
            assert!(matches!(load(&pipe), Err(Unfit::Unreadable(_))));
        }
    }
}
