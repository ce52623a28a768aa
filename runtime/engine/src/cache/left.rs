//! What a step has left: the final state of every place that it changed, with the bytes of its files kept.
//!
//! A guest could have written to all of it: it is read through the volumes' handles, no link is followed, and nothing that could
//! keep us waiting is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use stepwell_contract::{Answer, Kind, NoDigests, Question, Spot};
use stepwell_store::Cache;
use stepwell_store::cache::Left;

use super::places::Places;
use super::{NotKept, trouble};

/// How many bytes of names of attributes are looked at; a file with more has some.
const ATTRIBUTES: usize = 256;

/// How many places one outcome has at most: what a guest leaves must not fill the host's memory.
const MOST: usize = 1 << 20;

/// What is done about a file's extended attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attributes {
    /// The step could not set any.
    Ignored,
    /// They are not put back, so that a file that has one is not kept.
    Refused,
}

/// The state of all that was `written`, in the order of the places.
pub(super) fn what_is_left(
    store: &Cache,
    places: &Places,
    written: &BTreeSet<Spot>,
    attributes: Attributes,
) -> Result<Vec<(Spot, Left)>, NotKept> {
    let mut askers = places.askers(&NoDigests);
    let mut found = BTreeMap::new();
    let mut open: Vec<Spot> = written.iter().rev().cloned().collect();
    while let Some(spot) = open.pop() {
        if found.contains_key(&spot) {
            continue;
        }
        if found.len() >= MOST {
            return Err(NotKept::TooMany(MOST));
        }
        let unread = |error: io::Error| NotKept::Unread {
            path: places.show(&spot),
            cause: error.to_string(),
        };
        let missing = || unread(io::ErrorKind::NotFound.into());
        let dir = places.dir(&spot.volume).ok_or_else(missing)?;
        let asker = askers.get_mut(&*spot.volume).ok_or_else(missing)?;
        let left = match asker.ask(&spot.path, Question::Link).map_err(unread)? {
            Answer::Link(target) => Left::Link { target },
            Answer::Kind(Kind::Absent) => Left::Nothing,
            Answer::Kind(Kind::Folder) => {
                for name in names(dir, &spot.path).map_err(unread)? {
                    open.push(spot.below(&name));
                }
                Left::Folder
            }
            Answer::Kind(Kind::File { executable, .. }) => {
                let mut options = OpenOptions::new();
                let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
                options.read(true).custom_flags(flags.bits() as i32);
                let file = dir.open_with(&*spot.path, &options).map_err(unread)?;
                let mut file = file.into_std();
                if attributes == Attributes::Refused && has_attributes(&file).map_err(unread)? {
                    return Err(NotKept::Strange {
                        path: places.show(&spot),
                        what: "a file with extended attributes".to_owned(),
                    });
                }
                let (digest, size) = store
                    .keep_blob(&mut file)
                    .map_err(|error| NotKept::Store(trouble("write to", &error)))?;
                Left::File {
                    digest,
                    size,
                    executable,
                }
            }
            // A file stands where a folder was: nothing is there.
            Answer::Kind(Kind::Refused(errno))
                if errno == rustix::io::Errno::NOTDIR.raw_os_error() =>
            {
                Left::Nothing
            }
            other => {
                return Err(NotKept::Strange {
                    path: places.show(&spot),
                    what: other.to_string(),
                });
            }
        };
        found.insert(spot, left);
    }
    Ok(found.into_iter().collect())
}

/// Whether `file` has extended attributes but the label that a security module gives to every file.
fn has_attributes(file: &std::fs::File) -> io::Result<bool> {
    let mut names = [0; ATTRIBUTES];
    match rustix::fs::flistxattr(file, &mut names) {
        Ok(length) => {
            let mut names = names[..length].split(|byte| *byte == 0);
            Ok(names.any(|name| !matches!(name, b"" | b"security.selinux")))
        }
        // The file system has none.
        Err(rustix::io::Errno::NOTSUP) => Ok(false),
        Err(rustix::io::Errno::RANGE) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// The names in the folder at `path`.
fn names(root: &Dir, path: &str) -> io::Result<Vec<String>> {
    let path = if path.is_empty() { "." } else { path };
    let mut names = Vec::new();
    for entry in root.read_dir(path)? {
        let name = entry?.file_name().into_string();
        names.push(name.map_err(|_| io::Error::other("a name in it is not UTF-8"))?);
    }
    Ok(names)
}
