//! A directory's entries, sorted by the bytes of their names.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use cap_std::fs::{Dir, FileTypeExt};
use rustix::fs::FileType;
use stepwell_contract::Kind;

use super::stat::descriptor_type;
use super::{FsError, FsResult};
use crate::bindings::imports::wasi::filesystem::types::{DirectoryEntry, ErrorCode};

/// The entries that a guest has not read yet.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Listing {
    names: Arc<[Box<str>]>,
    types: Vec<FileType>,
    next: usize,
    /// Names that are not UTF-8 and were left out, which the guest is told at the end.
    illegal: Vec<(OsString, FileType)>,
    /// Whether the guest was told.
    illegal_told: bool,
}

impl Listing {
    /// Reads all of `dir`.
    pub(crate) fn read(dir: &Dir) -> FsResult<Self> {
        let mut entries = Vec::new();
        let mut illegal = Vec::new();
        for entry in dir.entries()? {
            let entry = entry?;
            let file_type = file_type(&entry)?;
            match entry.file_name().into_string() {
                Ok(name) => entries.push((name.into_boxed_str(), file_type)),
                Err(name) => illegal.push((name, file_type)),
            }
        }
        entries.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let (names, types): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        Ok(Self {
            names: names.into(),
            types,
            next: 0,
            illegal,
            illegal_told: false,
        })
    }

    /// All that is in the folder, sorted by the bytes of the names.
    pub(crate) fn raw(&self) -> Vec<(Box<[u8]>, Kind)> {
        let legal = self.names.iter().map(|name| Box::from(name.as_bytes()));
        let legal = legal.zip(self.types.iter().copied().map(Kind::of_entry));
        let mut entries: Vec<_> = legal.collect();
        if !self.illegal.is_empty() {
            let illegal = self.illegal.iter().map(|(name, file_type)| {
                let name = name.clone().into_vec().into_boxed_slice();
                (name, Kind::of_entry(*file_type))
            });
            entries.extend(illegal);
            entries.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        }
        entries
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
            _ if !self.illegal.is_empty() && !std::mem::replace(&mut self.illegal_told, true) => {
                Err(FsError::Code(ErrorCode::IllegalByteSequence))
            }
            _ => Ok(None),
        }
    }
}

/// All that is in `dir`, sorted by the bytes of the names, for nobody but a record.
///
/// # Errors
///
/// What the host could not do.
pub(crate) fn raw_entries(dir: &Dir) -> io::Result<Vec<(Box<[u8]>, Kind)>> {
    let mut entries = Vec::new();
    for entry in dir.entries()? {
        let entry = entry?;
        let name = entry.file_name().into_vec().into_boxed_slice();
        entries.push((name, Kind::of_entry(file_type(&entry)?)));
    }
    entries.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Ok(entries)
}

fn file_type(entry: &cap_std::fs::DirEntry) -> io::Result<FileType> {
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
