//! Digests of files by their state on disk, so that a tree that did not change is not read again.
//!
//! An entry says: the file with this device and inode, of this size and with these times, has this digest. It is believed
//! only while all of that is as it was. Entered is only what was [`Settled`] when its reading began.
//!
//! Entries are in memory and in 256 files, loaded when one of theirs is asked for and written together. Two processes that
//! write one of them at once lose some of each other's entries, which costs a second reading and nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stepwell_contract::{Digest, Digests, Settled, Version};

use super::files::{Files, NEVER};
use crate::error::StoreError;

const SHARDS: usize = 256;

/// Neighbouring inodes are asked for together, and lie together: in one file for so many.
const NEIGHBOURS: u64 = 512;

/// How many entries one of the files may have. Two million files in all: what is beyond was not asked for in this run.
const MOST: usize = 8 << 10;

/// Bytes of one entry.
const RECORD: usize = 7 * 8 + 32;

/// Digests of files by their state on disk.
#[derive(Debug)]
pub struct DigestIndex {
    files: Files,
    shards: Vec<Mutex<Option<Shard>>>,
}

#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<(u64, u64), Entry>,
    /// Whether it has something that its file may not have.
    is_new: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    version: Version,
    digest: Digest,
    /// Whether this process has asked for it or made it.
    used: bool,
}

impl DigestIndex {
    pub(super) fn new(files: Files) -> Self {
        Self {
            files,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Writes what is new to disk, so that other processes and later ones have it. A drop does the same and only logs.
    ///
    /// # Errors
    ///
    /// What the file system refused, a full disk among it.
    pub fn save(&self) -> Result<(), StoreError> {
        for (number, shard) in self.shards.iter().enumerate() {
            let mut shard = lock(shard);
            let Some(shard) = shard.as_mut().filter(|shard| shard.is_new) else {
                continue;
            };
            shard.is_new = false;
            for (file, entry) in self.load(number) {
                shard.entries.entry(file).or_insert(entry);
            }
            if shard.entries.len() > MOST {
                shard.entries.retain(|_, entry| entry.used);
            }
            let mut body = Vec::with_capacity(shard.entries.len() * RECORD);
            for entry in shard.entries.values() {
                encode(entry, &mut body);
            }
            self.files.write_sealed(&name(number), &body)?;
        }
        Ok(())
    }

    /// The same, where nobody waits for it.
    pub(super) fn save_or_say(&self) {
        if let Err(error) = self.save() {
            tracing::warn!(?error, "the digests of files are not kept");
        }
    }

    fn load(&self, number: usize) -> HashMap<(u64, u64), Entry> {
        let body = match self.files.read_sealed(&name(number), NEVER) {
            Ok(Some(body)) => body,
            Ok(None) => return HashMap::new(),
            Err(error) => {
                tracing::warn!(?error, "the digests of files cannot be read");
                return HashMap::new();
            }
        };
        let entries = body.chunks_exact(RECORD).filter_map(decode);
        entries
            .map(|entry| ((entry.version.device, entry.version.inode), entry))
            .collect()
    }

    fn with<T>(&self, version: &Version, work: impl FnOnce(&mut Shard) -> T) -> T {
        let number = shard_of(version);
        let mut shard = lock(&self.shards[number]);
        work(shard.get_or_insert_with(|| Shard {
            entries: self.load(number),
            is_new: false,
        }))
    }
}

impl Digests for DigestIndex {
    fn get(&self, version: &Version) -> Option<Digest> {
        self.with(version, |shard| {
            let entry = shard.entries.get_mut(&(version.device, version.inode))?;
            entry.used = true;
            (entry.version == *version).then_some(entry.digest)
        })
    }

    fn put(&self, version: &Settled, digest: Digest) {
        let version = version.version();
        let entry = Entry {
            version: *version,
            digest,
            used: true,
        };
        self.with(version, |shard| {
            let file = (version.device, version.inode);
            let known = shard.entries.insert(file, entry);
            let is_known = known.is_some_and(|known| {
                known.version == entry.version && known.digest == entry.digest
            });
            shard.is_new |= !is_known;
        });
    }
}

impl Drop for DigestIndex {
    fn drop(&mut self) {
        self.save_or_say();
    }
}

fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change of it is one call.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shard_of(version: &Version) -> usize {
    let group = (version.inode / NEIGHBOURS) ^ version.device.rotate_left(32);
    // A multiplication that mixes; what it makes of neighbours is far apart.
    let mixed = group.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
    usize::try_from(mixed).unwrap_or(0) % SHARDS
}

fn name(number: usize) -> String {
    format!("digests/{number:02x}")
}

fn encode(entry: &Entry, body: &mut Vec<u8>) {
    let Version {
        device,
        inode,
        size,
        modified,
        changed,
    } = entry.version;
    for number in [device, inode, size] {
        body.extend(number.to_le_bytes());
    }
    for number in [modified.0, modified.1, changed.0, changed.1] {
        body.extend(number.to_le_bytes());
    }
    body.extend(entry.digest.as_bytes());
}

fn decode(record: &[u8]) -> Option<Entry> {
    let (numbers, digest) = record.split_last_chunk::<32>()?;
    let mut numbers = numbers.chunks_exact(8).map(|bytes| {
        let mut number = [0; 8];
        number.copy_from_slice(bytes);
        number
    });
    let mut unsigned = || numbers.next().map(u64::from_le_bytes);
    let (device, inode, size) = (unsigned()?, unsigned()?, unsigned()?);
    let mut signed = || numbers.next().map(i64::from_le_bytes);
    let version = Version {
        device,
        inode,
        size,
        modified: (signed()?, signed()?),
        changed: (signed()?, signed()?),
    };
    Some(Entry {
        version,
        digest: Digest::from_bytes(*digest),
        used: false,
    })
}

#[cfg(test)]
mod tests;
