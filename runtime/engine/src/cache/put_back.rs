//! Does again what a step once did: puts back what it left, and says what it said.
//!
//! What is there already and right is not touched. Before the first change, everything that is needed is found and checked:
//! up to then the step can still run instead. What is changed goes through the volumes' handles, so that no link that
//! somebody else puts in the way leads out of one.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use rustix::fs::{Access, AtFlags, OFlags};
use stepwell_contract::{Answer, Kind, Question, Spot, StepSink};
use stepwell_store::Cache;
use stepwell_store::cache::{Left, Outcome, Said};

use super::places::Places;

/// What has to change.
pub(super) struct Work {
    /// In order: what goes, the deepest first; then what comes, a folder before what is in it.
    changes: Vec<(Spot, Change)>,
}

enum Change {
    /// A file, or a link.
    RemoveFile,
    /// A folder, with all that is in it.
    RemoveFolder,
    MakeFolder,
    WriteFile {
        digest: stepwell_contract::Digest,
        executable: bool,
    },
    /// The bytes are right.
    SetExecutable(bool),
    SetPermissions(u32),
    MakeLink(Box<[u8]>),
}

/// Compares what a step left with what is there.
///
/// # Errors
///
/// Why it cannot be put back, in words; nothing has changed.
pub(super) fn plan(store: &Cache, places: &Places, outcome: &Outcome) -> Result<Work, String> {
    let mut askers = places.askers(store.digests());
    let mut goes = Vec::new();
    let mut comes = Vec::new();
    for (spot, left) in &outcome.left {
        let asker = askers.get_mut(&*spot.volume);
        let asker = asker.ok_or_else(|| format!("there is no `{}`", spot.volume))?;
        let mut ask = |question| {
            let answer = asker.ask(&spot.path, question);
            answer.map_err(|error| format!("`{}`: {error}", places.show(spot)))
        };
        let kind = match ask(Question::Kind)? {
            Answer::Kind(kind) => kind,
            _ => Kind::Unknown,
        };
        let change = match (left, kind) {
            (Left::Nothing, Kind::Absent) | (Left::Folder, Kind::Folder) => continue,
            (Left::Nothing, Kind::Refused(errno))
                if errno == rustix::io::Errno::NOTDIR.raw_os_error() =>
            {
                continue;
            }
            (_, Kind::Astray | Kind::Refused(_)) => {
                return Err(format!("`{}` is {kind}", places.show(spot)));
            }
            (Left::Nothing, _) => None,
            (Left::Folder, _) => Some(Change::MakeFolder),
            (Left::Link { target }, Kind::Link)
                if ask(Question::Link)? == Answer::Link(target.clone()) =>
            {
                continue;
            }
            (Left::Link { target }, _) => Some(Change::MakeLink(target.clone())),
            (
                Left::File {
                    digest, executable, ..
                },
                Kind::File {
                    executable: is,
                    shared: false,
                },
            ) if ask(Question::Content)? == Answer::Content(*digest) => {
                if is != *executable {
                    comes.push((spot.clone(), Change::SetExecutable(*executable)));
                }
                continue;
            }
            (
                Left::File {
                    digest, executable, ..
                },
                _,
            ) => {
                let found = store.blob(*digest).map_err(|error| error.to_string())?;
                if found.is_none() {
                    return Err(format!("the bytes of `{}` are gone", places.show(spot)));
                }
                Some(Change::WriteFile {
                    digest: *digest,
                    executable: *executable,
                })
            }
        };
        let written_over = matches!(
            (&change, kind),
            (
                Some(Change::WriteFile { .. }),
                Kind::File { shared: false, .. }
            )
        ) && may_write_over(places, spot);
        match kind {
            Kind::Absent => {}
            Kind::Folder => goes.push((spot.clone(), Change::RemoveFolder)),
            _ if written_over => {}
            _ => goes.push((spot.clone(), Change::RemoveFile)),
        }
        comes.extend(change.map(|change| (spot.clone(), change)));
    }
    // Spots are in order, so that what is deeper comes later.
    goes.reverse();
    for (spot, _) in &goes {
        may_change(places, spot)?;
    }
    let made: BTreeSet<_> = comes.iter().map(|(spot, _)| spot).collect();
    for (spot, _) in &comes {
        let (folder, _) = spot.path.rsplit_once('/').unwrap_or_default();
        // What is made here is ours to fill, whatever is there now.
        if !made.contains(&Spot::new(Arc::clone(&spot.volume), folder)) {
            may_change(places, spot)?;
        }
    }
    goes.extend(comes);
    // Last, and a folder after what is in it: it may be closed to us then.
    let permissions = outcome.permissions.iter().rev();
    goes.extend(permissions.map(|(spot, bits)| (spot.clone(), Change::SetPermissions(*bits))));
    Ok(Work { changes: goes })
}

/// Whether the file at `spot` can be emptied and written to as it is.
fn may_write_over(places: &Places, spot: &Spot) -> bool {
    places.dir(&spot.volume).is_some_and(|dir| {
        rustix::fs::accessat(
            &**dir,
            &*spot.path,
            Access::WRITE_OK,
            AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW,
        )
        .is_ok()
    })
}

/// Whether the folder that `spot` is in may be written to, where it is there.
fn may_change(places: &Places, spot: &Spot) -> Result<(), String> {
    let folder = match spot.path.rsplit_once('/') {
        Some((folder, _)) => folder,
        None => ".",
    };
    let dir = places.dir(&spot.volume);
    let dir = dir.ok_or_else(|| format!("there is no `{}`", spot.volume))?;
    match rustix::fs::accessat(&**dir, folder, Access::WRITE_OK, AtFlags::EACCESS) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(format!(
            "`{}` may not be changed: {error}",
            places.show(spot)
        )),
    }
}

impl Work {
    /// Makes the changes.
    ///
    /// # Errors
    ///
    /// What could not be changed, and why. Others were.
    pub(super) fn run(self, store: &Cache, places: &Places) -> Result<(), (String, io::Error)> {
        for (spot, change) in self.changes {
            let Some(dir) = places.dir(&spot.volume) else {
                continue;
            };
            make(store, dir, &spot.path, &change).map_err(|error| (places.show(&spot), error))?;
        }
        Ok(())
    }
}

fn make(store: &Cache, dir: &Dir, path: &str, change: &Change) -> io::Result<()> {
    match change {
        Change::RemoveFile => dir.remove_file(path),
        Change::RemoveFolder => dir.remove_dir_all(path),
        Change::MakeFolder => dir.create_dir(path),
        Change::MakeLink(target) => {
            use std::os::unix::ffi::OsStrExt as _;
            // As the guest did: where a link leads is decided by whoever follows it.
            rustix::fs::symlinkat(
                std::ffi::OsStr::from_bytes(target),
                parent(dir, path)?,
                name(path),
            )
            .map_err(Into::into)
        }
        Change::SetExecutable(executable) => {
            let mode = dir.symlink_metadata(path)?.permissions().mode();
            set_executable(dir, path, mode, *executable)
        }
        Change::SetPermissions(bits) => {
            let path = if path.is_empty() { "." } else { path };
            let is = dir.symlink_metadata(path)?;
            match is.is_symlink() || is.permissions().mode() & 0o7777 == *bits {
                true => Ok(()),
                false => dir.set_permissions(path, Permissions::from_mode(*bits)),
            }
        }
        Change::WriteFile { digest, executable } => {
            let blob = store.blob(*digest).map_err(io::Error::other)?;
            let mut blob = blob.ok_or(io::ErrorKind::NotFound)?;
            let mut options = OpenOptions::new();
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
            options
                .write(true)
                .create(true)
                .truncate(true)
                .custom_flags(flags.bits() as i32);
            let mut file = dir.open_with(path, &options)?.into_std();
            // Where the file system can share the bytes until somebody changes them, nothing is copied.
            if rustix::fs::ioctl_ficlone(&file, &blob).is_err() {
                io::copy(&mut blob, &mut file)?;
            }
            let mode = rustix::fs::fstat(&file)?.st_mode;
            set_executable(dir, path, mode, *executable)
        }
    }
}

/// Opens the folder that `path` is in.
fn parent(dir: &Dir, path: &str) -> io::Result<Dir> {
    match path.rsplit_once('/') {
        Some((folder, _)) => dir.open_dir(folder),
        None => dir.try_clone(),
    }
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Lets those run a file that may read it, or nobody.
fn set_executable(dir: &Dir, path: &str, mode: u32, executable: bool) -> io::Result<()> {
    let wanted = match executable {
        true => mode | (mode & 0o444) >> 2,
        false => mode & !0o111,
    };
    match wanted == mode {
        true => Ok(()),
        false => dir.set_permissions(path, Permissions::from_mode(wanted & 0o7777)),
    }
}

/// Says again what the step said.
///
/// # Errors
///
/// A result is not taken any more, though the step may emit it.
pub(super) fn say(
    outcome: &Outcome,
    sink: &dyn StepSink,
) -> Result<(), stepwell_contract::EmitError> {
    sink.started();
    for said in &outcome.said {
        match said {
            Said::Log(stream, bytes) => sink.log(*stream, bytes),
            Said::Result(name, value) => sink.emit(name, value.clone())?,
            Said::Progress {
                done,
                total,
                message,
            } => sink.progress(*done, *total, message),
        }
    }
    Ok(())
}
