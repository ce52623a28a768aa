//! What a guest learns about a file beside its content: nothing that two runs would not agree on.

use cap_std::fs::MetadataExt;
use rustix::fs::{FileType, Stat};

use crate::bindings::imports::wasi::clocks::wall_clock::Datetime;
use crate::bindings::imports::wasi::filesystem::types::{
    DescriptorStat, DescriptorType, MetadataHashValue,
};

/// The identity of a file as a guest sees it: a digest of its path. A guest that compares inode numbers finds two names
/// of one file to be two files; that is the price of numbers that do not depend on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PathHash([u64; 2]);

impl PathHash {
    pub(crate) fn of(path: &str) -> Self {
        let digest = *blake3::hash(path.as_bytes()).as_bytes();
        let half = |start: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&digest[start..start + 8]);
            u64::from_le_bytes(bytes)
        };
        Self([half(0), half(8)])
    }
}

impl From<PathHash> for MetadataHashValue {
    fn from(PathHash([lower, upper]): PathHash) -> Self {
        Self { lower, upper }
    }
}

/// WASI's word for a type of file.
pub(crate) fn descriptor_type(file_type: FileType) -> DescriptorType {
    match file_type {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}

/// What a guest is told of something open.
pub(crate) fn of_open(stat: &Stat, pinned: Datetime) -> DescriptorStat {
    describe(
        FileType::from_raw_mode(stat.st_mode),
        u64::try_from(stat.st_size).unwrap_or(0),
        pinned,
    )
}

/// What a guest is told of a path.
pub(crate) fn of_path(metadata: &cap_std::fs::Metadata, pinned: Datetime) -> DescriptorStat {
    describe(
        FileType::from_raw_mode(metadata.mode()),
        metadata.len(),
        pinned,
    )
}

fn describe(file_type: FileType, size: u64, pinned: Datetime) -> DescriptorStat {
    DescriptorStat {
        type_: descriptor_type(file_type),
        link_count: 1,
        // A directory's size is the file system's own affair.
        size: if file_type == FileType::Directory {
            0
        } else {
            size
        },
        data_access_timestamp: Some(pinned),
        data_modification_timestamp: Some(pinned),
        status_change_timestamp: Some(pinned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_depends_on_the_path_alone() {
        assert_eq!(PathHash::of("/workspace/a"), PathHash::of("/workspace/a"));
        assert_ne!(PathHash::of("/workspace/a"), PathHash::of("/workspace/b"));
    }
}
