//! What a step of the mock sees: its mounts, and what may be done with them.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use stepwell_contract::Access;

use super::{Flaw, Shared};

/// A mount of a step.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) access: Access,
    pub(super) dir: Arc<Dir>,
    pub(super) host: PathBuf,
}

/// All mounts of a step.
#[derive(Clone)]
pub(super) struct Sight {
    pub(super) shared: Arc<Shared>,
    pub(super) mounts: Vec<Seen>,
    pub(super) working_dir: String,
}

fn refused(kind: io::ErrorKind) -> io::Error {
    kind.into()
}

/// What is left of `path` below the mount at `folder`.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

impl Sight {
    /// The mount that `path` is in, and where in there.
    fn find(&self, path: &str) -> io::Result<(&Seen, String)> {
        let has = |flaw| self.shared.has(flaw);
        let path = match path.strip_prefix('/') {
            Some(_) => path.to_owned(),
            None if has(Flaw::IgnoresWorkingDirectory) => format!("/{path}"),
            None => format!("{}/{path}", self.working_dir),
        };
        let fits = |seen: &&Seen| match has(Flaw::PrefixMounts) {
            true => path.starts_with(&seen.path),
            false => below(&path, &seen.path).is_some(),
        };
        let mut fitting = self.mounts.iter().filter(fits);
        let seen = if has(Flaw::FirstMountWins) || has(Flaw::PrefixMounts) {
            fitting.next()
        } else if has(Flaw::LastMountWins) {
            fitting.next_back()
        } else {
            fitting.max_by_key(|seen| seen.path.len())
        };
        let seen = seen.ok_or(refused(io::ErrorKind::NotFound))?;
        let rest = path[seen.path.len()..].trim_start_matches('/');
        let rest = if rest.is_empty() { "." } else { rest };
        Ok((seen, rest.to_owned()))
    }

    fn find_writable(&self, path: &str) -> io::Result<(&Seen, String)> {
        let (seen, rest) = self.find(path)?;
        let access = if self.shared.has(Flaw::AccessOfFirst) {
            let first = self.mounts.iter().find(|first| first.host == seen.host);
            first.map_or(seen.access, |first| first.access)
        } else {
            seen.access
        };
        if access == Access::ReadOnly && !self.shared.has(Flaw::IgnoresReadOnly) {
            return Err(refused(io::ErrorKind::ReadOnlyFilesystem));
        }
        Ok((seen, rest))
    }

    /// Opens a file to be read, and waits for nothing.
    pub(super) fn open(&self, path: &str) -> io::Result<File> {
        let (seen, rest) = match self.find(path) {
            Ok(found) => found,
            Err(_) if self.shared.has(Flaw::SeesTheHost) => {
                return Ok(File::from_std(std::fs::File::open(path)?));
            }
            Err(error) => return Err(error),
        };
        if self.shared.has(Flaw::ReadOnlyIsClosed) && seen.access == Access::ReadOnly {
            return Err(refused(io::ErrorKind::PermissionDenied));
        }
        if self.shared.has(Flaw::FollowsAnything) {
            return Ok(File::from_std(std::fs::File::open(seen.host.join(rest))?));
        }
        if self.shared.has(Flaw::FollowsNothing) && seen.dir.symlink_metadata(&rest)?.is_symlink() {
            return Err(refused(io::ErrorKind::PermissionDenied));
        }
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        seen.dir.open_with(rest, &options)
    }

    pub(super) fn open_folder(&self, path: &str) -> io::Result<Dir> {
        let (seen, rest) = self.find(path)?;
        seen.dir.open_dir(rest)
    }

    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        let mut text = String::new();
        self.open(path)?.read_to_string(&mut text)?;
        Ok(text)
    }

    pub(super) fn write(&self, path: &str, content: &mut dyn Read) -> io::Result<()> {
        let (seen, rest) = self.find_writable(path)?;
        if self.shared.has(Flaw::WritesNothing) {
            return Ok(());
        }
        let mut file: Box<dyn Write> = if self.shared.has(Flaw::FollowsAnything) {
            Box::new(std::fs::File::create(seen.host.join(rest))?)
        } else {
            Box::new(seen.dir.create(rest)?)
        };
        io::copy(content, &mut file).map(drop)
    }

    pub(super) fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in self.open_folder(path)?.entries()? {
            let name = entry?.file_name().into_string();
            names.push(name.map_err(|_| refused(io::ErrorKind::InvalidData))?);
        }
        names.sort();
        Ok(names)
    }

    pub(super) fn make_folder(&self, path: &str) -> io::Result<()> {
        let (seen, rest) = self.find_writable(path)?;
        seen.dir.create_dir(rest)
    }

    pub(super) fn link(&self, target: &str, path: &str) -> io::Result<()> {
        let (seen, rest) = self.find_writable(path)?;
        seen.dir.symlink(target, rest)
    }

    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        let (seen, rest) = self.find_writable(path)?;
        seen.dir.remove_file(rest)
    }

    /// For the flaw that copies volumes: a link becomes what it leads to, and what is no file is gone.
    pub(super) fn copy_back(&self) {
        for seen in &self.mounts {
            for name in self.names(&seen.path).unwrap_or_default() {
                let path = seen.host.join(&name);
                let found = seen.dir.symlink_metadata(&name).unwrap();
                if found.is_file() || found.is_dir() {
                    continue;
                }
                let content = found.is_symlink().then(|| std::fs::read(&path));
                std::fs::remove_file(&path).unwrap();
                if let Some(Ok(content)) = content {
                    std::fs::write(&path, content).unwrap();
                }
            }
        }
    }

    pub(super) fn is_there(&self, path: &str) -> bool {
        self.find(path)
            .is_ok_and(|(seen, rest)| seen.dir.exists(rest))
    }
}
