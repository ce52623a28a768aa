//! Turns one layer's archive into a folder that overlayfs can take as a lower one.
//!
//! Everything in an archive is hostile. Names are taken apart here and resolved by `tree`, through a handle of the folder
//! and nothing else; what has no business in a layer is refused, with the entry's name. It does not know where the
//! archive comes from: its digest was checked, or will be when its last byte is read.

mod entry;
mod refusal;
mod tree;

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use cap_std::fs::Dir;
use tar::EntryType;

pub(crate) use refusal::{Refusal, UnpackError};
pub(crate) use tree::{Owners, readable};

use entry::{Pending, Place};
use tree::{Attributes, Tree};

/// What one layer may take.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Bytes of the whole archive, unpacked: stops an archive of zeros that fills the disk.
    pub(crate) bytes: u64,
    /// Entries: stops an archive of empty files that uses up the disk's inodes.
    pub(crate) entries: u64,
    /// Names below each other: stops a path that no other program can walk.
    pub(crate) depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bytes: 32 << 30,
            entries: 2_000_000,
            depth: 256,
        }
    }
}

/// Unpacks `archive` into `root`, which is empty.
///
/// # Errors
///
/// What was refused and in which entry, or what could not be read or written.
pub(crate) fn unpack(
    archive: impl Read,
    root: &Dir,
    owners: Owners,
    bounds: &Bounds,
) -> Result<(), UnpackError> {
    take_apart(archive, root, (owners, true), bounds)
}

/// Unpacks `archive` into `root`, which is empty: files of no layer, among which no name hides another one.
///
/// # Errors
///
/// As [`unpack`].
pub(crate) fn unpack_files(
    archive: impl Read,
    root: &Dir,
    owners: Owners,
    bounds: &Bounds,
) -> Result<(), UnpackError> {
    take_apart(archive, root, (owners, false), bounds)
}

/// One entry of an archive, as it is handed out.
pub(crate) struct Handed<'a> {
    /// Its names below the root, none of which is `..`.
    pub(crate) names: &'a [Vec<u8>],
    /// Where it leads, if it is a link.
    pub(crate) link: Option<&'a [u8]>,
    /// What the archive says about it.
    pub(crate) header: &'a tar::Header,
    /// What is in it.
    pub(crate) content: &'a mut dyn Read,
}

/// Hands out the entries of an archive that somebody else made, up to the bounds.
///
/// # Errors
///
/// What was refused and in which entry, or what could not be read; what `each` says.
pub(crate) fn each_entry<E: From<UnpackError>>(
    archive: impl Read,
    bounds: &Bounds,
    mut each: impl FnMut(Handed<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(Bounded {
        inner: archive,
        left: bounds.bytes,
    });
    let mut pending = Pending::default();
    let mut count = 0u64;
    for entry in archive.entries().map_err(UnpackError::Read)?.raw(true) {
        let mut entry = entry.map_err(UnpackError::Read)?;
        count += 1;
        if count > bounds.entries {
            let refusal = Refusal::TooManyEntries(bounds.entries);
            return Err(UnpackError::refused(b"", refusal).into());
        }
        if pending.take(&mut entry)? {
            continue;
        }
        let (place, link) = std::mem::take(&mut pending).finish(&entry, bounds)?;
        let header = entry.header().clone();
        each(Handed {
            names: place.names(),
            link: link.as_deref(),
            header: &header,
            content: &mut entry,
        })?;
    }
    Ok(())
}

fn take_apart(
    archive: impl Read,
    root: &Dir,
    (owners, is_layer): (Owners, bool),
    bounds: &Bounds,
) -> Result<(), UnpackError> {
    let mut archive = tar::Archive::new(Bounded {
        inner: archive,
        left: bounds.bytes,
    });
    let mut tree = Tree::new(root, owners)?;
    let mut pending = Pending::default();
    let mut count = 0u64;
    for entry in archive.entries().map_err(UnpackError::Read)?.raw(true) {
        let mut entry = entry.map_err(UnpackError::Read)?;
        count += 1;
        if count > bounds.entries {
            return Err(UnpackError::refused(
                b"",
                Refusal::TooManyEntries(bounds.entries),
            ));
        }
        if pending.take(&mut entry)? {
            continue;
        }
        let (place, link) = std::mem::take(&mut pending).finish(&entry, bounds)?;
        apply(&mut tree, &mut entry, (&place, is_layer), link)?;
    }
    tree.finish()?;
    // To its end, so that whoever checks the digest has seen all of it.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(UnpackError::Read)?;
    Ok(())
}

fn apply(
    tree: &mut Tree<'_>,
    entry: &mut tar::Entry<'_, impl Read>,
    (place, is_layer): (&Place, bool),
    link: Option<Vec<u8>>,
) -> Result<(), UnpackError> {
    let refuse = |refusal| Err(UnpackError::refused(place.shown(), refusal));
    let kind = entry.header().entry_type();
    let hidden = match is_layer {
        true => place.whiteout()?,
        false => None,
    };
    if let Some(hidden) = hidden {
        return match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::Link => {
                tree.whiteout(place, hidden)
            }
            _ => refuse(Refusal::Whiteout),
        };
    }
    let attributes = Attributes::of(entry.header())
        .map_err(|source| UnpackError::malformed(place.shown(), source))?;
    match kind {
        EntryType::Directory => tree.folder(place, attributes),
        EntryType::Regular | EntryType::Continuous => tree.file(place, attributes, entry),
        EntryType::Symlink => match link {
            Some(target) => tree.symlink(place, attributes, &target),
            None => refuse(Refusal::NoTarget),
        },
        EntryType::Link => match link {
            Some(target) => tree.hard_link(place, &target),
            None => refuse(Refusal::NoTarget),
        },
        EntryType::Fifo => tree.fifo(place, attributes),
        EntryType::Char | EntryType::Block => refuse(Refusal::Device),
        EntryType::GNUSparse => refuse(Refusal::Sparse),
        _ => refuse(Refusal::Kind(kind.as_byte())),
    }
}

/// Reads no more than it may.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the layer is larger than a layer may be",
            )
        })?;
        Ok(read)
    }
}
