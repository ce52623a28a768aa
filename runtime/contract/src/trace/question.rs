//! What a step can ask of a place, and what it can be told.
//!
//! An answer holds what a guest can tell apart and no more: no times, no owners, no inode numbers. What decides what a
//! change leaves behind (whether a file can be run, whether it has other names) is in [`Kind`] too.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What is asked of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Question {
    /// What is there? A link is not followed.
    Kind,
    /// What is there, and how large is it?
    Stat,
    /// Which bytes does the file hold?
    Content,
    /// What is in the folder?
    Listing,
    /// Where does the link point to?
    Link,
    /// What does a program find that opens a file, makes it where it is missing and empties it where it is not? A plain file
    /// that may be written to, and nothing at all, are the same to it.
    Room,
    /// All of what is there but its times: its bytes, names or target, its permissions and its owner. Asked for a program that
    /// has the kernel itself to ask, of everything that it may look at.
    Whole,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Kind,
        Self::Stat,
        Self::Content,
        Self::Listing,
        Self::Link,
        Self::Room,
        Self::Whole,
    ];

    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Stat => "stat",
            Self::Content => "content",
            Self::Listing => "listing",
            Self::Link => "link",
            Self::Room => "room",
            Self::Whole => "whole",
        }
    }
}

/// What is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing.
    Absent,
    /// The host does not say, with this error number: a file stands where a folder should, or permission is missing.
    Refused(i32),
    /// A symlink leads there: the path is not what it was. The answer to no guest's question.
    Astray,
    /// A file.
    File {
        /// Whether its owner may run it.
        executable: bool,
        /// Whether it has other names.
        shared: bool,
    },
    /// A folder.
    Folder,
    /// A symlink.
    Link,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// Something that has no name.
    Unknown,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "nothing",
            Self::Refused(errno) => {
                let error = std::io::Error::from_raw_os_error(*errno);
                return write!(f, "refused: {error}");
            }
            Self::Astray => "behind a link",
            Self::File {
                executable: false,
                shared: false,
            } => "a file",
            Self::File {
                executable: true,
                shared: false,
            } => "an executable file",
            Self::File {
                executable: false,
                shared: true,
            } => "a file with other names",
            Self::File {
                executable: true,
                shared: true,
            } => "an executable file with other names",
            Self::Folder => "a folder",
            Self::Link => "a link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::CharacterDevice => "a character device",
            Self::BlockDevice => "a block device",
            Self::Unknown => "something unknown",
        })
    }
}

/// What a question was answered with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Question::Kind`]; to [`Question::Stat`] of what has no size of its own; to any other question where what it asks
    /// of is not there, or is something else.
    Kind(Kind),
    /// To [`Question::Stat`] of a file or a link.
    Stat {
        /// What is there.
        kind: Kind,
        /// Bytes of the file, or of the link's target.
        size: u64,
    },
    /// To [`Question::Content`]: the digest of the file's bytes.
    Content(Digest),
    /// To [`Question::Listing`]: what [`ListingHasher`] makes of the folder's entries.
    Listing(Digest),
    /// To [`Question::Link`]: the target, as it is written there.
    Link(Box<[u8]>),
    /// To [`Question::Room`]: nothing is there, or a file that can be emptied and leaves no trace of what it was: it can be
    /// written to, has no other names, and cannot be run.
    Room,
    /// To [`Question::Whole`] of a file, a folder or a link.
    Whole(Box<Whole>),
}

/// All of what is at a place but its times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Whole {
    /// Who may do what: the twelve bits of its mode, those for set-user-ID, set-group-ID and sticky among them.
    pub permissions: u32,
    /// The number of the user whose it is, and that of the group.
    pub owner: (u32, u32),
    /// Whether it is a file with other names.
    pub shared: bool,
    /// What is in it.
    pub part: Part,
}

/// What is in something that is at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// A file's bytes.
    File(Digest),
    /// A folder's entries, as [`ListingHasher`] has them.
    Folder(Digest),
    /// Where a link points to.
    Link(Box<[u8]>),
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            permissions,
            owner: (user, group),
            shared,
            part,
        } = self;
        match part {
            Part::File(digest) => write!(f, "content {digest}")?,
            Part::Folder(digest) => write!(f, "listing {digest}")?,
            Part::Link(target) => write!(f, "a link to `{}`", String::from_utf8_lossy(target))?,
        }
        let names = if *shared { ", with other names" } else { "" };
        write!(f, ", mode {permissions:04o} of {user}:{group}{names}")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => kind.fmt(f),
            Self::Stat { kind, size } => write!(f, "{kind} of {size} bytes"),
            Self::Content(digest) => write!(f, "content {digest}"),
            Self::Listing(digest) => write!(f, "listing {digest}"),
            Self::Link(target) => write!(f, "a link to `{}`", String::from_utf8_lossy(target)),
            Self::Room => f.write_str("room for a file"),
            Self::Whole(whole) => whole.fmt(f),
        }
    }
}

/// The digest of what is in a folder: of the names and kinds of its entries, in the order of the names' bytes.
pub struct ListingHasher(crate::Hasher);

impl Default for ListingHasher {
    fn default() -> Self {
        Self(crate::Hasher::new("stepwell listing v1"))
    }
}

impl ListingHasher {
    /// Adds an entry. They come sorted by the bytes of their names. Whether a file can be run, and how many names it has, is
    /// not seen in a listing.
    pub fn entry(&mut self, name: &[u8], kind: Kind) {
        self.0.field(name).number(match kind {
            Kind::File { .. } => 0,
            Kind::Folder => 1,
            Kind::Link => 2,
            Kind::Fifo => 3,
            Kind::Socket => 4,
            Kind::CharacterDevice => 5,
            Kind::BlockDevice => 6,
            // No entry is one of the first three.
            Kind::Unknown | Kind::Absent | Kind::Refused(_) | Kind::Astray => 7,
        });
    }

    /// The digest of the entries.
    pub fn finish(&self) -> Digest {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_told_apart_by_names_and_kinds_alone() {
        let digest = |entries: &[(&str, Kind)]| {
            let mut hasher = ListingHasher::default();
            for (name, kind) in entries {
                hasher.entry(name.as_bytes(), *kind);
            }
            hasher.finish()
        };
        let file = |executable| Kind::File {
            executable,
            shared: executable,
        };
        assert_eq!(digest(&[("a", file(true))]), digest(&[("a", file(false))]));
        assert_ne!(digest(&[("a", file(true))]), digest(&[("a", Kind::Folder)]));
        assert_ne!(digest(&[("a", file(true))]), digest(&[("b", file(true))]));
        assert_ne!(digest(&[]), digest(&[("a", file(true))]));
    }
}
