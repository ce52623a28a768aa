//! Removes a folder that a guest could write to, whatever it left there.
//!
//! Works through directory handles, so that a link leads nowhere outside. A guest can nest folders deeper than this
//! process may hold files open or has stack for: a folder that is not empty is therefore moved up beside the others and
//! emptied from there, so that depth costs neither. It does not know whose folder it is.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};

use cap_std::fs::{Dir, DirEntry, Permissions, PermissionsExt};
use rustix::fs::{AtFlags, RawDir, SeekFrom};
use rustix::io::Errno;

/// How often to begin again when a folder that was emptied is not empty: a guest that was given up on may still be
/// writing. What is left then is left to the next sweep.
const ROUNDS: u32 = 4;

/// How many bytes of a listing are taken at once: more than one entry needs, whose name has 255 bytes at most.
const LISTED: usize = 1024;

/// Removes `name` in `parent`, which is open as `dir`.
pub(crate) fn folder(parent: &Dir, name: &str, dir: &Dir) -> io::Result<()> {
    for _ in 0..ROUNDS {
        empty(dir)?;
        match parent.remove_dir(name) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            removed => return removed,
        }
    }
    Err(ErrorKind::DirectoryNotEmpty.into())
}

/// Folders that were moved up and wait to be emptied: `.gone-<next>` up to `.gone-<end>`.
#[derive(Default)]
struct Gone {
    next: u64,
    end: u64,
}

fn gone_name(number: u64) -> String {
    format!(".gone-{number}")
}

/// Removes all that is in `top`. Nobody else lists it through this handle.
pub(crate) fn empty(top: &Dir) -> io::Result<()> {
    if unlink_files(top).unwrap_or(false) {
        return Ok(());
    }
    let mut gone = Gone::default();
    clear(top, top, &mut gone)?;
    while gone.next < gone.end {
        let name = gone_name(gone.next);
        gone.next += 1;
        let cleared = with_permission(top, OsStr::new(&name), || {
            clear(&top.open_dir(&name)?, top, &mut gone)
        });
        match cleared {
            // Left by a sweeper that died, and moved on by us since.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            cleared => cleared?,
        }
        top.remove_dir(&name)?;
    }
    Ok(())
}

/// Removes files of `dir`; says whether nothing else is in it. What a task leaves is mostly nothing, or a script: it is
/// listed through the handle that is there, and each name is unlinked as it was listed, which is no path and is not
/// followed.
pub(crate) fn unlink_files(dir: &Dir) -> Result<bool, Errno> {
    rustix::fs::seek(dir, SeekFrom::Start(0))?;
    let mut buffer = [std::mem::MaybeUninit::<u8>::uninit(); LISTED];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if [c".", c".."].contains(&entry.file_name()) {
            continue;
        }
        match rustix::fs::unlinkat(dir, entry.file_name(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            // A folder; Linux says the first, others the second.
            Err(Errno::ISDIR | Errno::PERM) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Removes what is in `dir`; folders that are not empty are moved to `top`.
fn clear(dir: &Dir, top: &Dir, gone: &mut Gone) -> io::Result<()> {
    for entry in dir.entries()? {
        discard(dir, &entry?, top, gone)?;
    }
    Ok(())
}

fn discard(dir: &Dir, entry: &DirEntry, top: &Dir, gone: &mut Gone) -> io::Result<()> {
    let name = entry.file_name();
    if !entry.file_type()?.is_dir() {
        return ignore_missing(dir.remove_file(&name));
    }
    match dir.remove_dir(&name) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
        removed => return ignore_missing(removed),
    }
    loop {
        let up = gone_name(gone.end);
        // Moving a folder changes what its `..` is, so it has to be writable itself.
        match with_permission(dir, &name, || dir.rename(&name, top, &up)) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists
                ) =>
            {
                gone.end += 1;
            }
            moved => {
                gone.end += 1;
                return ignore_missing(moved);
            }
        }
    }
}

fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Tries again, once, after giving the user back every permission on `name` in `dir`: a guest may have taken them.
fn with_permission<T>(
    dir: &Dir,
    name: &OsStr,
    mut work: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    match work() {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            dir.set_permissions(name, Permissions::from_mode(0o700))?;
            work()
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use cap_std::ambient_authority;

    use super::*;

    fn remove(parent: &Path, name: &str) -> io::Result<()> {
        let parent = Dir::open_ambient_dir(parent, ambient_authority())?;
        let dir = parent.open_dir(name)?;
        folder(&parent, name, &dir)
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let kept = temp.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "1").unwrap();
        let gone = temp.path().join("gone");
        fs::create_dir_all(gone.join("a/b")).unwrap();
        symlink(&kept, gone.join("link")).unwrap();
        symlink(&kept, gone.join("a/b/link")).unwrap();
        symlink("../../kept", gone.join("a/up")).unwrap();
        remove(temp.path(), "gone").unwrap();
        assert!(!gone.exists());
        assert!(kept.join("file").exists());
    }

    #[test]
    fn attack_what_stands_for_something_else_is_unlinked_itself() {
        let temp = tempfile::tempdir().unwrap();
        let kept = temp.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "1").unwrap();
        let gone = temp.path().join("gone");
        fs::create_dir(&gone).unwrap();
        symlink(&kept, gone.join("folder")).unwrap();
        symlink(kept.join("file"), gone.join("file")).unwrap();
        fs::hard_link(kept.join("file"), gone.join("same")).unwrap();
        // More than is listed at once, names as long as they may be.
        for number in 0..50 {
            fs::write(gone.join(format!("{number:0>255}")), "1").unwrap();
        }
        let dir = Dir::from_std_file(fs::File::open(&gone).unwrap());
        for _ in 0..2 {
            assert_eq!(unlink_files(&dir), Ok(true));
            assert_eq!(fs::read_dir(&gone).unwrap().count(), 0);
        }
        assert_eq!(fs::read(kept.join("file")).unwrap(), b"1");
        // A folder is not one of them, and goes all the same.
        fs::create_dir(gone.join("deep")).unwrap();
        assert_eq!(unlink_files(&dir), Ok(false));
        empty(&dir).unwrap();
        assert_eq!(fs::read_dir(&gone).unwrap().count(), 0);
    }

    #[test]
    fn a_tree_deeper_than_the_open_files_allow_is_removed() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("gone")).unwrap();
        let mut dir = Dir::open_ambient_dir(temp.path().join("gone"), ambient_authority()).unwrap();
        for depth in 0..1_500 {
            dir.write("file", depth.to_string()).unwrap();
            dir.create_dir("deeper").unwrap();
            dir = dir.open_dir("deeper").unwrap();
        }
        remove(temp.path(), "gone").unwrap();
        assert!(!temp.path().join("gone").exists());
    }

    #[test]
    fn names_left_by_a_sweeper_that_died_are_no_obstacle() {
        let temp = tempfile::tempdir().unwrap();
        for number in [0, 1, 3] {
            fs::create_dir_all(temp.path().join(format!("gone/.gone-{number}/x/y"))).unwrap();
        }
        fs::create_dir_all(temp.path().join("gone/a/b/c")).unwrap();
        remove(temp.path(), "gone").unwrap();
        assert!(!temp.path().join("gone").exists());
    }
}
