//! What a step left in its mounts, read from outside: a file, a folder, all of it.
//!
//! Everything goes through the handles of the mounts, so that no link and no `..` of a guest's leads out of them; what is no
//! regular file is never waited for. A path leads into the innermost mount, as it does for the guest. Knows nothing of the
//! step itself: there is no process to open a shell beside, and nothing is drawn.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use rustix::io::Errno;
use stepwell_contract::power::EachFile;
use stepwell_contract::{Place, SandboxError, SandboxErrorKind};

use crate::BACKEND;
use crate::archive::Archive;

/// A mount of the step.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Where the step sees it.
    pub(crate) path: Arc<str>,
    pub(crate) dir: Arc<Dir>,
}

/// The mounts of one step, whether it runs or not.
#[derive(Debug)]
pub(crate) struct WasmPlace {
    pub(crate) mounts: Arc<[Shown]>,
}

/// Opens what is at `path` inside a mount, if that is a regular file.
pub(crate) fn open_file(dir: &Dir, path: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    let file = dir.open_with(path, &options)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(ErrorKind::NotFound, "it is no regular file")),
    }
}

/// What is left of `path` below `folder`, without a slash before it.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    match path.strip_prefix(folder)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

/// Whether an error only means that the step sees nothing there.
fn is_missing(error: &io::Error) -> bool {
    let missing = [
        ErrorKind::NotFound,
        ErrorKind::NotADirectory,
        // What cap-std and the kernel say of a way out.
        ErrorKind::PermissionDenied,
        ErrorKind::CrossesDevices,
    ];
    // Links in a circle, and a socket.
    let odd = [Errno::LOOP, Errno::NXIO].map(Errno::raw_os_error);
    missing.contains(&error.kind()) || error.raw_os_error().is_some_and(|raw| odd.contains(&raw))
}

fn trouble(path: &str, error: io::Error) -> SandboxError {
    let kind = match is_missing(&error) {
        true => SandboxErrorKind::NotFound,
        false => SandboxErrorKind::Host,
    };
    SandboxError::new(BACKEND, format!("extract `{path}`"), kind).because(error)
}

/// A folder that is walked: where it is, and the names that are still to come.
struct Level {
    path: String,
    relative: String,
    names: std::vec::IntoIter<OsString>,
}

impl WasmPlace {
    /// The innermost mount that `path` is in, and the path in there, `.` for the mount itself.
    fn find<'a>(&'a self, path: &'a str) -> Option<(&'a Shown, &'a str)> {
        let fitting = self
            .mounts
            .iter()
            .filter_map(|shown| Some((shown, below(path, &shown.path)?)));
        let (shown, rest) = fitting.max_by_key(|(shown, _)| shown.path.len())?;
        Some((shown, if rest.is_empty() { "." } else { rest }))
    }

    fn check(path: &str) -> Result<&str, SandboxError> {
        if !path.starts_with('/') || path.contains('\0') {
            let doing = format!("extract `{}`", path.escape_debug());
            return Err(
                SandboxError::new(BACKEND, doing, SandboxErrorKind::Malformed)
                    .because("its path is not absolute"),
            );
        }
        Ok(path.trim_end_matches('/'))
    }

    fn open(&self, path: &str) -> io::Result<File> {
        let (shown, rest) = self.find(path).ok_or(ErrorKind::NotFound)?;
        open_file(&shown.dir, rest)
    }

    /// The sorted names in a folder: what is there, and the way to mounts that are further below.
    fn names(&self, path: &str) -> io::Result<Vec<OsString>> {
        let mut names: BTreeSet<OsString> = self
            .mounts
            .iter()
            .filter_map(|shown| below(&shown.path, path))
            .filter_map(|rest| rest.split('/').find(|name| !name.is_empty()))
            .map(OsString::from)
            .collect();
        let found = self.find(path);
        let listed = found.map(|(shown, rest)| shown.dir.read_dir(rest));
        match listed {
            Some(Ok(entries)) => {
                for entry in entries {
                    names.insert(entry?.file_name());
                }
            }
            // Nothing is there but the way to a mount.
            Some(Err(error)) if names.is_empty() => return Err(error),
            None if names.is_empty() => return Err(ErrorKind::NotFound.into()),
            _ => {}
        }
        Ok(names.into_iter().collect())
    }

    fn level(&self, path: String, relative: String) -> Result<Level, SandboxError> {
        let names = self.names(&path).map_err(|error| trouble(&path, error))?;
        Ok(Level {
            path,
            relative,
            names: names.into_iter(),
        })
    }

    /// Whether something is a folder by itself, and not by a link.
    fn is_folder(&self, path: &str) -> bool {
        let is_way = |shown: &Shown| below(&shown.path, path).is_some();
        self.mounts.iter().any(is_way)
            || self.find(path).is_some_and(|(shown, rest)| {
                shown
                    .dir
                    .symlink_metadata(rest)
                    .is_ok_and(|found| found.is_dir())
            })
    }
}

impl Place for WasmPlace {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn extract_file(&self, path: &str) -> Result<Box<dyn Read + Send>, SandboxError> {
        let path = Self::check(path)?;
        let file = self.open(path).map_err(|error| trouble(path, error))?;
        Ok(Box::new(file))
    }

    fn extract_folder(&self, path: &str, each: &mut EachFile<'_>) -> Result<(), SandboxError> {
        let path = Self::check(path)?;
        // Walked with a list and not by recursion: a guest decides how deep it is.
        let mut levels = vec![self.level(path.to_owned(), String::new())?];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.next() else {
                levels.pop();
                continue;
            };
            // A step has no names that are not text; what the user's tree has of them cannot be asked for by name.
            let Some(name) = name.to_str() else { continue };
            let path = format!("{}/{name}", level.path);
            let relative = format!("{}{name}", level.relative);
            if self.is_folder(&path) {
                let deeper = self.level(path, format!("{relative}/"))?;
                levels.push(deeper);
                continue;
            }
            let mut file = match self.open(&path) {
                Ok(file) => file,
                Err(error) if is_missing(&error) => continue,
                Err(error) => return Err(trouble(&path, error)),
            };
            each(&relative, &mut file).map_err(|error| {
                let kind = SandboxErrorKind::Interrupted;
                SandboxError::new(BACKEND, format!("extract `{path}`"), kind).because(error)
            })?;
        }
        Ok(())
    }

    fn archive(&self, to: &mut dyn Write) -> Result<(), SandboxError> {
        let mut archive = Archive::new(to);
        let mut mounts: Vec<&Shown> = self.mounts.iter().collect();
        mounts.sort_by_key(|shown| &shown.path);
        let hidden: BTreeSet<&str> = self.mounts.iter().map(|shown| &*shown.path).collect();
        for shown in mounts {
            archive.add(shown, &hidden)?;
        }
        archive.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;
    use tempfile::TempDir;

    use super::*;

    /// A place with a folder of `temp` at each path.
    fn place(temp: &TempDir, mounts: &[(&str, &str)]) -> WasmPlace {
        let shown = mounts.iter().map(|(folder, path)| {
            let folder = temp.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            let dir = Dir::open_ambient_dir(folder, ambient_authority()).unwrap();
            Shown {
                path: (*path).into(),
                dir: Arc::new(dir),
            }
        });
        WasmPlace {
            mounts: shown.collect(),
        }
    }

    fn files(place: &WasmPlace, path: &str) -> Result<Vec<String>, SandboxError> {
        let mut files = Vec::new();
        place.extract_folder(path, &mut |path, _| {
            files.push(path.to_owned());
            Ok(())
        })?;
        Ok(files)
    }

    #[test]
    fn a_folder_has_the_mounts_that_are_in_it_and_not_what_they_hide() {
        let temp = tempfile::tempdir().unwrap();
        let place = place(
            &temp,
            &[("outer", "/ws"), ("inner", "/ws/a/b"), ("far", "/x/y/z")],
        );
        fs::create_dir_all(temp.path().join("outer/a/b")).unwrap();
        fs::write(temp.path().join("outer/a/b/hidden"), "").unwrap();
        fs::write(temp.path().join("outer/a/seen"), "").unwrap();
        fs::write(temp.path().join("inner/inner"), "").unwrap();
        fs::write(temp.path().join("far/far"), "").unwrap();
        assert_eq!(files(&place, "/ws").unwrap(), ["a/b/inner", "a/seen"]);
        assert_eq!(files(&place, "/x").unwrap(), ["y/z/far"]);
        let all = ["ws/a/b/inner", "ws/a/seen", "x/y/z/far"];
        assert_eq!(files(&place, "/").unwrap(), all);
        let mut archive = Vec::new();
        place.archive(&mut archive).unwrap();
        let mut archived: Vec<String> = tar::Archive::new(archive.as_slice())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .filter(|path| !path.ends_with('/'))
            .collect();
        archived.sort();
        assert_eq!(archived, all);
    }

    /// What walks by recursion overflows its stack.
    #[test]
    fn attack_a_folder_in_a_folder_in_a_folder() {
        let temp = tempfile::tempdir().unwrap();
        let place = place(&temp, &[("ws", "/ws")]);
        let deep = vec!["d"; 400].join("/");
        let dir = &place.mounts[0].dir;
        dir.create_dir_all(&deep).unwrap();
        dir.write(format!("{deep}/file"), "").unwrap();
        let small = std::thread::Builder::new().stack_size(128 << 10);
        let walk = small.spawn(move || {
            place.archive(&mut io::sink()).unwrap();
            files(&place, "/ws").unwrap().len()
        });
        assert_eq!(walk.unwrap().join().unwrap(), 1);
    }

    #[test]
    fn an_archive_says_nothing_of_the_machine() {
        let temp = tempfile::tempdir().unwrap();
        let archives = ["one", "two"].map(|folder| {
            let place = place(&temp, &[(folder, "/ws")]);
            let at = temp.path().join(folder);
            // Made in another order, and with other modes.
            let mut names = ["a", "b", "c"];
            if folder == "two" {
                names.reverse();
            }
            for name in names {
                fs::write(at.join(name), name).unwrap();
                let mode = if folder == "two" { 0o600 } else { 0o644 };
                let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
                fs::set_permissions(at.join(name), mode).unwrap();
            }
            let mut archive = Vec::new();
            place.archive(&mut archive).unwrap();
            archive
        });
        assert_eq!(archives[0], archives[1]);
    }
}
