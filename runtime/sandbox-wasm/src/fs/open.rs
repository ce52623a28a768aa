//! What a guest holds open: files and directories, with what it may do with them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{FileType, OFlags, Stat, fstat};
use stepwell_contract::Access;

use super::stat::PathHash;
use super::{FsResult, MountPoint};
use crate::bindings::imports::wasi::filesystem::types::{
    DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};
use crate::meter::{Meter, OpenPermit};
use crate::trace::{At, Opening, Seen, settle};

/// Something open.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub enum Descriptor {
    /// A regular file.
    File(OpenFile),
    /// A directory.
    Dir(OpenDir),
}

/// An open file and the permit that counts it, shared with the streams over it.
#[derive(Debug)]
pub(crate) struct CountedFile {
    pub(crate) file: File,
    /// What is recorded of it, where the step is.
    pub(crate) seen: Option<Seen>,
    _permit: OpenPermit,
}

impl Drop for CountedFile {
    fn drop(&mut self) {
        if let Some(seen) = &self.seen {
            seen.close(&self.file);
        }
    }
}

impl CountedFile {
    /// What came of a change of it; a refusal is the machine's own affair, and recorded as that.
    pub(crate) fn changed(&self, doing: &'static str, result: io::Result<()>) -> io::Result<()> {
        if let (Err(error), Some(seen)) = (&result, &self.seen) {
            seen.refused(doing, error);
        }
        result
    }
}

/// An open regular file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) counted: Arc<CountedFile>,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// Where it is in the step's sight.
    pub(crate) path: PathHash,
    /// What it looked like when it was opened: the answer to a `stat` that comes before anything else does.
    pub(crate) fresh: Option<Stat>,
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct OpenDir {
    pub(crate) dir: Arc<Dir>,
    pub(crate) mount: Arc<MountPoint>,
    /// Where it is in the step's sight: absolute, normalised by its text alone.
    pub(crate) path: Arc<str>,
    /// The names that a listing showed, sorted, and the count of changes at that time.
    pub(crate) listed: Option<(u64, Arc<[Box<str>]>)>,
    /// Its true name, where the step is recorded.
    pub(crate) at: Option<At>,
    _permit: Option<OpenPermit>,
}

impl OpenDir {
    /// A directory that was open before the step began; it is not counted against the step.
    pub(crate) fn preopened(
        dir: Arc<Dir>,
        mount: Arc<MountPoint>,
        path: Arc<str>,
        at: Option<At>,
    ) -> Self {
        Self {
            dir,
            mount,
            path,
            listed: None,
            at,
            _permit: None,
        }
    }

    /// Whether the step may change what is in here.
    pub(crate) fn is_writable(&self) -> bool {
        self.mount.access == Access::ReadWrite
    }

    /// Refuses a change under a read-only mount.
    pub(crate) fn check_writable(&self) -> FsResult<()> {
        if self.is_writable() {
            Ok(())
        } else {
            Err(ErrorCode::ReadOnly.into())
        }
    }

    /// Where `relative` is in the step's sight.
    pub(crate) fn join(&self, relative: &str) -> String {
        let mut parts: Vec<&str> = self
            .path
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        for part in relative.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        let mut joined = String::with_capacity(self.path.len() + relative.len() + 2);
        for part in parts {
            joined.push('/');
            joined.push_str(part);
        }
        joined
    }

    /// Refuses `path` where it names a symlink and ends in a slash: an operation on the link itself must not be turned
    /// into one on what it points to (GHSA-vqjp-4c8c-hfgg, GHSA-m9f7-9w4p-gv38).
    pub(crate) fn check_trailing_slash(&self, path: &str) -> FsResult<()> {
        let stripped = path.trim_end_matches('/');
        if stripped.len() == path.len() || stripped.is_empty() {
            return Ok(());
        }
        match self.dir.symlink_metadata(stripped) {
            Ok(metadata) if metadata.is_symlink() => Err(ErrorCode::NotDirectory.into()),
            _ => Ok(()),
        }
    }

    /// Opens `path`. Says whether something was created.
    pub(crate) fn open(
        &self,
        meter: &mut Meter,
        follow: PathFlags,
        path: &str,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<(Descriptor, bool)> {
        let integrity = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if flags.intersects(integrity) {
            return Err(ErrorCode::Unsupported.into());
        }
        let creates = how.contains(OpenFlags::CREATE);
        let truncates = how.contains(OpenFlags::TRUNCATE);
        let directory = how.contains(OpenFlags::DIRECTORY);
        if directory && (creates || truncates || how.contains(OpenFlags::EXCLUSIVE)) {
            return Err(ErrorCode::Invalid.into());
        }
        let writes = flags.contains(DescriptorFlags::WRITE);
        if creates
            || truncates
            || writes
            || flags.contains(DescriptorFlags::MUTATE_DIRECTORY) && !directory
        {
            // Truncating is writing, whatever the flags say (GHSA-2r75-cxrj-cmph).
            self.check_writable()?;
        }
        let permit = meter.open()?;
        let followed = follow.contains(PathFlags::SYMLINK_FOLLOW);
        let mut options = OpenOptions::new();
        options
            .read(!writes || flags.contains(DescriptorFlags::READ))
            .write(writes || truncates || creates)
            .truncate(truncates)
            .follow(if followed {
                FollowSymlinks::Yes
            } else {
                FollowSymlinks::No
            })
            // A FIFO or a device in a workspace must not hold the host up, nor become its terminal.
            .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
        let readable = flags.contains(DescriptorFlags::READ) || !writes;
        let writable = writes || truncates || creates;
        let opened = match &self.at {
            Some(at) if !writable => {
                let (file, stat, at) = at.open(&self.dir, path, followed, &options)?;
                Opened {
                    file,
                    stat,
                    at: Some(at),
                    created: false,
                }
            }
            _ => {
                let opening = Opening {
                    follow: followed,
                    creates,
                    exclusive: how.contains(OpenFlags::EXCLUSIVE),
                    truncates,
                };
                let change = self.at.as_ref().map(|at| at.opening(path, opening));
                let changed = change.as_ref().and_then(|change| change.at().cloned());
                let opened = match self.open_with(meter, path, &mut options, how)? {
                    Ok((file, created)) => settle(change, Ok((file.into_std(), created))),
                    Err(error) => settle(change, Err(error)),
                };
                let (file, created) = opened?;
                Opened {
                    stat: fstat(file.as_fd())?,
                    file,
                    at: changed,
                    created,
                }
            }
        };
        let Opened {
            file,
            stat,
            at,
            created,
        } = opened;
        let descriptor = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Descriptor::Dir(Self {
                dir: Arc::new(Dir::from_std_file(file)),
                mount: Arc::clone(&self.mount),
                path: self.join(path).into(),
                listed: None,
                at,
                _permit: Some(permit),
            }),
            FileType::RegularFile if directory => return Err(ErrorCode::NotDirectory.into()),
            FileType::RegularFile => {
                let seen = at.as_ref().map(|at| match writable {
                    true => at.changing(&stat),
                    false => at.reading(&stat),
                });
                let counted = Arc::new(CountedFile {
                    file,
                    seen,
                    _permit: permit,
                });
                if let Some(at) = &at {
                    at.tracer().watch(&counted);
                }
                Descriptor::File(OpenFile {
                    counted,
                    readable,
                    writable,
                    path: PathHash::of(&self.join(path)),
                    fresh: Some(stat),
                })
            }
            // A socket, a FIFO or a device is a way out of the sandbox that nobody granted.
            _ => return Err(ErrorCode::NotPermitted.into()),
        };
        Ok((descriptor, created))
    }

    /// Opens `path` as a step asks for it, and says whether it was created; what the host says of it is the inner result.
    fn open_with(
        &self,
        meter: &mut Meter,
        path: &str,
        options: &mut OpenOptions,
        how: OpenFlags,
    ) -> FsResult<io::Result<(cap_std::fs::File, bool)>> {
        if !how.contains(OpenFlags::CREATE) {
            return Ok(self.dir.open_with(path, options).map(|file| (file, false)));
        }
        if !how.contains(OpenFlags::EXCLUSIVE) {
            match self.dir.open_with(path, options) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => {
                    // A step is not told whether a file that it empties was there, so its limit must not tell it either.
                    if result.is_ok() && how.contains(OpenFlags::TRUNCATE) {
                        meter.create()?;
                    }
                    return Ok(result.map(|file| (file, false)));
                }
            }
        }
        meter.create()?;
        options
            .create(true)
            .create_new(how.contains(OpenFlags::EXCLUSIVE));
        Ok(self.dir.open_with(path, options).map(|file| (file, true)))
    }
}

/// What opening gave.
struct Opened {
    file: File,
    stat: Stat,
    at: Option<At>,
    created: bool,
}
