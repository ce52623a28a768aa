//! What a container may look at, all of it, before it runs and after: its observations, and what it changed.
//!
//! A container asks the kernel, and nobody hears its questions. So it is taken to have asked everything: of every file, folder
//! and link below its mounts, in one order, what it wholly is. That is a trace like any other, so that a look-up asks
//! the same in the same order and stops at the first answer that is new. What is different afterwards is what the step changed,
//! where it could; where it could not, somebody else did.
//!
//! Whatever ran before could have filled these folders: how many places are looked at, how deep, and how many bytes are
//! read is bounded. It does not know who is beside the step; [`Beside`](super::beside::Beside) does.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_contract::{
    Answer, Bounds, Digests, Flaw, Kind, Observation, Part, Question, Spot, Trace, Unseen, Whole,
};
use stepwell_store::cache::Left;

use super::NotKept;
use super::places::Places;
use crate::error::causes;

/// How much of a step's mounts is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Places. Stops more files than fit into memory.
    pub(super) places: usize,
    /// Bytes of all files. Stops sparse files that take a week to read.
    pub(super) bytes: u64,
    /// Bytes of one path. Stops a tree of folders in folders, of which each path is longer than the one before.
    pub(super) path: usize,
}

impl Default for Most {
    fn default() -> Self {
        Self {
            places: 1 << 20,
            bytes: 16 << 30,
            path: 4096,
        }
    }
}

/// When it is looked: who is to blame for what cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Before,
    After,
}

/// What is below the mounts of a step at one time.
pub(super) struct Snapshot {
    /// A folder before what is in it.
    observations: Vec<Observation>,
    most: Most,
}

/// What a container changed, beside its trace.
pub(super) struct Changes {
    /// The places whose permissions are to be put back, with these.
    permissions: Vec<(Spot, u32)>,
    /// What was there at the end.
    after: BTreeMap<Spot, Answer>,
}

impl Snapshot {
    /// Looks at all that is below the mounts.
    ///
    /// # Errors
    ///
    /// [`NotKept`], for what is there cannot be looked at, is too much, or is no file, folder or link.
    pub(super) fn take(
        places: &Places,
        digests: &dyn Digests,
        most: Most,
    ) -> Result<Self, NotKept> {
        Self::at(When::Before, places, digests, most)
    }

    fn at(when: When, places: &Places, digests: &dyn Digests, most: Most) -> Result<Self, NotKept> {
        let mut askers = places.askers(digests);
        let mut observations = Vec::new();
        let mut bytes_left = most.bytes;
        for root in places.roots() {
            let unseen = |spot: &Spot, cause: String| {
                let path = places.show(spot);
                match when {
                    When::Before => NotKept::Unseen { path, cause },
                    When::After => NotKept::Unread { path, cause },
                }
            };
            let strange = |spot: &Spot, kind: Kind| match when {
                When::Before => unseen(spot, format!("it is {kind}")),
                When::After => NotKept::Strange {
                    path: places.show(spot),
                    what: kind.to_string(),
                },
            };
            let asker = askers.get_mut(&*root.volume);
            let asker = asker.ok_or_else(|| unseen(&root, "there is no such volume".to_owned()))?;
            // Folders that were seen, each with the names in it.
            let mut open = Vec::new();
            let mut waiting = 1;
            let mut look = |spot: Spot, open: &mut Vec<(Spot, Vec<Box<[u8]>>)>| {
                let bounds = Bounds {
                    names: most.places.saturating_sub(observations.len() + waiting),
                    bytes: bytes_left,
                };
                if spot.path.len() > most.path {
                    return Err(too_much(most.path as u64, "bytes of one path"));
                }
                let seen = match asker.whole(&spot.path, &bounds) {
                    Ok(seen) => seen,
                    Err(Unseen::Names(_)) => return Err(too_much(most.places as u64, "files")),
                    Err(Unseen::Bytes(_)) => {
                        return Err(too_much(most.bytes, "bytes of files"));
                    }
                    Err(error) => return Err(unseen(&spot, causes(&error).join(": "))),
                };
                match &seen.answer {
                    Answer::Whole(_) => {}
                    Answer::Kind(kind) => return Err(strange(&spot, *kind)),
                    other => return Err(unseen(&spot, other.to_string())),
                }
                bytes_left = bytes_left.saturating_sub(seen.bytes);
                waiting = waiting - 1 + seen.names.len();
                if !seen.names.is_empty() {
                    open.push((spot.clone(), seen.names));
                }
                observations.push(Observation {
                    spot,
                    question: Question::Whole,
                    answer: seen.answer,
                });
                Ok(())
            };
            look(root.clone(), &mut open)?;
            while let Some((folder, names)) = open.pop() {
                for name in names {
                    let name = std::str::from_utf8(&name)
                        .map_err(|_| unseen(&folder, "a name in it is not UTF-8".to_owned()))?;
                    look(folder.below(name), &mut open)?;
                }
            }
        }
        Ok(Self { observations, most })
    }

    /// How much was observed.
    pub(super) fn len(&self) -> usize {
        self.observations.len()
    }

    /// What has changed since, by the step alone.
    ///
    /// # Errors
    ///
    /// [`NotKept`]: somebody else changed something, or the step left what cannot be put back.
    pub(super) fn changes(
        self,
        places: &Places,
        digests: &dyn Digests,
    ) -> Result<(Trace, Changes), NotKept> {
        let after = Self::at(When::After, places, digests, self.most)?;
        let after: BTreeMap<_, _> = after
            .observations
            .into_iter()
            .map(|one| (one.spot, one.answer))
            .collect();
        let before: BTreeMap<_, _> = self
            .observations
            .iter()
            .map(|one| (&one.spot, &one.answer))
            .collect();
        let mut written = BTreeSet::new();
        let mut permissions = Vec::new();
        let user = rustix::process::geteuid().as_raw();
        let group = rustix::process::getegid().as_raw();
        for (spot, answer) in &after {
            let was = before.get(spot).copied();
            let Answer::Whole(is) = answer else { continue };
            let (only_inside, same) = match was {
                Some(Answer::Whole(was)) => unchanged(was, is),
                _ => (false, false),
            };
            if same {
                continue;
            }
            may_change(places, spot)?;
            let strange = |what: &str| NotKept::Strange {
                path: places.show(spot),
                what: what.to_owned(),
            };
            if is.owner != (user, group) {
                return Err(strange("another user's or group's"));
            }
            if is.shared {
                return Err(strange("a file with other names"));
            }
            if !matches!(is.part, Part::Link(_)) {
                if is.permissions & !0o777 != 0 {
                    let what = format!("of mode {:04o}", is.permissions);
                    return Err(strange(&what));
                }
                permissions.push((spot.clone(), is.permissions));
            }
            if !only_inside {
                written.insert(spot.clone());
            }
        }
        for spot in before.keys() {
            if !after.contains_key(spot) {
                may_change(places, spot)?;
                written.insert((*spot).clone());
            }
        }
        let trace = Trace {
            observations: self.observations,
            written,
            flaws: Vec::new(),
        };
        Ok((trace, Changes { permissions, after }))
    }
}

impl Changes {
    /// The permissions of what it changed, once `left`, which is to be kept, is what was seen at the end of the step.
    ///
    /// # Errors
    ///
    /// Somebody has changed it meanwhile.
    pub(super) fn agreed(self, left: &[(Spot, Left)]) -> Result<Vec<(Spot, u32)>, NotKept> {
        for (spot, left) in left {
            let seen = match self.after.get(spot) {
                Some(Answer::Whole(whole)) => Some(&whole.part),
                _ => None,
            };
            let same = match (left, seen) {
                (Left::Nothing, None) | (Left::Folder, Some(Part::Folder(_))) => true,
                (Left::File { digest, .. }, Some(Part::File(seen))) => digest == seen,
                (Left::Link { target }, Some(Part::Link(seen))) => target == seen,
                _ => false,
            };
            if !same {
                return Err(NotKept::Flaw(Flaw::Changed(spot.clone())));
            }
        }
        Ok(self.permissions)
    }
}

/// Whether two states differ in what is in a folder alone, where that is looked at too; and whether they differ in nothing else.
fn unchanged(was: &Whole, is: &Whole) -> (bool, bool) {
    match (&was.part, &is.part) {
        (Part::Folder(_), Part::Folder(_)) => {
            let same = (was.permissions, was.owner) == (is.permissions, is.owner);
            (true, same)
        }
        _ => (false, was == is),
    }
}

/// A change is the step's own where it may write.
fn may_change(places: &Places, spot: &Spot) -> Result<(), NotKept> {
    match places.may_write(spot) {
        true => Ok(()),
        false => Err(NotKept::Flaw(Flaw::Changed(spot.clone()))),
    }
}

fn too_much(most: u64, what: &'static str) -> NotKept {
    NotKept::TooMuch { most, what }
}

#[cfg(test)]
mod tests;
