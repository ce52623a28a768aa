//! What is left behind: counted before and after each case.
//!
//! It looks at this process, so one case at a time is looked at; [`alone`] sees to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Harness;

/// Everything that must be the same after a case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Remains {
    seen: BTreeSet<String>,
}

/// Waits until no other case of this process runs: children, mounts and descriptors are the process's and not a case's.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A case that failed has left no state in here.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Remains {
    /// What is there now.
    pub fn now(harness: &dyn Harness) -> Self {
        let mut seen = BTreeSet::new();
        seen.extend(children());
        seen.extend(lines("mount", "/proc/self/mountinfo"));
        seen.extend(descriptors());
        for folder in harness.folders() {
            below(&folder, &mut seen);
        }
        seen.extend(harness.remains());
        Self { seen }
    }

    /// What is there and was not `before`.
    pub fn since(&self, before: &Self) -> Vec<String> {
        self.seen.difference(&before.seen).cloned().collect()
    }
}

/// The processes that this one has started, zombies too.
fn children() -> BTreeSet<String> {
    let mut children = BTreeSet::new();
    for task in names("/proc/self/task") {
        let path = format!("/proc/self/task/{task}/children");
        let listed = fs::read_to_string(path).unwrap_or_default();
        children.extend(
            listed
                .split_whitespace()
                .map(|pid| format!("process {pid}")),
        );
    }
    children
}

fn lines(what: &str, path: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| format!("{what} {line}")).collect()
}

/// What is open, by number and name; the listing's own descriptor is gone when it is looked up.
fn descriptors() -> BTreeSet<String> {
    let open = names("/proc/self/fd").into_iter().filter_map(|number| {
        let target = fs::read_link(format!("/proc/self/fd/{number}")).ok()?;
        Some(format!("descriptor {number} {}", target.display()))
    });
    open.collect()
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Every path below a folder.
fn below(folder: &Path, seen: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&path, seen);
        }
        seen.insert(format!("file {}", path.display()));
    }
}
