//! A directory's entries, sorted by the bytes of their names.

use std::sync::Arc;

use cap_std::fs::{Dir, FileTypeExt};
use rustix::fs::FileType;

use super::stat::descriptor_type;
use super::{FsError, FsResult};
use crate::bindings::imports::wasi::filesystem::types::{DirectoryEntry, ErrorCode};

/// The entries that a guest has not read yet.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Listing {
    names: Arc<[Box<str>]>,
    types: Vec<FileType>,
    next: usize,
    /// Whether a name that is not UTF-8 was left out, which the guest is told at the end.
    illegal: bool,
}

impl Listing {
    /// Reads all of `dir`.
    pub(crate) fn read(dir: &Dir) -> FsResult<Self> {
        let mut entries = Vec::new();
        let mut illegal = false;
        for entry in dir.entries()? {
            let entry = entry?;
            match entry.file_name().into_string() {
                Ok(name) => entries.push((name.into_boxed_str(), file_type(&entry)?)),
                Err(_) => illegal = true,
            }
        }
        entries.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let (names, types): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        Ok(Self {
            names: names.into(),
            types,
            next: 0,
            illegal,
        })
    }

    /// All names, sorted.
    pub(crate) fn names(&self) -> Arc<[Box<str>]> {
        Arc::clone(&self.names)
    }

    /// The next entry; an error once, after the last one, if some name could not be told.
    pub(crate) fn next(&mut self) -> FsResult<Option<DirectoryEntry>> {
        let at = self.next;
        match (self.names.get(at), self.types.get(at)) {
            (Some(name), Some(file_type)) => {
                self.next += 1;
                Ok(Some(DirectoryEntry {
                    type_: descriptor_type(*file_type),
                    name: name.to_string(),
                }))
            }
            _ if std::mem::take(&mut self.illegal) => {
                Err(FsError::Code(ErrorCode::IllegalByteSequence))
            }
            _ => Ok(None),
        }
    }
}

fn file_type(entry: &cap_std::fs::DirEntry) -> FsResult<FileType> {
    let file_type = entry.file_type()?;
    Ok(if file_type.is_file() {
        FileType::RegularFile
    } else if file_type.is_dir() {
        FileType::Directory
    } else if file_type.is_symlink() {
        FileType::Symlink
    } else if file_type.is_fifo() {
        FileType::Fifo
    } else if file_type.is_socket() {
        FileType::Socket
    } else if file_type.is_char_device() {
        FileType::CharacterDevice
    } else if file_type.is_block_device() {
        FileType::BlockDevice
    } else {
        FileType::Unknown
    })
}
