//! The folder that a layer becomes: every file, link and whiteout of it, made through one handle.
//!
//! A folder on the way is opened through cap-std, which follows a link only as long as it stays below the root. The last
//! name is never followed: it is made new, after what had it before is gone, as containerd does it. Whiteouts become what
//! overlayfs has for them: a character device 0:0, which anybody may make, and `user.overlay.opaque`, so that a layer is
//! the same for root and for everybody else.
//!
//! It does not know archives.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use cap_fs_ext::DirExt as _;
use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};

use super::Bounds;
use super::entry::{Hidden, Place, names};
use super::refusal::{Refusal, UnpackError, shown};

/// Of a folder that no entry describes.
const FOLDER_MODE: u32 = 0o755;

/// Whose the unpacked files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owners {
    /// Whose the archive says. Only root can.
    Kept,
    /// Ours, all of them.
    Ours,
}

/// What a header says about a file, beside its content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    mode: u32,
    uid: u32,
    gid: u32,
    modified: u64,
}

impl Attributes {
    pub(super) fn of(header: &tar::Header) -> io::Result<Self> {
        let id = |id: u64| {
            // The last one means "nobody in particular" to the kernel, and would be left as it is.
            u32::try_from(id)
                .ok()
                .filter(|id| *id != u32::MAX)
                .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
        };
        Ok(Self {
            mode: header.mode()? & 0o7777,
            uid: id(header.uid()?)?,
            gid: id(header.gid()?)?,
            modified: header.mtime()?,
        })
    }

    fn times(&self) -> Timestamps {
        let time = Timespec {
            // Beyond what a disk can hold it is cut, as every file system does.
            tv_sec: i64::try_from(self.modified).unwrap_or(i64::MAX),
            tv_nsec: 0,
        };
        Timestamps {
            last_access: time,
            last_modification: time,
        }
    }
}

/// A layer that is being unpacked.
pub(super) struct Tree<'a> {
    root: &'a Dir,
    owners: Owners,
    /// What folders are to look like in the end: while they are filled, we must be able to, and their times change.
    folders: BTreeMap<PathBuf, Attributes>,
    /// The folder of the entry before, which mostly is that of the next one.
    last: Option<(PathBuf, Dir)>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(root: &'a Dir, owners: Owners) -> Result<Self, UnpackError> {
        // Overlayfs shows the root of the highest layer.
        readable(root)
            .and_then(|root| Ok(rustix::fs::fchmod(root, Mode::from_raw_mode(FOLDER_MODE))?))
            .map_err(|error| UnpackError::write(b".", error))?;
        Ok(Self {
            root,
            owners,
            folders: BTreeMap::new(),
            last: None,
        })
    }

    /// Gives the folders the modes and times that they are to have.
    pub(super) fn finish(mut self) -> Result<(), UnpackError> {
        // The deepest first: what is in a folder cannot be reached once nobody may enter it.
        for (path, attributes) in std::mem::take(&mut self.folders).into_iter().rev() {
            let dir = match self.root.open_dir(path_or_dot(&path)) {
                Ok(dir) => dir,
                // Replaced by a later entry.
                Err(_) if !self.root.is_dir(path_or_dot(&path)) => continue,
                Err(error) => return Err(UnpackError::write(path.as_os_str().as_bytes(), error)),
            };
            readable(&dir)
                .and_then(|dir| self.dress(dir, attributes))
                .map_err(|error| UnpackError::write(path.as_os_str().as_bytes(), error))?;
        }
        Ok(())
    }

    /// Owner, mode and times of an open file. The owner first: a change of it takes set-user-id bits away.
    fn dress(&self, file: impl std::os::fd::AsFd, attributes: Attributes) -> io::Result<()> {
        if self.owners == Owners::Kept {
            let (uid, gid) = owner(attributes);
            rustix::fs::fchown(&file, Some(uid), Some(gid))?;
        }
        rustix::fs::fchmod(&file, Mode::from_raw_mode(attributes.mode))?;
        rustix::fs::futimens(&file, &attributes.times())?;
        Ok(())
    }

    fn dress_name(&self, dir: &Dir, name: &OsStr, attributes: Attributes) -> io::Result<()> {
        if self.owners == Owners::Kept {
            let (uid, gid) = owner(attributes);
            rustix::fs::chownat(dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        rustix::fs::utimensat(dir, name, &attributes.times(), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    pub(super) fn folder(
        &mut self,
        place: &Place,
        attributes: Attributes,
    ) -> Result<(), UnpackError> {
        let Some((folder, name)) = place.split() else {
            self.folders.insert(PathBuf::new(), attributes);
            return Ok(());
        };
        let parent = self.open(place, folder)?;
        let hidden = match there(&parent, name).map_err(wrote(place))? {
            There::Folder => {
                self.folders.insert(joined(folder, name), attributes);
                return Ok(());
            }
            There::Whiteout => true,
            There::Nothing | There::Other => false,
        };
        self.clear(&parent, name).map_err(wrote(place))?;
        make_folder(&parent, name, hidden).map_err(wrote(place))?;
        self.folders.insert(joined(folder, name), attributes);
        Ok(())
    }

    pub(super) fn file(
        &mut self,
        place: &Place,
        attributes: Attributes,
        content: &mut impl Read,
    ) -> Result<(), UnpackError> {
        let (parent, name) = self.fresh(place)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = parent.open_with(name, &options).map_err(wrote(place))?;
        copy(content, &mut file, place)?;
        self.dress(&file, attributes).map_err(wrote(place))
    }

    pub(super) fn symlink(
        &mut self,
        place: &Place,
        attributes: Attributes,
        target: &[u8],
    ) -> Result<(), UnpackError> {
        let (parent, name) = self.fresh(place)?;
        // It may lead anywhere: in a container, its root is where it ends. Whoever looks from here does not follow it.
        rustix::fs::symlinkat(target, &parent, name)
            .map_err(io::Error::from)
            .and_then(|()| self.dress_name(&parent, name, attributes))
            .map_err(wrote(place))
    }

    pub(super) fn fifo(
        &mut self,
        place: &Place,
        attributes: Attributes,
    ) -> Result<(), UnpackError> {
        let (parent, name) = self.fresh(place)?;
        let mode = Mode::from_raw_mode(attributes.mode);
        rustix::fs::mknodat(&parent, name, FileType::Fifo, mode, 0)
            .map_err(io::Error::from)
            .and_then(|()| self.dress_name(&parent, name, attributes))
            .map_err(wrote(place))
    }

    pub(super) fn hard_link(&mut self, place: &Place, target: &[u8]) -> Result<(), UnpackError> {
        let no_target = |_| UnpackError::refused(place.shown(), Refusal::LinkTarget(shown(target)));
        let target_names = names(target, &Bounds::default())
            .map_err(|refusal| UnpackError::refused(place.shown(), refusal))?;
        let target_path = join(&target_names);
        let linked = self.root.symlink_metadata(path_or_dot(&target_path));
        let linked = linked.map_err(no_target)?;
        if linked.is_dir() || is_whiteout(&linked) {
            return Err(no_target(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let (folder, name) = place
            .split()
            .ok_or_else(|| UnpackError::refused(place.shown(), Refusal::Name))?;
        if joined(folder, name) == target_path {
            return Ok(());
        }
        let (parent, name) = self.fresh(place)?;
        self.root
            .hard_link(&target_path, &parent, name)
            .map_err(no_target)
    }

    pub(super) fn whiteout(
        &mut self,
        place: &Place,
        hidden: Hidden<'_>,
    ) -> Result<(), UnpackError> {
        let folder = place.split().map_or(&[][..], |(folder, _)| folder);
        let parent = self.open(place, folder)?;
        let made = match hidden {
            Hidden::All => make_opaque(&parent),
            // It hides what is below this layer, and what is in it stays.
            Hidden::Name(name) => match there(&parent, name).map_err(wrote(place))? {
                There::Nothing => make_whiteout(&parent, name),
                There::Folder => parent
                    .open_dir_nofollow(OsStr::from_bytes(name))
                    .and_then(|dir| make_opaque(&dir)),
                There::Whiteout | There::Other => Ok(()),
            },
        };
        made.map_err(wrote(place))
    }

    /// The folder of an entry, in which nothing has its name any more, and its name.
    fn fresh<'p>(&mut self, place: &'p Place) -> Result<(Dir, &'p OsStr), UnpackError> {
        let (folder, name) = place
            .split()
            .ok_or_else(|| UnpackError::refused(place.shown(), Refusal::Name))?;
        let parent = self.open(place, folder)?;
        self.clear(&parent, name).map_err(wrote(place))?;
        Ok((parent, OsStr::from_bytes(name)))
    }

    /// Removes what has `name`.
    fn clear(&mut self, parent: &Dir, name: &[u8]) -> io::Result<()> {
        match there(parent, name)? {
            There::Nothing => return Ok(()),
            There::Folder => parent.remove_dir_all(OsStr::from_bytes(name))?,
            There::Whiteout | There::Other => parent.remove_file(OsStr::from_bytes(name))?,
        }
        self.last = None;
        Ok(())
    }

    /// The folder `names`, made where it is missing.
    fn open(&mut self, place: &Place, names: &[Vec<u8>]) -> Result<Dir, UnpackError> {
        let path = join(names);
        if let Some((last, dir)) = &self.last
            && *last == path
        {
            return dir.try_clone().map_err(wrote(place));
        }
        let dir = self.walk(place, names)?;
        self.last = Some((path, dir.try_clone().map_err(wrote(place))?));
        Ok(dir)
    }

    fn walk(&self, place: &Place, names: &[Vec<u8>]) -> Result<Dir, UnpackError> {
        match self.root.open_dir(path_or_dot(&join(names))) {
            Ok(dir) => return Ok(dir),
            Err(error) if left_the_root(&error) => {
                return Err(UnpackError::refused(place.shown(), Refusal::Leaves));
            }
            // Something is missing, or in the way.
            Err(_) => {}
        }
        for count in 1..=names.len() {
            let (name, folder) = names[..count].split_last().unwrap_or((&names[0], &[]));
            let parent = self
                .root
                .open_dir(path_or_dot(&join(folder)))
                .map_err(|error| not_a_folder(place, &error))?;
            match there(&parent, name).map_err(wrote(place))? {
                There::Folder => {}
                There::Nothing => make_folder(&parent, name, false).map_err(wrote(place))?,
                There::Whiteout => {
                    parent
                        .remove_file(OsStr::from_bytes(name))
                        .and_then(|()| make_folder(&parent, name, true))
                        .map_err(wrote(place))?;
                }
                // A link to a folder is followed below, as far as it stays inside.
                There::Other => {}
            }
        }
        self.root
            .open_dir(path_or_dot(&join(names)))
            .map_err(|error| not_a_folder(place, &error))
    }
}

/// What has a name in a folder.
enum There {
    Nothing,
    Folder,
    Whiteout,
    Other,
}

fn there(parent: &Dir, name: &[u8]) -> io::Result<There> {
    match parent.symlink_metadata(OsStr::from_bytes(name)) {
        Ok(found) if found.is_dir() => Ok(There::Folder),
        Ok(found) if is_whiteout(&found) => Ok(There::Whiteout),
        Ok(_) => Ok(There::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(There::Nothing),
        Err(error) => Err(error),
    }
}

/// Devices are refused, so that one that is there is ours.
fn is_whiteout(found: &cap_std::fs::Metadata) -> bool {
    FileType::from_raw_mode(found.mode()) == FileType::CharacterDevice
}

fn make_folder(parent: &Dir, name: &[u8], opaque: bool) -> io::Result<()> {
    let name = OsStr::from_bytes(name);
    rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(FOLDER_MODE))?;
    let dir = parent.open_dir_nofollow(name)?;
    rustix::fs::fchmod(readable(&dir)?, Mode::from_raw_mode(FOLDER_MODE))?;
    match opaque {
        true => make_opaque(&dir),
        false => Ok(()),
    }
}

fn make_opaque(dir: &Dir) -> io::Result<()> {
    rustix::fs::fsetxattr(
        readable(dir)?,
        "user.overlay.opaque",
        b"y",
        XattrFlags::empty(),
    )?;
    Ok(())
}

fn make_whiteout(parent: &Dir, name: &[u8]) -> io::Result<()> {
    let name = OsStr::from_bytes(name);
    rustix::fs::mknodat(parent, name, FileType::CharacterDevice, Mode::empty(), 0)?;
    Ok(())
}

/// The folder again, as one that modes can be set of: cap-std opens a folder only to find its way from it.
pub(crate) fn readable(dir: &Dir) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, ".", flags, Mode::empty())?)
}

fn owner(attributes: Attributes) -> (Uid, Gid) {
    (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid))
}

fn copy(
    content: &mut impl Read,
    file: &mut cap_std::fs::File,
    place: &Place,
) -> Result<(), UnpackError> {
    let mut buffer = [0; 64 << 10];
    loop {
        let read = content.read(&mut buffer).map_err(UnpackError::Read)?;
        if read == 0 {
            return Ok(());
        }
        io::Write::write_all(file, &buffer[..read]).map_err(wrote(place))?;
    }
}

fn join(names: &[Vec<u8>]) -> PathBuf {
    names.iter().map(|name| OsStr::from_bytes(name)).collect()
}

fn joined(folder: &[Vec<u8>], name: &[u8]) -> PathBuf {
    join(folder).join(OsStr::from_bytes(name))
}

fn path_or_dot(path: &Path) -> &Path {
    match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    }
}

/// How cap-std says that a path leads out: an error of its own, and none of the kernel's.
fn left_the_root(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

fn not_a_folder(place: &Place, error: &io::Error) -> UnpackError {
    let refusal = match left_the_root(error) {
        true => Refusal::Leaves,
        false => Refusal::NotAFolder,
    };
    UnpackError::refused(place.shown(), refusal)
}

fn wrote(place: &Place) -> impl Fn(io::Error) -> UnpackError {
    let shown = place.shown().to_vec();
    move |error| UnpackError::write(&shown, error)
}
