//! A step's own folder in the run's scratch: links to its layers, and the layer that it writes to, which is thrown away.
//!
//! A container can nest folders deeper than this process may hold files open or has stack for. So a folder with something in
//! it is moved up beside the others and emptied from there: depth costs neither.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_fs_ext::DirExt as _;
use cap_std::fs::{Dir, Permissions};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A folder that goes away when it is dropped.
#[derive(Debug)]
pub(crate) struct StepFolder {
    scratch: Arc<Dir>,
    name: String,
    path: PathBuf,
}

impl StepFolder {
    /// Makes a folder for a step with these layers, the lowest first.
    pub(crate) fn new(scratch: &Arc<Dir>, path: &Path, layers: &[PathBuf]) -> io::Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("container-{}-{number}", std::process::id());
        scratch.create_dir(&name)?;
        let folder = Self {
            scratch: Arc::clone(scratch),
            path: path.join(&name),
            name,
        };
        let dir = folder.scratch.open_dir(&folder.name)?;
        for name in ["l", "work", "root", "upper"] {
            dir.create_dir(name)?;
        }
        // The root of a container is what this folder looks like.
        dir.set_permissions(
            "upper",
            Permissions::from_std(std::fs::Permissions::from_mode(0o755)),
        )?;
        for (number, layer) in layers.iter().enumerate() {
            dir.symlink_contents(layer, Path::new("l").join(number.to_string()))?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all that was written into it.
    pub(crate) fn remove(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        if self.name.is_empty() {
            return Ok(());
        }
        let name = std::mem::take(&mut self.name);
        empty(&self.scratch.open_dir_nofollow(&name)?)?;
        self.scratch.remove_dir(&name)
    }
}

impl Drop for StepFolder {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(folder = %self.path.display(), ?error, "a container's folder is left behind");
        }
    }
}

/// Removes all that is in `top`.
fn empty(top: &Dir) -> io::Result<()> {
    let mut gone = 0..0u64;
    clear(top, top, &mut gone)?;
    while let Some(number) = gone.next() {
        let name = moved(number);
        make_ours(top, OsStr::new(&name));
        clear(&top.open_dir_nofollow(&name)?, top, &mut gone)?;
        top.remove_dir(&name)?;
    }
    Ok(())
}

fn moved(number: u64) -> String {
    format!(".stepwell-gone-{number}")
}

/// Unlinks the files of `dir`, and moves its folders up into `top`.
fn clear(dir: &Dir, top: &Dir, gone: &mut std::ops::Range<u64>) -> io::Result<()> {
    let ours: Vec<OsString> = gone.clone().map(|number| moved(number).into()).collect();
    for entry in dir.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        if !entry.file_type()?.is_dir() {
            dir.remove_file(&name)?;
        } else if dir.remove_dir(&name).is_err() && !ours.contains(&name) {
            make_ours(dir, &name);
            dir.rename(&name, top, moved(gone.end))?;
            gone.end += 1;
        }
    }
    Ok(())
}

/// Overlayfs leaves a folder that nobody may enter. Where this fails, what comes next tells.
fn make_ours(dir: &Dir, name: &OsStr) {
    let _ = dir.set_permissions(
        name,
        Permissions::from_std(std::fs::Permissions::from_mode(0o700)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn attack_a_folder_too_deep_to_walk_is_removed_and_links_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("kept"), "1").unwrap();
        let scratch = Arc::new(Dir::open_ambient_dir(temp.path(), ambient_authority()).unwrap());
        let folder = StepFolder::new(&scratch, temp.path(), &["/tmp".into()]).unwrap();
        let mut dir = scratch
            .open_dir(folder.path().file_name().unwrap())
            .unwrap()
            .open_dir("upper")
            .unwrap();
        dir.symlink_contents(temp.path().join("kept"), "link")
            .unwrap();
        for _ in 0..5000 {
            dir.create_dir("d").unwrap();
            dir.create_dir(moved(0)).unwrap();
            dir = dir.open_dir("d").unwrap();
            dir.write("file", "1").unwrap();
        }
        folder.remove().unwrap();
        let left: Vec<_> = std::fs::read_dir(temp.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["kept"]);
    }
}
