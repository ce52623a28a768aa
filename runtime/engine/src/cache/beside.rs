//! Which tasks of a run have one folder at the same time, so that a change in it may be anybody's.
//!
//! What a container changed is told from its folders before and after. That is its doing only where nobody else could write there
//! meanwhile. Tasks of the same run are known, and stand here from the opening of their folders to the end; other processes
//! are not.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use stepwell_contract::Access;

use super::places::locate;

/// The tasks of one run that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Neighbours(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    last: u64,
    open: Vec<Neighbour>,
}

#[derive(Debug)]
struct Neighbour {
    number: u64,
    folders: Vec<Folder>,
    /// Whether another could write to one of its folders since it was last asked about.
    met: bool,
}

/// A folder that others may have too.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    identity: (u64, u64),
    access: Access,
}

/// One open task. It is gone from among the others when this is dropped.
#[derive(Debug)]
pub(crate) struct Beside {
    neighbours: Neighbours,
    number: u64,
}

/// Asks about one open task, as long as it is open.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    neighbours: Neighbours,
    number: u64,
}

impl Neighbours {
    /// A task opens; it has no folder yet.
    pub(crate) fn enter(&self) -> Beside {
        let mut board = self.board();
        board.last += 1;
        let number = board.last;
        board.open.push(Neighbour {
            number,
            folders: Vec::new(),
            met: false,
        });
        drop(board);
        Beside {
            neighbours: self.clone(),
            number,
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Each change of it is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Neighbour {
    /// Whether somebody with `folders` could write to one of its own.
    fn is_disturbed_by(&self, folders: &[Folder]) -> bool {
        let mut writable = folders
            .iter()
            .filter(|folder| folder.access == Access::ReadWrite);
        writable.any(|theirs| self.folders.iter().any(|own| own.overlaps(theirs)))
    }
}

impl Folder {
    fn overlaps(&self, other: &Self) -> bool {
        self.identity == other.identity
            || self.path.starts_with(&other.path)
            || other.path.starts_with(&self.path)
    }
}

impl Beside {
    /// The task has these folders from now on, that others may have too. One of which nobody can tell where it is stands for
    /// any.
    pub(crate) fn open<'a>(&self, folders: impl Iterator<Item = (&'a Dir, Access)>) {
        let folders = folders.map(|(dir, access)| {
            let (path, identity) = locate(dir).unwrap_or_else(|| ("/".into(), (0, 0)));
            Folder {
                path,
                identity,
                access,
            }
        });
        let folders: Vec<_> = folders.collect();
        let mut board = self.neighbours.board();
        for other in board
            .open
            .iter_mut()
            .filter(|one| one.number != self.number)
        {
            other.met |= other.is_disturbed_by(&folders);
        }
        if let Some(own) = board.open.iter_mut().find(|one| one.number == self.number) {
            own.folders = folders;
        }
    }

    pub(crate) fn watch(&self) -> Watch {
        Watch {
            neighbours: self.neighbours.clone(),
            number: self.number,
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let mut board = self.neighbours.board();
        board.open.retain(|one| one.number != self.number);
    }
}

impl Watch {
    /// From now on: who is there already counts too.
    pub(super) fn begin(&self) {
        let mut board = self.neighbours.board();
        let own = board.open.iter().find(|one| one.number == self.number);
        let met = own.is_none_or(|own| {
            let mut others = board.open.iter().filter(|one| one.number != self.number);
            others.any(|other| own.is_disturbed_by(&other.folders))
        });
        if let Some(own) = board.open.iter_mut().find(|one| one.number == self.number) {
            own.met = met;
        }
    }

    /// Whether somebody could write to the task's folders since [`begin`](Self::begin).
    pub(super) fn met(&self) -> bool {
        let board = self.neighbours.board();
        let own = board.open.iter().find(|one| one.number == self.number);
        own.is_none_or(|own| own.met)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cap_std::ambient_authority;

    use super::*;

    fn enter(neighbours: &Neighbours, path: &Path, access: Access) -> Beside {
        std::fs::create_dir_all(path).unwrap();
        let dir = Dir::open_ambient_dir(path, ambient_authority()).unwrap();
        let beside = neighbours.enter();
        beside.open([(&dir, access)].into_iter());
        beside
    }

    #[test]
    fn a_writer_of_the_same_folder_is_met_whenever_it_comes() {
        let temp = tempfile::tempdir().unwrap();
        let whole = temp.path().join("a");
        let inside = whole.join("b");
        for (own, other) in [(&whole, &whole), (&whole, &inside), (&inside, &whole)] {
            let neighbours = Neighbours::default();
            let own = enter(&neighbours, own, Access::ReadWrite);
            let watch = own.watch();
            watch.begin();
            assert!(!watch.met());
            // It comes, and is gone before anybody asks.
            drop(enter(&neighbours, other, Access::ReadWrite));
            assert!(watch.met());
            watch.begin();
            assert!(!watch.met(), "what is over does not count");
            let there = enter(&neighbours, other, Access::ReadWrite);
            watch.begin();
            assert!(watch.met());
            drop(there);
            assert!(watch.met());
        }
    }

    #[test]
    fn who_only_reads_or_has_another_folder_is_not_met() {
        let temp = tempfile::tempdir().unwrap();
        let neighbours = Neighbours::default();
        let own = enter(&neighbours, &temp.path().join("a"), Access::ReadWrite);
        let _reader = enter(&neighbours, &temp.path().join("a"), Access::ReadOnly);
        let _other = enter(&neighbours, &temp.path().join("ab"), Access::ReadWrite);
        own.watch().begin();
        assert!(!own.watch().met());
    }

    #[test]
    fn a_task_that_is_over_cannot_say_that_it_met_nobody() {
        let temp = tempfile::tempdir().unwrap();
        let own = enter(&Neighbours::default(), temp.path(), Access::ReadWrite);
        let watch = own.watch();
        watch.begin();
        drop(own);
        assert!(watch.met());
    }
}
