//! What is a step's own: what it has made, changed or removed, with all that is below.
//!
//! Whatever is below something owned is the step's too: it was made there by the step, it came along when the step moved the
//! folder (and was recorded then), or it cannot be reached any more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use stepwell_contract::{Kind, Spot};

/// The owned places, each with what was there before.
#[derive(Debug, Default)]
pub(super) struct Owned {
    volumes: HashMap<Arc<str>, Volume>,
}

/// By folder, then by name, so that both "is this owned" and "what is owned in this folder" are one look.
type Volume = HashMap<Box<str>, BTreeMap<Box<str>, Kind>>;

/// The folder and the name in it.
fn parts(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Owned {
    /// Whether `spot`, or a folder that it is in, is owned.
    pub(super) fn has(&self, spot: &Spot) -> bool {
        let Some(volume) = self.volumes.get(&spot.volume) else {
            return false;
        };
        let mut path = &*spot.path;
        while !path.is_empty() {
            let (folder, name) = parts(path);
            if volume
                .get(folder)
                .is_some_and(|names| names.contains_key(name))
            {
                return true;
            }
            path = folder;
        }
        false
    }

    /// Adds `spot`, where `prior` was before. The folder of a volume itself never becomes a step's.
    pub(super) fn add(&mut self, spot: &Spot, prior: Kind) {
        if spot.path.is_empty() || self.has(spot) {
            return;
        }
        let (folder, name) = parts(&spot.path);
        let volume = self.volumes.entry(Arc::clone(&spot.volume)).or_default();
        let names = volume.entry(folder.into()).or_default();
        names.insert(name.into(), prior);
    }

    /// The names in `folder` that are owned, sorted, with what they were before. `folder` itself is not owned.
    pub(super) fn within(&self, folder: &Spot) -> Option<&BTreeMap<Box<str>, Kind>> {
        self.volumes.get(&folder.volume)?.get(&*folder.path)
    }

    /// All of it.
    pub(super) fn spots(&self) -> BTreeSet<Spot> {
        let mut spots = BTreeSet::new();
        for (name, volume) in &self.volumes {
            for (folder, names) in volume {
                let folder = Spot::new(Arc::clone(name), folder.clone());
                spots.extend(names.keys().map(|name| folder.below(name)));
            }
        }
        spots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(path: &str) -> Spot {
        Spot::new("v", path)
    }

    #[test]
    fn what_is_below_something_owned_is_owned_and_its_neighbours_are_not() {
        let mut owned = Owned::default();
        owned.add(&spot("a/b"), Kind::Absent);
        for path in ["a/b", "a/b/c", "a/b/c/d"] {
            assert!(owned.has(&spot(path)), "{path}");
        }
        for path in ["", "a", "a/bb", "a/c", "b"] {
            assert!(!owned.has(&spot(path)), "{path}");
        }
        assert!(!owned.has(&Spot::new("other", "a/b")));
    }

    #[test]
    fn what_was_there_before_the_first_change_stays_known() {
        let mut owned = Owned::default();
        owned.add(&spot("a/b"), Kind::Link);
        owned.add(&spot("a/b"), Kind::Absent);
        owned.add(&spot("a/b/c"), Kind::Absent);
        let within = owned.within(&spot("a")).unwrap();
        assert_eq!(within.get("b"), Some(&Kind::Link));
        assert_eq!(owned.spots(), BTreeSet::from([spot("a/b")]));
    }

    #[test]
    fn attack_owning_a_whole_volume() {
        let mut owned = Owned::default();
        owned.add(&spot(""), Kind::Folder);
        assert!(!owned.has(&spot("")) && !owned.has(&spot("a")));
    }
}
