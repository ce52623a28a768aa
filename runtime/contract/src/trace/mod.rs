//! What a step learned from its volumes, in order: the trace that decides whether it has to run again.
//!
//! A backend that can, records while a step runs and hands a [`Trace`] to the step's [`Observer`]. Who looks a step up asks
//! the same questions again, with the same code: [`Asker`]. Neither knows what a trace is kept for, nor where.
//!
//! A place is a [`Spot`]: a volume and a path below it that is normalised and has no symlink but perhaps its last name.
//! A symlink that a guest went through is an observation of its own, so that such a path is true as long as the
//! observations before it are.

mod ask;
mod question;
mod version;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use ask::{Asker, Bounds, Seen, Unseen};
pub use question::{Answer, Kind, ListingHasher, Part, Question, Whole};
pub use version::{Digests, NoDigests, Settled, Version};

/// One place in a volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spot {
    /// The volume's name in the task.
    pub volume: Arc<str>,
    /// Below the volume's folder, names with `/` between them; empty for the folder itself. No name is `.` or `..`, and none
    /// but the last is a symlink.
    pub path: Arc<str>,
}

impl Spot {
    /// The place at `path` in `volume`.
    pub fn new(volume: impl Into<Arc<str>>, path: impl Into<Arc<str>>) -> Self {
        Self {
            volume: volume.into(),
            path: path.into(),
        }
    }

    /// Whether its path can be one: empty, or names with one `/` between each. One that came from elsewhere is asked this.
    pub fn is_plain(&self) -> bool {
        ask::is_plain(&self.path)
    }

    /// The place `path` below this one; this one where `path` is empty.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let path = match (&*self.path, path) {
            (_, "") => Arc::clone(&self.path),
            ("", path) => path.into(),
            (own, path) => format!("{own}/{path}").into(),
        };
        Self {
            volume: Arc::clone(&self.volume),
            path,
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.volume, self.path)
    }
}

/// One thing that a step learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Of what.
    pub spot: Spot,
    /// What it asked.
    pub question: Question,
    /// What it was told.
    pub answer: Answer,
}

/// What one run of a step learned and changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// What it learned, each thing once, in the order in which it learned it.
    pub observations: Vec<Observation>,
    /// What it made, changed or removed. A folder that is there at the end is the step's with all that is in it.
    pub written: BTreeSet<Spot>,
    /// Why it cannot be kept, where it cannot: what it holds is then for people alone.
    pub flaws: Vec<Flaw>,
}

/// Why a trace does not say all that decided what its step did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Somebody else changed something that the step had seen, while it ran.
    #[error("`{0}` changed while the step ran")]
    Changed(Spot),
    /// The step learned more than is kept.
    #[error("the step made more than {0} observations")]
    TooMany(usize),
    /// The step wrote to a file that has another name too, and that other name's file changed with it.
    #[error("the step changed `{0}`, a file that has other names too")]
    SharedFile(Spot),
    /// The host refused a change for a reason that no observation holds: a full disk, a folder that may not be written to.
    #[error("the host refused to {doing} `{spot}`: {cause}")]
    Refused {
        /// What was refused: completes "refused to …".
        doing: &'static str,
        /// Where.
        spot: Spot,
        /// In the host's words.
        cause: String,
    },
    /// The host could not look at something that the step saw.
    #[error("failed to observe `{spot}`: {cause}")]
    Unobserved {
        /// What.
        spot: Spot,
        /// In the host's words.
        cause: String,
    },
    /// The step used something of which no observation can be made.
    #[error("the step {0}, which cannot be observed")]
    Unobservable(&'static str),
}

/// Who wants to know what a step observes. A sink has one where its step is recorded
/// ([`StepSink::observer`](crate::StepSink::observer)).
pub trait Observer: Send + Sync {
    /// How many observations are kept at most. A step that makes more is not recorded any further, and its trace says so with
    /// [`Flaw::TooMany`]: what a guest learns must not fill the host's memory.
    fn most(&self) -> usize;

    /// Where `volume`'s folder truly is: another volume and a place in it, where it is a part of one or the same folder. All
    /// spots of a trace are of such volumes, so that nothing has two names. By itself, each volume stands for itself.
    fn place(&self, volume: &Arc<str>) -> Spot {
        Spot::new(Arc::clone(volume), "")
    }

    /// The digests of files that are known already, and where new ones are told.
    fn digests(&self) -> &dyn Digests;

    /// Takes the trace. Called once, by the backend, on every path on which the guest has begun: after its end and before
    /// [`Sandbox::run`](crate::Sandbox::run) returns.
    fn observed(&self, trace: Trace);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_below_another_has_one_spelling() {
        let root = Spot::new("w", "");
        assert_eq!(root.below(""), root);
        assert_eq!(root.below("a"), Spot::new("w", "a"));
        assert_eq!(root.below("a").below("b/c"), Spot::new("w", "a/b/c"));
        assert_eq!(root.below("a").below(""), Spot::new("w", "a"));
        assert_eq!(root.below("a/b").to_string(), "w:a/b");
    }
}
