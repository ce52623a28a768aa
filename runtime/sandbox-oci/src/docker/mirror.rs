//! A folder of this machine, put into an archive, and made to look like what came back in one.
//!
//! Everything is done through the folder's handle, and a symbolic link is never followed: it is sent and made as what it is. What
//! is neither file, folder nor link stays where it is. It knows no daemon.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _};
use cap_std::fs::{
    Dir, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _, Permissions,
    PermissionsExt as _,
};
use rustix::fs::OFlags;

/// More folders below each other than this are not sent: stops a path that no program can walk.
const DEPTH: usize = 256;

/// What is compared at once.
const BLOCK: usize = 64 << 10;

/// What tells whether something has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    is_folder: bool,
    mode: u32,
    owner: (u32, u32),
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// What is in a folder, with a stamp for each path.
pub(super) type Snapshot = BTreeMap<PathBuf, Stamp>;

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let is_folder = metadata.is_dir();
        Self {
            is_folder,
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            inode: metadata.ino(),
            // What a folder itself says changes with what is in it.
            size: if is_folder { 0 } else { metadata.size() },
            changed: match is_folder {
                true => (0, 0),
                false => (metadata.ctime(), metadata.ctime_nsec()),
            },
        }
    }
}

/// Looks at everything in `dir`.
///
/// # Errors
///
/// What cannot be read, or is too deep.
pub(super) fn look(dir: &Dir) -> io::Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    walk(dir, Path::new(""), 0, &mut |_, path, _, metadata| {
        snapshot.insert(path.to_owned(), Stamp::of(metadata));
        Ok(())
    })?;
    Ok(snapshot)
}

type Each<'a> = dyn FnMut(&Dir, &Path, &OsString, &Metadata) -> io::Result<()> + 'a;

fn walk(dir: &Dir, below: &Path, depth: usize, each: &mut Each<'_>) -> io::Result<()> {
    if depth > DEPTH {
        let text = format!("`{}` is deeper than {DEPTH} folders", below.display());
        return Err(io::Error::other(text));
    }
    let mut names = Vec::new();
    for entry in dir.entries()? {
        names.push(entry?.file_name());
    }
    names.sort();
    for name in names {
        let metadata = match dir.symlink_metadata(&name) {
            // Gone since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        let path = below.join(&name);
        each(dir, &path, &name, &metadata)?;
        if metadata.is_dir() {
            walk(&dir.open_dir_nofollow(&name)?, &path, depth + 1, each)?;
        }
    }
    Ok(())
}

/// Writes what in `dir` is not as it was `before`, and the folder itself, as an archive.
///
/// # Errors
///
/// What cannot be read, changes while it is read, or is too deep.
pub(super) fn pack(dir: &Dir, before: &Snapshot, to: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(to);
    let mut top = header(&dir.dir_metadata()?, tar::EntryType::Directory);
    archive.append_data(&mut top, "./", io::empty())?;
    walk(dir, Path::new(""), 0, &mut |dir, path, name, metadata| {
        if before.get(path) == Some(&Stamp::of(metadata)) {
            return Ok(());
        }
        if metadata.is_dir() {
            let mut header = header(metadata, tar::EntryType::Directory);
            return archive.append_data(&mut header, path, io::empty());
        }
        if metadata.is_symlink() {
            let mut header = header(metadata, tar::EntryType::Symlink);
            return archive.append_link(&mut header, path, dir.read_link_contents(name)?);
        }
        if !metadata.is_file() {
            return Ok(());
        }
        let file = open(dir, name)?;
        let metadata = file.metadata()?;
        let mut header = header(&metadata, tar::EntryType::Regular);
        header.set_size(metadata.len());
        let content = Exactly {
            inner: file,
            left: metadata.len(),
        };
        archive.append_data(&mut header, path, content)
    })?;
    archive.into_inner()?.flush()
}

fn header(metadata: &Metadata, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(metadata.mode() & 0o7777);
    header.set_uid(metadata.uid().into());
    header.set_gid(metadata.gid().into());
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
    header.set_size(0);
    header
}

/// A regular file, not waited for should it be something else by now.
fn open(dir: &Dir, name: &OsString) -> io::Result<cap_std::fs::File> {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No);
    options.custom_flags(OFlags::NONBLOCK.bits() as i32);
    let file = dir.open_with(name, &options)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file any more")),
    }
}

/// Reads as many bytes as were announced.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::Error::other("a file became shorter while it was sent"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Makes `target` look like `source`: what is the same is left alone, and what is not in `source` is removed if `known` has it,
/// for what came since is somebody else's.
///
/// # Errors
///
/// What cannot be read or written.
pub(super) fn mirror(source: &Dir, target: &Dir, known: &Snapshot) -> io::Result<()> {
    copy(source, target, known, Path::new(""))
}

fn copy(source: &Dir, target: &Dir, known: &Snapshot, below: &Path) -> io::Result<()> {
    for entry in target.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let gone = source.symlink_metadata(&name).is_err();
        if gone && known.contains_key(&below.join(&name)) {
            remove(target, &name)?;
        }
    }
    for entry in source.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let new = source.symlink_metadata(&name)?;
        let old = target.symlink_metadata(&name).ok();
        if new.is_dir() {
            if !old.is_some_and(|old| old.is_dir()) {
                remove(target, &name)?;
                target.create_dir(&name)?;
            }
            let folder = target.open_dir_nofollow(&name)?;
            copy(
                &source.open_dir_nofollow(&name)?,
                &folder,
                known,
                &below.join(&name),
            )?;
            dress(target, &name, &new)?;
        } else if new.is_symlink() {
            let leads = source.read_link_contents(&name)?;
            if target.read_link_contents(&name).ok().as_ref() != Some(&leads) {
                remove(target, &name)?;
                target.symlink_contents(&leads, &name)?;
            }
        } else if new.is_file() {
            if !same(source, target, &name, old.as_ref())? {
                remove(target, &name)?;
                let mut options = OpenOptions::new();
                options.write(true).create_new(true);
                let mut made = target.open_with(&name, &options)?;
                io::copy(&mut open(source, &name)?, &mut made)?;
            }
            dress(target, &name, &new)?;
        }
    }
    Ok(())
}

/// Gives what is called `name` the mode and the owner that it had where it comes from; a bit that hands powers on is left out.
fn dress(target: &Dir, name: &OsString, like: &Metadata) -> io::Result<()> {
    let now = target.symlink_metadata(name)?;
    if (now.uid(), now.gid()) != (like.uid(), like.gid()) && rustix::process::geteuid().is_root() {
        let user = rustix::fs::Uid::from_raw(like.uid());
        let group = rustix::fs::Gid::from_raw(like.gid());
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let name = name.as_bytes();
        rustix::fs::chownat(target, name, Some(user), Some(group), flags)?;
    }
    let mode = like.mode() & 0o1777;
    match now.mode() & 0o7777 == mode {
        true => Ok(()),
        false => target.set_permissions(name, Permissions::from_mode(mode)),
    }
}

fn same(source: &Dir, target: &Dir, name: &OsString, old: Option<&Metadata>) -> io::Result<bool> {
    if !old.is_some_and(Metadata::is_file) {
        return Ok(false);
    }
    let (mut new, mut old) = (open(source, name)?, open(target, name)?);
    if new.metadata()?.len() != old.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; BLOCK], vec![0; BLOCK]);
    loop {
        let read = new.read(&mut left)?;
        if read == 0 {
            return Ok(true);
        }
        match old.read_exact(&mut right[..read]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            outcome => outcome?,
        }
        if left[..read] != right[..read] {
            return Ok(false);
        }
    }
}

fn remove(dir: &Dir, name: &OsString) -> io::Result<()> {
    match dir.symlink_metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(metadata) if metadata.is_dir() => dir.remove_dir_all(name),
        _ => dir.remove_file(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Dir) {
        let temp = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = temp.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let dir = Dir::open_ambient_dir(temp.path(), ambient_authority()).unwrap();
        (temp, dir)
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap();
        entries
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            // A folder may have a slash at its end, which makes no difference.
            .map(|path| path.trim_end_matches('/').to_owned())
            .collect()
    }

    #[test]
    fn only_what_has_changed_is_sent() {
        let (temp, dir) = folder(&[("a/one", "1"), ("two", "2")]);
        std::os::unix::fs::symlink("/etc/passwd", temp.path().join("link")).unwrap();
        let mut all = Vec::new();
        pack(&dir, &Snapshot::new(), &mut all).unwrap();
        assert_eq!(names(&all), [".", "a", "a/one", "link", "two"]);
        let before = look(&dir).unwrap();
        std::fs::remove_file(temp.path().join("two")).unwrap();
        std::fs::write(temp.path().join("two"), "3").unwrap();
        let mut changed = Vec::new();
        pack(&dir, &before, &mut changed).unwrap();
        assert_eq!(names(&changed), [".", "two"]);
    }

    #[test]
    fn what_comes_back_is_there_and_what_was_removed_is_gone() {
        let (_kept, source) = folder(&[("a/one", "new"), ("same", "s"), ("kind/now", "folder")]);
        let (temp, target) = folder(&[
            ("a/one", "old"),
            ("a/gone", "x"),
            ("same", "s"),
            ("kind", "file"),
        ]);
        let known = look(&target).unwrap();
        std::fs::write(temp.path().join("since"), "somebody else's").unwrap();
        let inode = target.metadata("same").unwrap().ino();
        mirror(&source, &target, &known).unwrap();
        let read = |path: &str| std::fs::read_to_string(temp.path().join(path)).ok();
        assert_eq!(read("a/one").as_deref(), Some("new"));
        assert_eq!(read("kind/now").as_deref(), Some("folder"));
        assert_eq!(read("a/gone"), None);
        assert_eq!(read("since").as_deref(), Some("somebody else's"));
        assert_eq!(target.metadata("same").unwrap().ino(), inode);
    }

    #[test]
    fn attack_a_link_on_this_side_is_replaced_and_not_followed() {
        let (outside, _) = folder(&[("kept", "outside")]);
        let (temp, target) = folder(&[]);
        std::os::unix::fs::symlink(outside.path(), temp.path().join("d")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("kept"), temp.path().join("f")).unwrap();
        let (_kept, source) = folder(&[("d/kept", "written"), ("f", "written")]);
        mirror(&source, &target, &look(&target).unwrap()).unwrap();
        let kept = std::fs::read_to_string(outside.path().join("kept")).unwrap();
        assert_eq!(kept, "outside");
        assert_eq!(
            std::fs::read_to_string(temp.path().join("f")).unwrap(),
            "written"
        );
        assert!(temp.path().join("d/kept").is_file());
    }

    #[test]
    fn attack_powers_are_not_handed_on() {
        let (temp, source) = folder(&[("program", "")]);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o6755);
        std::fs::set_permissions(temp.path().join("program"), mode).unwrap();
        let (_kept, target) = folder(&[]);
        mirror(&source, &target, &Snapshot::new()).unwrap();
        assert_eq!(target.metadata("program").unwrap().mode() & 0o7777, 0o755);
    }
}
