//! Trims a cache to a size: what was used least recently goes first, and nothing that a live process has used or made.
//!
//! What is used is given a new time ([`Files::touch`]), so that everything in the hands of a live process is as new as its
//! claim. Nothing that new is taken. Between a look at a file's time and its removal somebody may begin to use it: so it is
//! moved aside first and looked at again, and moved back where that has happened. Whoever comes in that instant finds
//! nothing, which is a miss.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use stepwell_contract::Digest;

use super::Cache;
use super::claim::Claim;
use super::files::{NEVER, modified, name, named, size, stat};
use super::outcome::of_file;
use crate::error::StoreError;

/// Where the size at the last count is kept.
const COUNTED: &str = "counted";

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Bytes before.
    pub before: u64,
    /// Bytes after.
    pub after: u64,
    /// Outcomes that went.
    pub outcomes: usize,
    /// Blobs that went.
    pub blobs: usize,
    /// Keys that have no outcome any more.
    pub keys: usize,
}

/// A file of the cache.
struct Entry {
    path: String,
    used: (i64, i64),
    bytes: u64,
}

impl Cache {
    /// Removes what was used least recently until no more than `limit` bytes are left, and what nothing refers to. `None` where
    /// another process is at it.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn collect(&self, limit: u64) -> Result<Option<Collected>, StoreError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let lock = rustix::fs::openat(self.own.dir(), "collecting", flags, mode);
        let lock = lock.map_err(self.own.io("open", "collecting"))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Ok(None),
            locked => locked.map_err(self.own.io("lock", "collecting"))?,
        }
        // What is used from here on is newer than this file, by the clock that the others' times are from.
        let now = self.own.temporary()?;
        let began = stat(&now.file).map(|stat| modified(&stat));
        self.own.discard(now);
        let began = began.map_err(self.own.io("look at", "temp"))?;
        let oldest = Claim::oldest(&self.own)?;
        let since = oldest.map_or(began, |oldest| oldest.min(began));
        Collection::new(self, since)?.run(limit).map(Some)
    }
}

impl Cache {
    /// Saves what is known of files, and trims the cache to `limit` where it has grown beyond it since it was last counted.
    /// Cheap where this process has kept nothing.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn settle(&self, limit: u64) -> Result<(), StoreError> {
        self.index.save()?;
        let grown = self.grown.swap(0, Ordering::Relaxed);
        if grown == 0 {
            return Ok(());
        }
        let known = self.own.read_sealed(COUNTED, NEVER)?;
        let known = known.and_then(|body| Some(u64::from_le_bytes(body.try_into().ok()?)));
        let mut bytes = match known {
            Some(known) => known.saturating_add(grown),
            None => self.usage()?.bytes(),
        };
        if bytes > limit {
            // Some room, so that the next run does not collect again.
            let collected = self.collect(limit / 10 * 9)?;
            bytes = collected.map_or(bytes, |collected| collected.after);
        }
        self.own.write_sealed(COUNTED, &bytes.to_le_bytes())
    }
}

struct Collection<'a> {
    cache: &'a Cache,
    /// What was used since then stays.
    since: (i64, i64),
    outcomes: BTreeMap<Digest, Entry>,
    blobs: HashMap<Digest, Entry>,
    /// What each outcome needs.
    needs: BTreeMap<Digest, Vec<Digest>>,
    total: u64,
}

impl<'a> Collection<'a> {
    fn new(cache: &'a Cache, since: (i64, i64)) -> Result<Self, StoreError> {
        let mut collection = Self {
            cache,
            since,
            outcomes: BTreeMap::new(),
            blobs: HashMap::new(),
            needs: BTreeMap::new(),
            total: 0,
        };
        // Outcomes after blobs: one that is written meanwhile has its blobs, which are as new, before itself.
        for folder in ["blobs", "outcomes"] {
            cache.own.each(folder, &mut |path, stat| {
                let Some(digest) = named(path) else { return };
                let entry = Entry {
                    path: path.to_owned(),
                    used: modified(stat),
                    bytes: size(stat),
                };
                collection.total += entry.bytes;
                match folder {
                    "blobs" => drop(collection.blobs.insert(digest, entry)),
                    _ => drop(collection.outcomes.insert(digest, entry)),
                }
            })?;
        }
        cache
            .own
            .each("traces", &mut |_, stat| collection.total += size(stat))?;
        for (digest, entry) in &collection.outcomes {
            let Some(file) = cache.own.open(&entry.path)? else {
                continue;
            };
            let bytes = cache.own.read(file, &entry.path)?;
            // A damaged one needs nothing, and is dropped by whoever asks for it.
            let outcome = bytes.and_then(|bytes| of_file(*digest, &bytes));
            let needs = outcome.map(|outcome| outcome.blobs().collect());
            collection.needs.insert(*digest, needs.unwrap_or_default());
        }
        Ok(collection)
    }

    fn run(mut self, limit: u64) -> Result<Collected, StoreError> {
        let mut collected = Collected {
            before: self.total,
            ..Collected::default()
        };
        let mut needed: HashMap<Digest, usize> = HashMap::new();
        for blob in self.needs.values().flatten() {
            *needed.entry(*blob).or_default() += 1;
        }
        let unneeded: Vec<_> = self.blobs.keys().copied().collect();
        for digest in unneeded {
            if !needed.contains_key(&digest) {
                collected.blobs += usize::from(self.take_blob(digest)?);
            }
        }
        let mut by_age: Vec<_> = self.outcomes.iter().collect();
        by_age.sort_unstable_by_key(|(digest, entry)| (entry.used, **digest));
        let by_age: Vec<Digest> = by_age.into_iter().map(|(digest, _)| *digest).collect();
        let mut gone = HashSet::new();
        for digest in by_age {
            if self.total <= limit {
                break;
            }
            let Some(entry) = self.outcomes.remove(&digest) else {
                continue;
            };
            if !self.take(&entry)? {
                continue;
            }
            collected.outcomes += 1;
            gone.insert(digest);
            for blob in self.needs.remove(&digest).unwrap_or_default() {
                let count = needed.entry(blob).or_default();
                *count = count.saturating_sub(1);
                if *count == 0 {
                    collected.blobs += usize::from(self.take_blob(blob)?);
                }
            }
        }
        collected.keys = self.trim_traces()?;
        self.sweep_temporary()?;
        collected.after = self.total;
        Ok(collected)
    }

    fn take_blob(&mut self, digest: Digest) -> Result<bool, StoreError> {
        match self.blobs.remove(&digest) {
            Some(entry) => self.take(&entry),
            None => Ok(false),
        }
    }

    /// Removes a file, if nobody has begun to use it: whether it is gone.
    fn take(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        if entry.used >= self.since {
            return Ok(false);
        }
        let files = &self.cache.own;
        let aside = "temp/collected";
        match rustix::fs::renameat(files.dir(), &entry.path, files.dir(), aside) {
            Err(Errno::NOENT) => return Ok(false),
            moved => moved.map_err(files.io("remove", &entry.path))?,
        }
        let now = rustix::fs::statat(files.dir(), aside, AtFlags::SYMLINK_NOFOLLOW);
        let now = now.map_err(files.io("look at", aside))?;
        if modified(&now) >= self.since {
            let flags = RenameFlags::NOREPLACE;
            let back =
                rustix::fs::renameat_with(files.dir(), aside, files.dir(), &entry.path, flags);
            // Where it was written again meanwhile, it is the same.
            if back.is_ok() || back == Err(Errno::EXIST) {
                return Ok(false);
            }
        }
        rustix::fs::unlinkat(files.dir(), aside, AtFlags::empty())
            .map_err(files.io("remove", &entry.path))?;
        self.total = self.total.saturating_sub(entry.bytes);
        Ok(true)
    }

    /// Takes what leads to no outcome out of the traces: how many keys have none left.
    fn trim_traces(&mut self) -> Result<usize, StoreError> {
        let cache = self.cache;
        let mut keys = Vec::new();
        cache.own.each("traces", &mut |path, stat| {
            keys.extend(named(path).map(|key| (key, path.to_owned(), size(stat))));
        })?;
        // Now, not before: a trace that was added meanwhile leads to an outcome that is there.
        let mut left = 0;
        for (key, path, bytes) in keys {
            let _lock = cache.lock_traces(key)?;
            let Some(mut trie) = cache.trie_unused(key)? else {
                continue;
            };
            let leaves: BTreeSet<_> = trie.leaves().map(|leaf| leaf.outcome).collect();
            let mut there = BTreeSet::new();
            for outcome in &leaves {
                if cache.own.open(&name("outcomes", *outcome))?.is_some() {
                    there.insert(*outcome);
                }
            }
            if there == leaves && !leaves.is_empty() {
                continue;
            }
            trie.retain(|leaf| there.contains(&leaf.outcome));
            if there.is_empty() {
                let gone = rustix::fs::unlinkat(cache.own.dir(), &path, AtFlags::empty());
                gone.map_err(cache.own.io("remove", &path))?;
                self.total = self.total.saturating_sub(bytes);
                left += 1;
            } else {
                cache.write_trie(key, &trie)?;
            }
        }
        Ok(left)
    }

    /// Removes what dead processes were writing.
    fn sweep_temporary(&self) -> Result<(), StoreError> {
        let files = &self.cache.own;
        for name in files.names("temp")? {
            let path = format!("temp/{name}");
            let stat = match rustix::fs::statat(files.dir(), &path, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                stat => stat.map_err(files.io("look at", &path))?,
            };
            if modified(&stat) < self.since {
                let _ = rustix::fs::unlinkat(files.dir(), &path, AtFlags::empty());
            }
        }
        Ok(())
    }
}
