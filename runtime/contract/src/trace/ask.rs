//! Puts questions to a folder as it is now.
//!
//! The one place that answers, for the recording and for the look-up: two answers can be compared because the same code
//! gave them. It follows no symlink whatsoever and leaves the folder in no way.

mod reach;
mod whole;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cap_std::fs::Dir;
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{Answer, Digests, Kind, ListingHasher, Question, Version};
use crate::Digest;

pub use whole::{Bounds, Seen, Unseen};

/// How much of a file is read at once: it is still near the processor when it is digested.
const CHUNK: usize = 64 << 10;

/// Asks about places in one volume. It keeps the folder that it asked about last open, and remembers the state of the place
/// that it asked about last, so that all questions about one file cost one system call: it is used while nobody but others
/// changes the volume, and made anew after that.
pub struct Asker<'a> {
    root: &'a Dir,
    digests: &'a dyn Digests,
    /// The folder that was asked about last, and its path.
    last: Option<(Box<str>, Reached)>,
    /// The path that was asked about last.
    asked: String,
    /// What was there.
    found: Option<Stat>,
}

/// A name in a folder, and what it is.
type Entry = (Box<[u8]>, Kind);

/// The folder that a path's last name is in, or why there is none.
type Reached = Result<OwnedFd, Kind>;

impl<'a> Asker<'a> {
    /// Asks about what is below `root`. Digests of files come from `digests` where it knows them.
    pub fn new(root: &'a Dir, digests: &'a dyn Digests) -> Self {
        Self {
            root,
            digests,
            last: None,
            asked: String::new(),
            found: None,
        }
    }

    /// Answers `question` about `path`, as [`Spot::path`](super::Spot::path) has it.
    ///
    /// # Errors
    ///
    /// What is there can be seen and not read, for the host failed; it changed while it was read; `path` is not a path.
    pub fn ask(&mut self, path: &str, question: Question) -> io::Result<Answer> {
        let known = self.found.take().filter(|_| self.asked == path);
        if known.is_none() && !is_plain(path) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (folder, name) = match path.rsplit_once('/') {
            Some((folder, name)) => (folder, name),
            None => ("", path),
        };
        let digests = self.digests;
        let place = match self.folder(folder) {
            Ok(dir) => Place { dir, name },
            Err(kind) => return Ok(Answer::Kind(kind)),
        };
        let stat = match known.map_or_else(|| place.stat(), Ok) {
            Ok(stat) => stat,
            Err(Errno::NOENT) if question == Question::Room => return Ok(Answer::Room),
            Err(errno) => return Ok(Answer::Kind(refusal(errno))),
        };
        let kind = kind_of(&stat);
        let answer = match (question, kind) {
            (Question::Stat, Kind::File { .. } | Kind::Link) => Answer::Stat {
                kind,
                size: Version::of(&stat).size,
            },
            (Question::Content, Kind::File { .. }) => place.content(&stat, digests)?,
            (Question::Listing, Kind::Folder) => place.listing()?,
            (Question::Link, Kind::Link) => place.target()?,
            (
                Question::Room,
                Kind::File {
                    executable: false,
                    shared: false,
                },
            ) => place.room(),
            (Question::Whole, _) => {
                let seen = place.whole(&stat, kind, &Bounds::default(), digests);
                seen.map_err(io::Error::from)?.answer
            }
            _ => Answer::Kind(kind),
        };
        if known.is_none() {
            self.asked.clear();
            self.asked.push_str(path);
        }
        self.found = Some(stat);
        Ok(answer)
    }

    /// The folder at `path`, from the last question or opened now.
    fn folder(&mut self, path: &str) -> Result<BorrowedFd<'_>, Kind> {
        if path.is_empty() {
            return Ok(self.root.as_fd());
        }
        let kept = self.last.take().filter(|(last, _)| **last == *path);
        let root = self.root.as_fd();
        let (_, reached) = self
            .last
            .insert(kept.unwrap_or_else(|| (path.into(), reach::folder(root, path))));
        reached.as_ref().map(AsFd::as_fd).map_err(|kind| *kind)
    }
}

/// Whether `path` is empty or names with one `/` between each.
pub(super) fn is_plain(path: &str) -> bool {
    path.is_empty()
        || !path.contains('\0') && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// One name in an open folder; the folder itself where the name is empty.
struct Place<'a> {
    dir: BorrowedFd<'a>,
    name: &'a str,
}

impl Place<'_> {
    fn stat(&self) -> Result<Stat, Errno> {
        match self.name {
            "" => rustix::fs::fstat(self.dir),
            name => rustix::fs::statat(self.dir, name, AtFlags::SYMLINK_NOFOLLOW),
        }
    }

    /// Opens what is there for reading, and does not wait for anybody at the other end.
    fn open(&self, flags: OFlags) -> Result<OwnedFd, Errno> {
        let name = if self.name.is_empty() { "." } else { self.name };
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(self.dir, name, flags | OFlags::NOCTTY, Mode::empty())
    }

    fn content(&self, seen: &Stat, digests: &dyn Digests) -> io::Result<Answer> {
        let version = Version::of(seen);
        if let Some(digest) = digests.get(&version) {
            return Ok(Answer::Content(digest));
        }
        let file = match self.open(OFlags::empty()) {
            Ok(file) => file,
            Err(errno) => return told(errno),
        };
        let settled = version.settled();
        let digest = digest_of(&file)?;
        let same = |stat: Stat| Version::of(&stat) == version;
        if !same(rustix::fs::fstat(&file)?) {
            return Err(io::Error::other("it changed while it was read"));
        }
        if let Some(settled) = settled {
            digests.put(&settled, digest);
        }
        Ok(Answer::Content(digest))
    }

    fn listing(&self) -> io::Result<Answer> {
        let dir = match self.open(OFlags::DIRECTORY) {
            Ok(dir) => dir,
            Err(errno) => return told(errno),
        };
        let mut entries = entries(&dir, usize::MAX)?.unwrap_or_default();
        Ok(Answer::Listing(hashed(&mut entries)))
    }

    fn target(&self) -> io::Result<Answer> {
        let target = rustix::fs::readlinkat(self.dir, self.name, Vec::new())?;
        Ok(Answer::Link(target.into_bytes().into()))
    }

    /// What a program finds that would empty the file that is there.
    fn room(&self) -> Answer {
        match rustix::fs::accessat(self.dir, self.name, Access::WRITE_OK, AtFlags::EACCESS) {
            Ok(()) => Answer::Room,
            Err(errno) => Answer::Kind(refusal(errno)),
        }
    }
}

/// The names in an open folder, each with what it is; `None` where there are more than `most`.
fn entries(dir: &OwnedFd, most: usize) -> io::Result<Option<Vec<Entry>>> {
    let mut entries = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        if entries.len() >= most {
            return Ok(None);
        }
        let kind = match entry.file_type() {
            // Some file systems do not say.
            FileType::Unknown => {
                match rustix::fs::statat(dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => kind_of(&stat),
                    Err(Errno::NOENT) => {
                        return Err(io::Error::other("it changed while it was read"));
                    }
                    Err(errno) => return Err(errno.into()),
                }
            }
            file_type => kind_of_type(file_type, false, false),
        };
        entries.push((Box::<[u8]>::from(name), kind));
    }
    Ok(Some(entries))
}

/// The digest of `entries`, which are in order then.
fn hashed(entries: &mut [Entry]) -> Digest {
    entries.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let mut hasher = ListingHasher::default();
    for (name, kind) in entries {
        hasher.entry(name, *kind);
    }
    hasher.finish()
}

/// An answer where the host refuses what a guest could have asked for too; an error where it failed.
fn told(errno: Errno) -> io::Result<Answer> {
    match errno {
        Errno::ACCESS | Errno::PERM => Ok(Answer::Kind(refusal(errno))),
        errno => Err(errno.into()),
    }
}

/// The digest of all bytes of `file`, which is at its beginning.
fn digest_of(file: &OwnedFd) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match rustix::io::read(file, &mut *chunk) {
            Ok(0) => return Ok(Digest::from_bytes(*hasher.finalize().as_bytes())),
            Ok(read) => {
                hasher.update(&chunk[..read]);
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// What the host says instead of what is there.
fn refusal(errno: Errno) -> Kind {
    match errno {
        Errno::NOENT => Kind::Absent,
        errno => Kind::Refused(errno.raw_os_error()),
    }
}

impl Kind {
    /// What `stat` shows.
    pub fn of(stat: &Stat) -> Self {
        kind_of(stat)
    }

    /// What an entry of a folder shows. Whether a file can be run, and how many names it has, is not seen there.
    pub fn of_entry(file_type: FileType) -> Self {
        kind_of_type(file_type, false, false)
    }
}

fn kind_of(stat: &Stat) -> Kind {
    let mode = Mode::from_raw_mode(stat.st_mode);
    kind_of_type(
        FileType::from_raw_mode(stat.st_mode),
        mode.contains(Mode::XUSR),
        stat.st_nlink > 1,
    )
}

fn kind_of_type(file_type: FileType, executable: bool, shared: bool) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::File { executable, shared },
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharacterDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::Unknown => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests;
