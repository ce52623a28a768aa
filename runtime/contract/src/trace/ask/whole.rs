//! Answers the question for everything: what a program with the kernel to itself could learn of one place.
//!
//! What is there may have been made to be asked about: a sparse file of eight exabytes, a folder without an end. So the
//! answer has bounds, and beyond them there is none.

use std::io;

use rustix::fs::{OFlags, Stat};

use super::{Asker, Place, entries, hashed, is_plain, refusal};
use crate::trace::{Answer, Digests, Kind, Part, Version, Whole};

/// How much is looked at for one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Names of one folder. Stops a folder that does not fit into memory.
    pub names: usize,
    /// Bytes of one file. Stops a sparse file that takes a week to read.
    pub bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            names: 1 << 20,
            bytes: 16 << 30,
        }
    }
}

/// What was seen of one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The answer to [`Question::Whole`](crate::Question::Whole).
    pub answer: Answer,
    /// The names in the folder, in order, where it is one.
    pub names: Vec<Box<[u8]>>,
    /// The bytes of the file, where it is one.
    pub bytes: u64,
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unseen {
    /// The folder has more names than are looked at.
    #[error("it has more than {0} names")]
    Names(usize),
    /// The file has more bytes than are read.
    #[error("it has more than {0} bytes")]
    Bytes(u64),
    /// The host failed, or it changed while it was read.
    #[error("the host does not show it")]
    Host(#[from] io::Error),
}

impl From<Unseen> for io::Error {
    fn from(unseen: Unseen) -> Self {
        match unseen {
            Unseen::Host(error) => error,
            bound => Self::other(bound),
        }
    }
}

impl Asker<'_> {
    /// Sees all of what is at `path`, as [`Spot::path`](crate::Spot::path) has it, as far as `bounds` go.
    ///
    /// # Errors
    ///
    /// What is there is beyond the bounds, or cannot be looked at.
    pub fn whole(&mut self, path: &str, bounds: &Bounds) -> Result<Seen, Unseen> {
        if !is_plain(path) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let digests = self.digests;
        let dir = match self.folder(folder) {
            Ok(dir) => dir,
            Err(kind) => return Ok(only(Answer::Kind(kind))),
        };
        let place = Place { dir, name };
        match place.stat() {
            Ok(stat) => place.whole(&stat, Kind::of(&stat), bounds, digests),
            Err(errno) => Ok(only(Answer::Kind(refusal(errno)))),
        }
    }
}

impl Place<'_> {
    pub(super) fn whole(
        &self,
        stat: &Stat,
        kind: Kind,
        bounds: &Bounds,
        digests: &dyn Digests,
    ) -> Result<Seen, Unseen> {
        let mut seen = only(Answer::Kind(kind));
        let (part, shared) = match kind {
            Kind::File { shared, .. } => {
                seen.bytes = Version::of(stat).size;
                if seen.bytes > bounds.bytes {
                    return Err(Unseen::Bytes(bounds.bytes));
                }
                match self.content(stat, digests)? {
                    Answer::Content(digest) => (Part::File(digest), shared),
                    refused => return Ok(only(refused)),
                }
            }
            Kind::Folder => {
                let dir = match self.open(OFlags::DIRECTORY) {
                    Ok(dir) => dir,
                    Err(errno) => return Ok(only(super::told(errno)?)),
                };
                let most = bounds.names;
                let mut entries = entries(&dir, most)?.ok_or(Unseen::Names(most))?;
                let digest = hashed(&mut entries);
                seen.names = entries.into_iter().map(|(name, _)| name).collect();
                (Part::Folder(digest), false)
            }
            Kind::Link => match self.target()? {
                Answer::Link(target) => (Part::Link(target), false),
                other => return Ok(only(other)),
            },
            _ => return Ok(seen),
        };
        seen.answer = Answer::Whole(Box::new(Whole {
            permissions: stat.st_mode & 0o7777,
            owner: (stat.st_uid, stat.st_gid),
            shared,
            part,
        }));
        Ok(seen)
    }
}

fn only(answer: Answer) -> Seen {
    Seen {
        answer,
        names: Vec::new(),
        bytes: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    use super::*;
    use crate::{NoDigests, Question};

    fn folder() -> (tempfile::TempDir, Dir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temp.path(), ambient_authority()).unwrap();
        (temp, dir)
    }

    fn whole(dir: &Dir, path: &str) -> Answer {
        let seen = Asker::new(dir, &NoDigests).whole(path, &Bounds::default());
        let answer = seen.unwrap().answer;
        let asked = Asker::new(dir, &NoDigests).ask(path, Question::Whole);
        assert_eq!(asked.unwrap(), answer, "{path}");
        answer
    }

    #[test]
    fn whatever_a_program_could_tell_apart_is_another_answer() {
        let (temp, dir) = folder();
        let at = |name: &str| temp.path().join(name);
        fs::write(at("file"), "one").unwrap();
        let mut answers = vec![whole(&dir, "file")];
        fs::write(at("file"), "two").unwrap();
        answers.push(whole(&dir, "file"));
        for mode in [0o600, 0o755, 0o4755, 0o2755] {
            fs::set_permissions(at("file"), Permissions::from_mode(mode)).unwrap();
            answers.push(whole(&dir, "file"));
        }
        fs::hard_link(at("file"), at("other")).unwrap();
        answers.push(whole(&dir, "file"));
        symlink("file", at("link")).unwrap();
        answers.push(whole(&dir, "link"));
        answers.push(whole(&dir, "missing"));
        answers.push(whole(&dir, ""));
        fs::create_dir(at("folder")).unwrap();
        answers.push(whole(&dir, "folder"));
        answers.push(whole(&dir, ""));
        let distinct: std::collections::BTreeSet<_> = answers.iter().collect();
        assert_eq!(distinct.len(), answers.len(), "{answers:#?}");
    }

    #[test]
    fn times_are_no_part_of_an_answer() {
        let (temp, dir) = folder();
        let path = temp.path().join("file");
        fs::write(&path, "x").unwrap();
        let before = whole(&dir, "file");
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        File::open(&path).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(whole(&dir, "file"), before);
    }

    #[test]
    fn attack_a_file_or_a_folder_without_an_end_is_not_read() {
        let (temp, dir) = folder();
        let huge = File::create(temp.path().join("huge")).unwrap();
        huge.set_len(1 << 42).unwrap();
        fs::create_dir(temp.path().join("wide")).unwrap();
        for name in 0..4 {
            File::create(temp.path().join(format!("wide/{name}"))).unwrap();
        }
        let mut asker = Asker::new(&dir, &NoDigests);
        let mut see = |path: &str, names| {
            let bounds = Bounds {
                names,
                ..Bounds::default()
            };
            asker.whole(path, &bounds)
        };
        assert!(matches!(see("huge", 4), Err(Unseen::Bytes(_))));
        assert!(matches!(see("wide", 3), Err(Unseen::Names(3))));
        // What is within the bounds is seen.
        assert_eq!(see("wide", 4).unwrap().names.len(), 4);
        assert!(asker.ask("huge", Question::Whole).is_err());
    }
}
