//! A workspace as the host hands it over.

use crate::wasi::filesystem::preopens::get_directories;
use crate::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};

/// A workspace as the host hands it over, not opened by the C library a second time.
pub struct Folder(pub Descriptor);

impl Folder {
    /// The workspace at `path`.
    ///
    /// # Panics
    ///
    /// When the host handed over none of this path.
    pub fn at(path: &str) -> Self {
        let mut folders = get_directories().into_iter();
        let (descriptor, _) = folders
            .find(|(_, name)| name == path)
            .expect("a workspace at this path");
        Self(descriptor)
    }

    /// Opens a file of it for reading.
    pub fn open(&self, name: &str) -> Result<Descriptor, ErrorCode> {
        let follow = PathFlags::SYMLINK_FOLLOW;
        self.0
            .open_at(follow, name, OpenFlags::empty(), DescriptorFlags::READ)
    }
}
