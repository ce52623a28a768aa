//! Reads a file that a step's code should be in, and says what it is where it is something else.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A component larger than this is a mistake: a disk image, a core dump, an endless pipe.
const MOST: u64 = 512 << 20;

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
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(Unfit::Unreadable("it is not a file".to_owned()));
    }
    let file = File::open(path).map_err(unreadable)?;
    let expected = usize::try_from(about.len().min(MOST)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(expected);
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

/// Whether these bytes can be a step.
pub(super) fn judge(bytes: &[u8]) -> Result<(), Unfit> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
