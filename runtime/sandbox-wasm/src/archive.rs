//! Writes the mounts of a step as one tar stream, the same bytes for the same content.
//!
//! Owners, times and all of a mode but the executable bit are left out: they differ from machine to machine. It follows no
//! link, and what is neither file, folder nor link is not in it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use cap_std::fs::{Dir, Metadata, PermissionsExt};
use stepwell_contract::power::Outlet;
use stepwell_contract::{SandboxError, SandboxErrorKind};
use tar::{Builder, EntryType, Header};

use crate::BACKEND;
use crate::place::{Shown, open_file};

/// An archive in the making.
pub(crate) struct Archive<'a> {
    tar: Builder<Outlet<'a>>,
}

fn header(entry_type: EntryType, size: u64, is_executable: bool) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry_type);
    header.set_size(size);
    header.set_mode(if is_executable { 0o755 } else { 0o644 });
    header.set_mtime(0);
    header
}

impl<'a> Archive<'a> {
    pub(crate) fn new(to: &'a mut dyn Write) -> Self {
        Self {
            tar: Builder::new(Outlet::new(to)),
        }
    }

    /// Adds a mount, but for what other mounts hide.
    pub(crate) fn add(
        &mut self,
        shown: &Shown,
        hidden: &BTreeSet<&str>,
    ) -> Result<(), SandboxError> {
        let added = self.add_all(shown, hidden);
        added.map_err(|error| self.trouble(error))
    }

    pub(crate) fn finish(mut self) -> Result<(), SandboxError> {
        let finished = self.tar.finish();
        finished.map_err(|error| self.trouble(error))
    }

    fn trouble(&self, error: io::Error) -> SandboxError {
        let kind = match self.tar.get_ref().has_failed() {
            true => SandboxErrorKind::Interrupted,
            false => SandboxErrorKind::Host,
        };
        SandboxError::new(BACKEND, "archive the step", kind).because(error)
    }

    fn add_all(&mut self, shown: &Shown, hidden: &BTreeSet<&str>) -> io::Result<()> {
        let root = shown.path.trim_start_matches('/');
        self.folder(root)?;
        // Walked with a list and not by recursion: a guest decides how deep it is.
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let at = if folder.is_empty() { "." } else { &folder };
            let mut names = Vec::new();
            for entry in shown.dir.read_dir(at)? {
                // A step has no names that are not text.
                names.extend(entry?.file_name().into_string().ok());
            }
            names.sort();
            let mut below = Vec::new();
            for name in names {
                let path = match folder.as_str() {
                    "" => name,
                    _ => format!("{folder}/{name}"),
                };
                if hidden.contains(&*format!("{}/{path}", shown.path)) {
                    continue;
                }
                let found = shown.dir.symlink_metadata(&path)?;
                if found.is_dir() {
                    self.folder(&format!("{root}/{path}"))?;
                    below.push(path);
                } else {
                    self.entry(&shown.dir, &path, &format!("{root}/{path}"), &found)?;
                }
            }
            folders.extend(below.into_iter().rev());
        }
        Ok(())
    }

    fn folder(&mut self, name: &str) -> io::Result<()> {
        let mut header = header(EntryType::Directory, 0, true);
        self.tar
            .append_data(&mut header, format!("{name}/"), io::empty())
    }

    fn entry(&mut self, dir: &Dir, path: &str, name: &str, found: &Metadata) -> io::Result<()> {
        if found.is_symlink() {
            let target = dir.read_link_contents(path)?;
            let mut header = header(EntryType::Symlink, 0, true);
            return self.tar.append_link(&mut header, name, target);
        }
        if !found.is_file() {
            return Ok(());
        }
        let file = open_file(dir, path)?;
        let found = file.metadata()?;
        let is_executable = found.permissions().mode() & 0o100 != 0;
        let mut header = header(EntryType::Regular, found.len(), is_executable);
        // As long as its header says, whatever happens to the file meanwhile.
        let content = file.chain(io::repeat(0)).take(found.len());
        self.tar.append_data(&mut header, name, content)
    }
}
