//! Names and links of an archive's entries, extended headers included, read up to a bound.
//!
//! The `tar` crate would read them for us, and as much of them as an entry claims to have. So entries are taken raw, and
//! what makes a name longer than a header has room for is put together here. It does not touch a disk.

use std::io::Read;

use tar::{EntryType, PaxExtensions};

use super::Bounds;
use super::refusal::{Refusal, UnpackError};

/// An extended header, or a long name, is not longer: stops one of gigabytes, which would be held in memory.
const EXTENSION_BYTES: u64 = 1 << 20;

/// Linux' own bound of a path, less its NUL.
const PATH_BYTES: usize = 4095;

/// The bound of one name, in every file system that matters.
const NAME_BYTES: usize = 255;

/// What hides a file of a lower layer ("Whiteouts", `layer.md`).
const WHITEOUT: &[u8] = b".wh.";

/// What hides everything that lower layers have in a folder ("Opaque Whiteout", `layer.md`).
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What was said about the next entry before it came.
#[derive(Debug, Default)]
pub(super) struct Pending {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Pending {
    /// Takes an entry that only speaks about the next one; false where this is one of its own.
    pub(super) fn take(
        &mut self,
        entry: &mut tar::Entry<'_, impl Read>,
    ) -> Result<bool, UnpackError> {
        match entry.header().entry_type() {
            EntryType::GNULongName => self.path = Some(text(entry)?),
            EntryType::GNULongLink => self.link = Some(text(entry)?),
            EntryType::XHeader => self.extensions(&read(entry)?)?,
            // Of all that follow: nothing that we look at is said there.
            EntryType::XGlobalHeader => drop(read(entry)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn extensions(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        let refused = || UnpackError::refused(b"", Refusal::Extension);
        for extension in PaxExtensions::new(bytes) {
            let extension = extension.map_err(|_| refused())?;
            let value = extension.value_bytes();
            match extension.key_bytes() {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok();
                    self.size = Some(
                        size.and_then(|size| size.parse().ok())
                            .ok_or_else(refused)?,
                    );
                }
                key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// Where the entry belongs, and where it leads if it is a link.
    pub(super) fn finish(
        self,
        entry: &tar::Entry<'_, impl Read>,
        bounds: &Bounds,
    ) -> Result<(Place, Option<Vec<u8>>), UnpackError> {
        let header = entry.header();
        let path = match self.path {
            Some(path) => path,
            None => header.path_bytes().into_owned(),
        };
        let refused = |refusal| Err(UnpackError::refused(&path, refusal));
        if self.sparse {
            return refused(Refusal::Sparse);
        }
        // The reader goes by the header; another size would make it take content for headers.
        if self
            .size
            .is_some_and(|size| header.entry_size().ok() != Some(size))
        {
            return refused(Refusal::Extension);
        }
        let names = names(&path, bounds).map_err(|refusal| UnpackError::refused(&path, refusal))?;
        let link = match self.link {
            Some(link) => Some(link),
            None => header.link_name_bytes().map(std::borrow::Cow::into_owned),
        };
        match link {
            Some(link) if link.len() > PATH_BYTES => refused(Refusal::NameTooLong),
            Some(link) if link.is_empty() || link.contains(&0) => refused(Refusal::NoTarget),
            link => Ok((Place { path, names }, link)),
        }
    }
}

fn read(entry: &mut tar::Entry<'_, impl Read>) -> Result<Vec<u8>, UnpackError> {
    let mut bytes = Vec::new();
    let size = entry.take(EXTENSION_BYTES + 1).read_to_end(&mut bytes);
    if size.map_err(UnpackError::Read)? as u64 > EXTENSION_BYTES {
        return Err(UnpackError::refused(b"", Refusal::Extension));
    }
    Ok(bytes)
}

/// A long name, which ends with a NUL.
fn text(entry: &mut tar::Entry<'_, impl Read>) -> Result<Vec<u8>, UnpackError> {
    let mut bytes = read(entry)?;
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}

/// The names of a path below the root; none for the root itself. A leading `/` means the layer's own root.
pub(super) fn names(path: &[u8], bounds: &Bounds) -> Result<Vec<Vec<u8>>, Refusal> {
    if path.is_empty() || path.contains(&0) {
        return Err(Refusal::Name);
    }
    if path.len() > PATH_BYTES {
        return Err(Refusal::NameTooLong);
    }
    let mut names = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return Err(Refusal::DotDot),
            name if name.len() > NAME_BYTES => return Err(Refusal::NameTooLong),
            name => names.push(name.to_vec()),
        }
    }
    match names.len() > bounds.depth {
        true => Err(Refusal::TooDeep(bounds.depth)),
        false => Ok(names),
    }
}

/// What a whiteout hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden<'a> {
    /// Everything that lower layers have in its folder.
    All,
    /// One name.
    Name(&'a [u8]),
}

/// Where an entry belongs.
#[derive(Debug)]
pub(super) struct Place {
    path: Vec<u8>,
    names: Vec<Vec<u8>>,
}

impl Place {
    /// As the archive has it, for messages.
    pub(super) fn shown(&self) -> &[u8] {
        &self.path
    }

    /// Its names below the root; none for the root itself.
    pub(super) fn names(&self) -> &[Vec<u8>] {
        &self.names
    }

    /// The folder it is in and its name there; `None` for the root itself.
    pub(super) fn split(&self) -> Option<(&[Vec<u8>], &[u8])> {
        let (name, folder) = self.names.split_last()?;
        Some((folder, name))
    }

    /// What it hides, where it is a whiteout.
    pub(super) fn whiteout(&self) -> Result<Option<Hidden<'_>>, UnpackError> {
        let refused = || UnpackError::refused(&self.path, Refusal::Whiteout);
        let Some((folder, name)) = self.split() else {
            return Ok(None);
        };
        if folder.iter().any(|name| name.starts_with(WHITEOUT)) {
            return Err(refused());
        }
        match name.strip_prefix(WHITEOUT) {
            None => Ok(None),
            Some(_) if name == OPAQUE => Ok(Some(Hidden::All)),
            Some(b"" | b"." | b"..") => Err(refused()),
            Some(hidden) if hidden.starts_with(WHITEOUT) => Err(refused()),
            Some(hidden) => Ok(Some(Hidden::Name(hidden))),
        }
    }
}
