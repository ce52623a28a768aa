//! A copy of a folder that differs in all that a step is not told: another place, another order in which things were made,
//! other inodes, another time of day, another owner.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, MetadataExt, OpenOptions, OpenOptionsExt, PermissionsExt};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use stepwell_contract::Volume;
use tempfile::TempDir;

use super::elsewhere::{self, OTHER_USER};

/// How much older the copy is: neither the same day, nor the same hour, nor the same second of a minute.
const OLDER: Duration = Duration::from_secs(200 * 24 * 3600 + 7 * 3600 + 11 * 60 + 13);

/// Copies of volumes.
#[derive(Default)]
pub(super) struct Twins {
    pub(super) volumes: Vec<Volume>,
    /// The folders that hold them, as long as they are wanted.
    roots: Vec<TempDir>,
}

impl Twins {
    /// Copies `volumes`. What is inside another one stays inside.
    ///
    /// # Errors
    ///
    /// What could not be copied, with the name of its volume.
    pub(super) fn of(mut volumes: Vec<&Volume>) -> anyhow::Result<Self> {
        // A folder comes before what is inside it.
        volumes.sort_by_key(|volume| &volume.path);
        let mut twins = Self::default();
        let mut outermost: Option<(&Volume, Volume)> = None;
        for volume in volumes {
            let doing = || format!("failed to copy the volume `{}`", volume.name);
            let inside = outermost.as_ref().and_then(|(outer, twin)| {
                let path = volume.path.strip_prefix(&outer.path).ok()?;
                Some((twin, path))
            });
            let twin = match inside {
                Some((outer, path)) => Volume {
                    name: Arc::clone(&volume.name),
                    dir: Arc::new(outer.dir.open_dir(named(path)).with_context(doing)?),
                    path: outer.path.join(path),
                },
                None => {
                    let (twin, root) = twin_of(volume).with_context(doing)?;
                    twins.roots.push(root);
                    outermost = Some((volume, twin.clone()));
                    twin
                }
            };
            twins.volumes.push(twin);
        }
        Ok(twins)
    }
}

fn twin_of(volume: &Volume) -> anyhow::Result<(Volume, TempDir)> {
    let root = tempfile::Builder::new().prefix("another-root-").tempdir()?;
    let dir = Dir::open_ambient_dir(root.path(), ambient_authority())?;
    copy(&volume.dir, &dir, elsewhere::may_be_another())?;
    let twin = Volume {
        name: Arc::clone(&volume.name),
        dir: Arc::new(dir),
        path: root.path().to_owned(),
    };
    Ok((twin, root))
}

/// Copies what is in `from` into the empty folder `to`. Where `gives_away` is set, it belongs to another user.
///
/// # Errors
///
/// What could not be copied, with its path.
pub(super) fn copy(from: &Dir, to: &Dir, gives_away: bool) -> anyhow::Result<()> {
    let mut copier = Copier {
        from,
        to,
        gives_away,
        names: HashMap::new(),
        folders: Vec::new(),
    };
    // A walk with a list: a guest decides how deep it is.
    let mut left = vec![PathBuf::new()];
    while let Some(folder) = left.pop() {
        let doing = |path: &Path| format!("failed to copy `{}`", path.display());
        for name in copier.entries(&folder).with_context(|| doing(&folder))? {
            let path = folder.join(name);
            let is_folder = copier.put(&path).with_context(|| doing(&path))?;
            if is_folder {
                left.push(path);
            }
        }
    }
    copier.finish().context("failed to finish the copy")
}

struct Copier<'a> {
    from: &'a Dir,
    to: &'a Dir,
    gives_away: bool,
    /// Files with several names: where the first is.
    names: HashMap<(u64, u64), PathBuf>,
    /// Folders and their permissions, which are set at the end: one may forbid to put anything into it.
    folders: Vec<(PathBuf, u32)>,
}

/// What a path relative to a folder is called there.
fn named(path: &Path) -> &Path {
    match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    }
}

impl Copier<'_> {
    /// The names in a folder, last first.
    fn entries(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let entries = self.from.read_dir(named(folder))?;
        let names: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.file_name())).collect();
        let mut names = names?;
        names.sort_unstable_by(|one, other| other.cmp(one));
        Ok(names)
    }

    /// Copies one thing. Whether it is a folder, whose entries are still to come.
    fn put(&mut self, path: &Path) -> io::Result<bool> {
        let metadata = self.from.symlink_metadata(path)?;
        let file_type = metadata.file_type();
        if metadata.is_dir() {
            let mut builder = DirBuilder::new();
            cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
            self.to.create_dir_with(path, &builder)?;
            self.folders.push((path.to_owned(), metadata.mode()));
            return Ok(true);
        }
        if metadata.is_file() {
            let inode = (metadata.dev(), metadata.ino());
            if metadata.nlink() > 1
                && let Some(first) = self.names.get(&inode)
            {
                self.to.hard_link(first, self.to, path)?;
                return Ok(false);
            }
            self.names.insert(inode, path.to_owned());
            self.file(path, metadata.mode())?;
        } else if file_type.is_symlink() {
            let target = self.from.read_link_contents(path)?;
            self.to.symlink_contents(target, path)?;
        } else {
            let kind = FileType::from_raw_mode(metadata.mode());
            let mode = Mode::from_raw_mode(metadata.mode());
            rustix::fs::mknodat(self.to.as_fd(), path, kind, mode, metadata.rdev())?;
        }
        self.disguise(path)?;
        Ok(false)
    }

    fn file(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mut from = OpenOptions::new();
        from.read(true)
            .custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed());
        let mut from = self.from.open_with(path, &from)?;
        let mut to = OpenOptions::new();
        to.write(true).create_new(true).mode(0o600);
        let mut to = self.to.open_with(path, &to)?;
        io::copy(&mut from, &mut to)?;
        to.set_permissions(cap_std::fs::Permissions::from_mode(mode & 0o777))
    }

    /// Sets what a step is not told: the owner and the times.
    fn disguise(&self, path: &Path) -> io::Result<()> {
        let path = named(path);
        if self.gives_away {
            let (user, group) = (Uid::from_raw(OTHER_USER), Gid::from_raw(OTHER_USER));
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(self.to.as_fd(), path, Some(user), Some(group), flags)?;
        }
        let older = SystemTime::now().checked_sub(OLDER);
        let older = older.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let time = Timespec {
            tv_sec: older.map_or(1, |older| older.as_secs().cast_signed()),
            tv_nsec: 123_456_789,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::utimensat(self.to.as_fd(), path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        // Innermost first: who may not enter a folder cannot set anything in it.
        for (path, mode) in std::mem::take(&mut self.folders).into_iter().rev() {
            let mode = cap_std::fs::Permissions::from_mode(mode & 0o777);
            self.to.set_permissions(&path, mode)?;
            self.disguise(&path)?;
        }
        self.disguise(Path::new(""))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_copy_holds_the_same_and_is_older() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(one.path().join("deep/er")).unwrap();
        fs::write(one.path().join("deep/er/file"), "bytes").unwrap();
        fs::hard_link(one.path().join("deep/er/file"), one.path().join("twin")).unwrap();
        symlink("/nowhere", one.path().join("link")).unwrap();
        fs::write(one.path().join("program"), "run").unwrap();
        let executable = Permissions::from_mode(0o755);
        fs::set_permissions(one.path().join("program"), executable).unwrap();
        let open = |path: &Path| Dir::open_ambient_dir(path, ambient_authority()).unwrap();
        copy(&open(one.path()), &open(other.path()), false).unwrap();
        let at = |path: &str| other.path().join(path);
        assert_eq!(fs::read(at("deep/er/file")).unwrap(), b"bytes");
        let inode = |path: &str| at(path).metadata().unwrap().ino();
        assert_eq!(inode("twin"), inode("deep/er/file"));
        assert_eq!(
            fs::read_link(at("link")).unwrap(),
            PathBuf::from("/nowhere")
        );
        let program = at("program").metadata().unwrap();
        assert_eq!(program.mode() & 0o777, 0o755);
        let before = one.path().join("program").metadata().unwrap();
        assert!(program.modified().unwrap() < before.modified().unwrap());
    }

    #[test]
    fn a_volume_inside_another_is_inside_its_copy() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("outer/in/side")).unwrap();
        let volume = |name: &str, path: &str| {
            let path = root.path().join(path);
            let dir = Dir::open_ambient_dir(&path, ambient_authority()).unwrap();
            Volume {
                name: name.into(),
                dir: Arc::new(dir),
                path,
            }
        };
        fs::create_dir(root.path().join("outer-and-more")).unwrap();
        let volumes = [
            volume("inner", "outer/in/side"),
            volume("beside", "outer-and-more"),
            volume("outer", "outer"),
            volume("same", "outer"),
        ];
        let twins = Twins::of(volumes.iter().collect()).unwrap();
        let twin = |name: &str| {
            let mut twins = twins.volumes.iter();
            &twins.find(|twin| &*twin.name == name).unwrap().dir
        };
        twin("inner").write("new", "new").unwrap();
        for name in ["outer", "same"] {
            assert_eq!(twin(name).read_to_string("in/side/new").unwrap(), "new");
        }
        assert_eq!(twin("beside").entries().unwrap().count(), 0);
        assert!(!root.path().join("outer/in/side/new").exists());
    }

    #[test]
    fn attack_a_link_that_leads_out_is_copied_as_a_link() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        symlink(outside.path(), one.path().join("out")).unwrap();
        let open = |path: &Path| Dir::open_ambient_dir(path, ambient_authority()).unwrap();
        copy(&open(one.path()), &open(other.path()), false).unwrap();
        assert!(other.path().join("out").is_symlink());
    }
}
