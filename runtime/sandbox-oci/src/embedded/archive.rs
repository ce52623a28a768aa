//! Writes all that a step left as one tar stream, the same bytes for the same content.
//!
//! Times are left out, which differ from run to run; owners and modes are the step's own. Links stay what they are, and what is
//! neither file, folder nor link is not in it.

use std::io::{self, Read as _, Write};
use std::path::Path;

use rustix_namespaces::fs::{FileType, Stat};
use stepwell_contract::power::Outlet;
use stepwell_contract::{Cancel, SandboxErrorKind};
use tar::{Builder, EntryType, Header};

use crate::embedded::look::{Root, kind};

/// Writes everything below `root`, until `ends` is asked for.
///
/// # Errors
///
/// [`SandboxErrorKind::Interrupted`] with the error of `to` or where it ends, else what the host could not do.
pub(crate) fn write(
    root: &Root,
    to: &mut dyn Write,
    ends: &Cancel,
) -> Result<(), (SandboxErrorKind, io::Error)> {
    let mut tar = Builder::new(Outlet::new(to));
    let written = root.walk(Path::new("/"), |path, below, found| match ends.reason() {
        Some(_) => Err(io::Error::other("its task has ended")),
        None => add(&mut tar, root, path, below, found),
    });
    written.and_then(|()| tar.finish()).map_err(|error| {
        let is_over = tar.get_ref().has_failed() || ends.reason().is_some();
        let kind = match is_over {
            true => SandboxErrorKind::Interrupted,
            false => SandboxErrorKind::Host,
        };
        (kind, error)
    })
}

fn header(entry_type: EntryType, found: &Stat) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry_type);
    header.set_mode(found.st_mode & 0o7777);
    header.set_uid(found.st_uid.into());
    header.set_gid(found.st_gid.into());
    header.set_mtime(0);
    header.set_size(0);
    header
}

fn add(
    tar: &mut Builder<Outlet<'_>>,
    root: &Root,
    path: &Path,
    below: &Path,
    found: &Stat,
) -> io::Result<()> {
    match kind(found) {
        FileType::Directory => {
            let mut header = header(EntryType::Directory, found);
            tar.append_data(&mut header, below.join(""), io::empty())
        }
        FileType::Symlink => {
            let mut header = header(EntryType::Symlink, found);
            tar.append_link(&mut header, below, root.link(path)?)
        }
        FileType::RegularFile => {
            let file = root.file(path)?;
            let size = file.metadata()?.len();
            let mut header = header(EntryType::Regular, found);
            header.set_size(size);
            // As long as its header says, whatever happens to the file meanwhile.
            let content = file.chain(io::repeat(0)).take(size);
            tar.append_data(&mut header, below, content)
        }
        _ => Ok(()),
    }
}
