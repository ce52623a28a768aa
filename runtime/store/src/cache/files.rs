//! Files in a cache's folders: written whole or not at all, and read only where they are what they were.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;
use stepwell_contract::Digest;

use crate::error::StoreError;

/// Whoever comes as far may read it: the folders above say who that is.
const FILE: Mode = Mode::RUSR
    .union(Mode::WUSR)
    .union(Mode::RGRP)
    .union(Mode::ROTH);

/// No file but a blob is larger: what somebody else put there must not fill the memory.
const LARGEST: u64 = 256 << 20;

/// The first bytes of a sealed file; then comes the digest of all that follows.
const SEAL: &[u8; 16] = b"stepwell cache1\n";

/// Before anything was used: what is read for no use is not touched.
pub(super) const NEVER: (i64, i64) = (i64::MIN, 0);

/// One cache's folder.
#[derive(Debug)]
pub(super) struct Files {
    dir: OwnedFd,
    path: PathBuf,
    writes: bool,
}

/// A file that is being written.
pub(super) struct Temporary {
    pub(super) file: File,
    name: String,
}

impl Files {
    pub(super) fn new(dir: OwnedFd, path: &Path) -> Self {
        let path = path.to_owned();
        Self {
            dir,
            path,
            writes: true,
        }
    }

    /// A folder in which nothing is changed.
    pub(super) fn read_only(dir: OwnedFd, path: &Path) -> Self {
        Self {
            writes: false,
            ..Self::new(dir, path)
        }
    }

    pub(super) fn try_clone(&self) -> Result<Self, StoreError> {
        let dir = self.dir.try_clone();
        Ok(Self {
            dir: dir.map_err(StoreError::io("open", &self.path))?,
            path: self.path.clone(),
            writes: self.writes,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn dir(&self) -> &OwnedFd {
        &self.dir
    }

    /// Opens the file `name` for reading; `None` where there is none.
    pub(super) fn open(&self, name: &str) -> Result<Option<File>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.dir, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::NOENT) => Ok(None),
            // A link is none of ours.
            Err(Errno::LOOP) => {
                self.drop_bad(name);
                Ok(None)
            }
            // Whoever shares it keeps this from us: it is as if it were not there.
            Err(error @ Errno::ACCESS) if !self.writes => {
                let path = self.path.join(name);
                tracing::warn!(path = %path.display(), %error, "a shared cache may not be read");
                Ok(None)
            }
            Err(error) => Err(self.io("open", name)(error)),
        }
    }

    /// Says that `file`, which is called `name`, is in use now, where it was last used before `since`. Whether it is still
    /// there: a collector that took it before this was said has taken it.
    #[must_use]
    pub(super) fn touch(&self, file: &File, name: &str, since: (i64, i64)) -> bool {
        let used = rustix::fs::fstat(file).map(|stat| modified(&stat));
        if !self.writes || used.is_ok_and(|used| used >= since) {
            return true;
        }
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        };
        let omit = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        };
        let times = Timestamps {
            last_access: omit,
            last_modification: now,
        };
        // Where it cannot be said, it may be collected early.
        let _ = rustix::fs::futimens(file, &times);
        rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// All of a sealed file; `None` where there is none, or is not whole any more, and then it is removed.
    pub(super) fn read_sealed(
        &self,
        name: &str,
        since: (i64, i64),
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(file) = self.open(name)? else {
            return Ok(None);
        };
        if !self.touch(&file, name, since) {
            return Ok(None);
        }
        let bytes = self.read(file, name)?;
        let body = bytes.and_then(|bytes| unsealed(&bytes).map(<[u8]>::to_vec));
        if body.is_none() {
            self.drop_bad(name);
        }
        Ok(body)
    }

    /// All of `file`; `None` where it is larger than any of ours.
    pub(super) fn read(&self, file: File, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let size = rustix::fs::fstat(&file)
            .map_err(self.io("look at", name))?
            .st_size;
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        if size > LARGEST {
            return Ok(None);
        }
        // It was given its name when it was whole: nothing is added to it.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(size)
            .read_to_end(&mut bytes)
            .map_err(self.io("read", name))?;
        Ok(Some(bytes))
    }

    /// Puts a sealed file at `name`, in place of any that is there.
    pub(super) fn write_sealed(&self, name: &str, body: &[u8]) -> Result<(), StoreError> {
        let mut temporary = self.temporary()?;
        let digest = Digest::of(body);
        let parts: [&[u8]; 3] = [SEAL, digest.as_bytes(), body];
        for part in parts {
            if let Err(error) = temporary.file.write_all(part) {
                self.discard(temporary);
                return Err(self.io("write", name)(error));
            }
        }
        self.keep(temporary, name)
    }

    /// A new file that nobody looks for yet.
    pub(super) fn temporary(&self) -> Result<Temporary, StoreError> {
        let random = RandomState::new();
        let pid = std::process::id();
        for attempt in 0..100_u32 {
            let name = format!("temp/{pid}-{:016x}", random.hash_one(attempt));
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            match rustix::fs::openat(&self.dir, &name, flags, FILE) {
                Ok(file) => {
                    let file = file.into();
                    return Ok(Temporary { file, name });
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(self.io("create", &name)(error)),
            }
        }
        Err(self.io("make a file in", "temp")(Errno::EXIST))
    }

    /// Gives `temporary` its name.
    pub(super) fn keep(&self, temporary: Temporary, name: &str) -> Result<(), StoreError> {
        let mut renamed = rustix::fs::renameat(&self.dir, &temporary.name, &self.dir, name);
        if renamed == Err(Errno::NOENT)
            && let Some((folder, _)) = name.rsplit_once('/')
        {
            if let Err(error) = self.make_shard(folder) {
                self.discard(temporary);
                return Err(error);
            }
            renamed = rustix::fs::renameat(&self.dir, &temporary.name, &self.dir, name);
        }
        renamed.map_err(|error| {
            self.discard(temporary);
            self.io("write", name)(error)
        })
    }

    /// Makes `folder`, where it is missing, for those who may look into the one that it is in: whoever shares a cache says
    /// so once.
    pub(super) fn make_shard(&self, folder: &str) -> Result<(), StoreError> {
        match rustix::fs::mkdirat(&self.dir, folder, Mode::RWXU) {
            Err(Errno::EXIST) => return Ok(()),
            made => made.map_err(self.io("create", folder))?,
        }
        let parent = folder.rsplit_once('/').map_or(".", |(parent, _)| parent);
        let readers = Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH;
        let above = rustix::fs::statat(&self.dir, parent, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(self.io("look at", parent))?;
        let mode = Mode::RWXU | (Mode::from_raw_mode(above.st_mode) & readers);
        match mode == Mode::RWXU {
            true => Ok(()),
            false => rustix::fs::chmodat(&self.dir, folder, mode, AtFlags::empty())
                .map_err(self.io("set the mode of", folder)),
        }
    }

    /// Gives up a file that is being written.
    pub(super) fn discard(&self, temporary: Temporary) {
        let _ = rustix::fs::unlinkat(&self.dir, &temporary.name, AtFlags::empty());
    }

    /// Removes what is not what it was. Somebody else's cache is theirs to mend.
    pub(super) fn drop_bad(&self, name: &str) {
        tracing::warn!(path = %self.path.join(name).display(), "what was kept here is damaged, and dropped");
        if self.writes {
            let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
        }
    }

    /// Calls `each` for every file in `folder`, which has one level of folders in it, with its name and state.
    pub(super) fn each(
        &self,
        folder: &str,
        each: &mut dyn FnMut(&str, &Stat),
    ) -> Result<(), StoreError> {
        for inner in self.names(folder)? {
            let inner = format!("{folder}/{inner}");
            for name in self.names(&inner)? {
                let path = format!("{inner}/{name}");
                match rustix::fs::statat(&self.dir, &path, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => each(&path, &stat),
                    Err(Errno::NOENT) => {}
                    Err(error) => return Err(self.io("look at", &path)(error)),
                }
            }
        }
        Ok(())
    }

    /// The names in `folder`; none where it is no folder.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match rustix::fs::openat(&self.dir, folder, flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
            dir => dir.map_err(self.io("open", folder))?,
        };
        let entries = rustix::fs::Dir::new(dir).map_err(self.io("list", folder))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(self.io("list", folder))?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Says what was being done to `name`; for `map_err`.
    pub(super) fn io<E: Into<io::Error>>(
        &self,
        doing: &'static str,
        name: &str,
    ) -> impl FnOnce(E) -> StoreError {
        let path = self.path.join(name);
        move |source| StoreError::io(doing, &path)(source)
    }
}

/// Where what has `digest` is in `folder`.
pub(super) fn name(folder: &str, digest: Digest) -> String {
    let hex = digest.to_hex();
    let (shard, rest) = hex.split_at(2);
    format!("{folder}/{shard}/{rest}")
}

/// The digest that a file at `path` is named by.
pub(super) fn named(path: &str) -> Option<Digest> {
    let mut parts = path.rsplitn(3, '/');
    let (rest, shard) = (parts.next()?, parts.next()?);
    format!("blake3:{shard}{rest}").parse().ok()
}

/// What a sealed file holds; `None` where it was not written by us, or was altered.
pub(super) fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (digest, body) = bytes.strip_prefix(SEAL)?.split_first_chunk::<32>()?;
    (Digest::of(body).as_bytes() == digest).then_some(body)
}

/// When something was last written or used.
#[expect(
    clippy::unnecessary_cast,
    reason = "the fields have other types on other processors"
)]
pub(super) fn modified(stat: &Stat) -> (i64, i64) {
    (stat.st_mtime as i64, stat.st_mtime_nsec as i64)
}

/// How much disk something takes at least.
pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// The state of what is open as `file`.
pub(super) fn stat(file: impl AsFd) -> rustix::io::Result<Stat> {
    rustix::fs::fstat(file)
}
