//! Where copied files land: one file, or files below one folder, and never anything outside of it.
//!
//! Names come from a step, so that they are hostile: they are walked through a handle of the folder, and what already lies
//! there and leads out of it is not followed.

use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};

use crate::exit::Coded;

/// Takes files as they come.
#[derive(Debug)]
pub(super) struct Landing {
    dir: Dir,
    /// For messages.
    shown: PathBuf,
    /// The one file's name, where it is not a folder that comes.
    single: Option<PathBuf>,
    open: Option<File>,
    files: usize,
}

impl Landing {
    /// A file goes to `to`, or, where that is a folder, into it under its own `name`; the files of a `folder` go below `to`,
    /// which is made where it is missing.
    ///
    /// # Errors
    ///
    /// The folder cannot be made or opened.
    pub(super) fn open(to: &Path, name: &str, folder: bool) -> anyhow::Result<Self> {
        let (parent, single) = match (folder, to.is_dir()) {
            (true, _) => {
                std::fs::create_dir_all(to)
                    .with_context(|| Coded::usage(format!("failed to make `{}`", to.display())))?;
                (to, None)
            }
            (false, true) => (to, Some(plain(name)?)),
            (false, false) => {
                let name = to.file_name().map(PathBuf::from);
                let name = name.ok_or_else(|| {
                    Coded::usage(format!("`{}` is no name for a file", to.display()))
                })?;
                (to.parent().unwrap_or(Path::new("")), Some(name))
            }
        };
        let parent = match parent.as_os_str().is_empty() {
            true => Path::new("."),
            false => parent,
        };
        let dir = Dir::open_ambient_dir(parent, ambient_authority())
            .with_context(|| Coded::usage(format!("failed to open `{}`", parent.display())))?;
        Ok(Self {
            dir,
            shown: parent.to_owned(),
            single,
            open: None,
            files: 0,
        })
    }

    /// A file begins, whose path in the folder is `name`; where one file comes, it has its name already.
    ///
    /// # Errors
    ///
    /// The path leads out of the folder; what the file system refused.
    pub(super) fn begin(&mut self, name: &[u8]) -> anyhow::Result<()> {
        let path = match &self.single {
            Some(_) if self.files > 0 => return Err(anyhow!("the run sends more than one file")),
            Some(name) => name.clone(),
            None => below(name)?,
        };
        let shown = self.shown.join(&path);
        if let Some(parent) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            self.dir
                .create_dir_all(parent)
                .with_context(|| format!("failed to make the folder of `{}`", shown.display()))?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let file = self.dir.open_with(&path, &options);
        self.open = Some(file.with_context(|| format!("failed to write `{}`", shown.display()))?);
        self.files += 1;
        Ok(())
    }

    /// A part of the file.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub(super) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let file = self.open.as_mut();
        let file = file.ok_or_else(|| anyhow!("the run sends a part of no file"))?;
        file.write_all(bytes)
            .with_context(|| format!("failed to write into `{}`", self.shown.display()))
    }

    /// All have come: how many.
    ///
    /// # Errors
    ///
    /// The one file did not.
    pub(super) fn finish(self) -> anyhow::Result<usize> {
        match (self.single, self.files) {
            (Some(_), 0) => Err(anyhow!("the run sends no file")),
            (_, files) => Ok(files),
        }
    }
}

/// One plain name.
fn plain(name: &str) -> anyhow::Result<PathBuf> {
    let path = below(name.as_bytes())?;
    match path.components().count() {
        1 => Ok(path),
        _ => Err(anyhow!("`{name}` is no name for a file")),
    }
}

/// A path that goes down and nowhere else.
fn below(name: &[u8]) -> anyhow::Result<PathBuf> {
    let text = std::str::from_utf8(name)
        .ok()
        .filter(|text| !text.contains('\0'));
    let path = text.map(PathBuf::from);
    let path = path.filter(|path| {
        let mut parts = path.components();
        path.file_name().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
    });
    path.ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        anyhow!("the run sends a file with the name {name:?}, which is no path in a folder")
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn land(to: &Path, name: &str, folder: bool, files: &[(&str, &str)]) -> anyhow::Result<usize> {
        let mut landing = Landing::open(to, name, folder)?;
        for (path, content) in files {
            landing.begin(path.as_bytes())?;
            landing.write(content.as_bytes())?;
        }
        landing.finish()
    }

    #[test]
    fn a_file_goes_to_its_place_and_a_folder_below_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let at = |path: &str| temp.path().join(path);
        assert_eq!(land(&at("out.txt"), "f", false, &[("-", "1")]).unwrap(), 1);
        assert_eq!(fs::read(at("out.txt")).unwrap(), b"1");
        assert_eq!(land(temp.path(), "f", false, &[("-", "2")]).unwrap(), 1);
        assert_eq!(fs::read(at("f")).unwrap(), b"2");
        let files = [("a", "3"), ("b/c/d", "4")];
        assert_eq!(land(&at("x/y"), "f", true, &files).unwrap(), 2);
        assert_eq!(fs::read(at("x/y/b/c/d")).unwrap(), b"4");
        assert_eq!(land(&at("empty"), "f", true, &[]).unwrap(), 0);
        assert!(at("empty").is_dir());
        assert!(land(&at("none"), "f", false, &[]).is_err());
    }

    #[test]
    fn attack_names_that_lead_out_of_the_folder_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let to = temp.path().join("to");
        for name in ["../x", "/etc/x", "a/../../x", "..", ".", "", "a\0b", "a/.."] {
            assert!(land(&to, "f", true, &[(name, "1")]).is_err(), "{name:?}");
        }
        assert!(land(temp.path(), "..", false, &[("-", "1")]).is_err());
        assert!(land(temp.path(), "", false, &[("-", "1")]).is_err());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
        assert_eq!(land(&to, "f", true, &[("a/x", "1")]).unwrap(), 1);
    }

    #[test]
    fn attack_links_that_lie_in_the_folder_are_not_followed_out_of_it() {
        let temp = tempfile::tempdir().unwrap();
        let to = temp.path().join("to");
        fs::create_dir(&to).unwrap();
        fs::create_dir(temp.path().join("elsewhere")).unwrap();
        symlink("../elsewhere", to.join("folder")).unwrap();
        symlink("../elsewhere/file", to.join("file")).unwrap();
        for name in ["folder/x", "file"] {
            assert!(land(&to, "f", true, &[(name, "1")]).is_err(), "{name:?}");
        }
        assert_eq!(
            fs::read_dir(temp.path().join("elsewhere")).unwrap().count(),
            0
        );
        symlink("inside", to.join("link")).unwrap();
        assert_eq!(land(&to, "f", true, &[("link", "1")]).unwrap(), 1);
        assert_eq!(fs::read(to.join("inside")).unwrap(), b"1");
    }
}
