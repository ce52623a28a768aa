//! From a static key to its trie, and from the answers of now to an outcome.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::thread;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use stepwell_contract::{Digest, Observation};

use super::Cache;
use super::files::{Files, NEVER, name};
use super::outcome::Outcome;
use super::trie::{Ask, Conflict, Leaf, Missed, Trie, Walk};
use crate::error::StoreError;

/// A trace with so many answers came with as many new digests, which are written beside it.
const MANY: usize = 4096;

/// What a look-up brought.
#[derive(Debug)]
pub enum Look {
    /// The step would do what it did once.
    Hit(Box<Found>),
    /// It has to run.
    Miss(Missed),
}

/// An outcome that was found.
#[derive(Debug)]
pub struct Found {
    /// When it was stored, and how long the step took.
    pub leaf: Leaf,
    /// What is to be done again.
    pub outcome: Outcome,
    /// How many questions were asked.
    pub asked: usize,
}

impl Cache {
    /// The traces of `key`, of the own cache and of the shared ones.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn tries(&self, key: Digest) -> Result<Vec<Trie>, StoreError> {
        let mut tries = Vec::with_capacity(1);
        for files in self.all() {
            tries.extend(self.trie_of(files, key)?);
        }
        Ok(tries)
    }

    pub(super) fn trie_of(&self, files: &Files, key: Digest) -> Result<Option<Trie>, StoreError> {
        let path = name("traces", key);
        let Some(body) = files.read_sealed(&path, self.claim.since())? else {
            return Ok(None);
        };
        let trie = opened(key, &body);
        if trie.is_none() {
            files.drop_bad(&path);
        }
        Ok(trie)
    }

    /// The same, for whoever collects: it does not count as use.
    pub(super) fn trie_unused(&self, key: Digest) -> Result<Option<Trie>, StoreError> {
        let body = self.own.read_sealed(&name("traces", key), NEVER)?;
        Ok(body.and_then(|body| opened(key, &body)))
    }

    /// Looks for what the step with `key` would do, asking what the step would ask. Where that is much, several threads ask,
    /// each with an own product of `asking`.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn look_up<'a>(
        &self,
        key: Digest,
        asking: &(dyn Fn() -> Ask<'a> + Sync),
    ) -> Result<Look, StoreError> {
        let mut furthest: Option<Missed> = None;
        for files in self.all() {
            let Some(trie) = self.trie_of(files, key)? else {
                continue;
            };
            let missed = match trie.walk_ahead(asking) {
                Walk::Miss(missed) => missed,
                Walk::Hit(leaf, asked) => match self.outcome(leaf.outcome)? {
                    Some(outcome) => {
                        return Ok(Look::Hit(Box::new(Found {
                            leaf,
                            outcome,
                            asked,
                        })));
                    }
                    // It was collected, or damaged.
                    None => Missed {
                        agreed: asked,
                        stuck: None,
                    },
                },
            };
            if furthest
                .as_ref()
                .is_none_or(|known| known.agreed <= missed.agreed)
            {
                furthest = Some(missed);
            }
        }
        Ok(Look::Miss(furthest.unwrap_or(Missed {
            agreed: 0,
            stuck: None,
        })))
    }

    /// Adds a trace of `key` that led to `leaf`, whose outcome is kept already. Tells where it contradicts an older one.
    ///
    /// # Errors
    ///
    /// What the file system refused, a full disk among it.
    pub fn keep_trace(
        &self,
        key: Digest,
        observations: &[Observation],
        leaf: Leaf,
    ) -> Result<Option<Conflict>, StoreError> {
        thread::scope(|scope| {
            if observations.len() >= MANY {
                let builder = thread::Builder::new().name("digests".to_owned());
                // Without it, they are written when the cache is closed.
                let _ = builder.spawn_scoped(scope, || self.index.save_or_say());
            }
            let _lock = self.lock_traces(key)?;
            let mut trie = self.trie_of(&self.own, key)?.unwrap_or_default();
            let conflict = trie.insert(observations, leaf);
            self.write_trie(key, &trie)?;
            Ok(conflict)
        })
    }

    /// Writes the trie of `key`, which is locked.
    pub(super) fn write_trie(&self, key: Digest, trie: &Trie) -> Result<(), StoreError> {
        let path = name("traces", key);
        let Some(encoded) = trie.encode() else {
            return Ok(());
        };
        let mut body = Vec::with_capacity(encoded.len() + 32);
        body.extend(key.as_bytes());
        body.extend(encoded);
        self.grown.fetch_add(body.len() as u64, Ordering::Relaxed);
        self.own.write_sealed(&path, &body)
    }

    /// Keeps other writers from the traces of `key` and its neighbours, so that none loses what another adds. Readers take
    /// no lock. It ends with what is returned, and with this process.
    pub(super) fn lock_traces(&self, key: Digest) -> Result<OwnedFd, StoreError> {
        let path = name("traces", key);
        let folder = path.rsplit_once('/').map_or("traces", |(folder, _)| folder);
        self.own.make_shard(folder)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(self.own.dir(), folder, flags, Mode::empty());
        let dir = dir.map_err(self.own.io("open", folder))?;
        loop {
            match rustix::fs::flock(&dir, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => {}
                locked => {
                    locked.map_err(self.own.io("lock", folder))?;
                    return Ok(dir);
                }
            }
        }
    }
}

/// The trie in a sealed file's `body`, if it is that of `key`.
pub(super) fn opened(key: Digest, body: &[u8]) -> Option<Trie> {
    let (of, trie) = body.split_first_chunk::<32>()?;
    (of == key.as_bytes()).then(|| Trie::decode(trie)).flatten()
}
