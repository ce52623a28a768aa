//! What a step left, looked at from outside: its root and its volumes, as it saw them.
//!
//! The root is that of a container in which nothing runs (`held`), read-only and without anything of the kernel's. Every path is
//! looked up in there by the kernel, so that a link, an absolute one too, leads where it led the step, and `..` not out.
//! What is no regular file is never waited for, and there are no devices.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix_namespaces::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, openat2, readlinkat, statat,
};
use rustix_namespaces::io::Errno;
use stepwell_contract::SandboxError;

use crate::embedded::handles;
use crate::embedded::held::Held;
use crate::embedded::request::Purpose;
use crate::embedded::site::Site;

/// Names in all folders of one walk: stops a step that makes so many that we run out of memory for sorting them.
const ENTRIES: usize = 1_000_000;

/// Folders below each other. The kernel takes no path that is much longer.
const DEPTH: usize = 1_000;

/// How often a path is looked up again because something was renamed somewhere just then. Each look takes microseconds.
const AGAIN: usize = 1_000;

/// The root of a step that has ended.
pub(crate) struct Root {
    dir: OwnedFd,
    /// The root is there for as long as this is.
    _held: Held,
}

impl Root {
    /// Makes what the step of `site` left visible.
    ///
    /// # Errors
    ///
    /// What the host could not do.
    pub(crate) fn open(site: &Arc<Site>) -> Result<Self, SandboxError> {
        let failed = |error: io::Error| site.failed("look at what is left of", error);
        let held = Held::start(site, Purpose::Look)?;
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        held.live().open(theirs, &[]).map_err(failed)?;
        let (_, handles) = handles::receive(&ours, &mut [0]).map_err(failed)?;
        let dir = handles.into_iter().next();
        let dir = dir.ok_or_else(|| failed(ErrorKind::UnexpectedEof.into()))?;
        Ok(Self { dir, _held: held })
    }

    /// Opens the regular file that `path` leads to.
    pub(crate) fn file(&self, path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(self.open_at(path, flags)?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::new(ErrorKind::NotFound, "it is no regular file")),
        }
    }

    /// Looks whether `path` leads to a folder.
    pub(crate) fn folder(&self, path: &Path) -> io::Result<()> {
        self.open_at(path, OFlags::PATH | OFlags::DIRECTORY)
            .map(drop)
    }

    /// What is at `path`, and not what a link there leads to.
    pub(crate) fn find(&self, path: &Path) -> io::Result<Stat> {
        let (folder, name) = self.parent(path)?;
        Ok(statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// What the link at `path` says.
    pub(crate) fn link(&self, path: &Path) -> io::Result<PathBuf> {
        let (folder, name) = self.parent(path)?;
        let target = readlinkat(&folder, name, Vec::new())?;
        Ok(OsStr::from_bytes(target.as_bytes()).into())
    }

    fn parent<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let name = path.file_name().ok_or(ErrorKind::NotFound)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        Ok((
            self.open_at(folder, OFlags::PATH | OFlags::DIRECTORY)?,
            name,
        ))
    }

    fn open_at(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        let mut again = AGAIN;
        loop {
            match openat2(&self.dir, path, flags, Mode::empty(), resolve) {
                // Something on this machine was renamed or mounted while the kernel went through a `..`.
                Err(Errno::AGAIN) if again > 0 => again -= 1,
                opened => return Ok(opened?),
            }
        }
    }

    fn names(&self, path: &Path, left: &mut usize) -> io::Result<Vec<OsString>> {
        let folder = self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            *left = left.checked_sub(1).ok_or_else(|| {
                io::Error::other(format!(
                    "there are more than {ENTRIES} names in its folders"
                ))
            })?;
            names.push(OsStr::from_bytes(name).to_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Calls `each` with all that is below the folder `top`, which is followed if it is a link, in the order of the paths:
    /// the path, that below `top`, and what is there. Folders come before what is in them.
    ///
    /// # Errors
    ///
    /// What `each` says, and what the host could not do.
    pub(crate) fn walk<E: From<io::Error>>(
        &self,
        top: &Path,
        mut each: impl FnMut(&Path, &Path, &Stat) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = ENTRIES;
        // With a list and not by recursion: the step decided how deep it is.
        let first = self.names(top, &mut left)?.into_iter();
        let mut levels = vec![(PathBuf::new(), first)];
        while let Some((below, names)) = levels.last_mut() {
            let Some(name) = names.next() else {
                levels.pop();
                continue;
            };
            let below = below.join(name);
            let path = top.join(&below);
            let found = match self.find(&path) {
                Ok(found) => found,
                // A shell may be there as well.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            each(&path, &below, &found)?;
            if kind(&found) == FileType::Directory {
                if levels.len() > DEPTH {
                    let error = format!("there are more than {DEPTH} folders below each other");
                    return Err(io::Error::other(error).into());
                }
                let names = self.names(&path, &mut left)?.into_iter();
                levels.push((below, names));
            }
        }
        Ok(())
    }
}

/// What something is.
pub(crate) fn kind(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}

/// Whether an error only means that the step would see nothing there.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    let missing = [
        ErrorKind::NotFound,
        ErrorKind::NotADirectory,
        // A device, which nobody opens here.
        ErrorKind::PermissionDenied,
    ];
    // Links in a circle, a socket, and a path that no kernel takes.
    let odd = [Errno::LOOP, Errno::NXIO, Errno::NAMETOOLONG].map(Errno::raw_os_error);
    missing.contains(&error.kind()) || error.raw_os_error().is_some_and(|raw| odd.contains(&raw))
}
