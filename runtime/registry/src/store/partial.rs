//! A blob that is coming: its file, locked against others, and the digest of what came so far.
//!
//! It does not know where the bytes come from. A process that dies leaves its file, without a lock, and the next one goes on
//! where it ends. Two processes that want the same blob get it once: one waits for the other.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::PathBuf,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use stepwell_contract::Cancel;

use super::{ImageStore, StoreError, io_error};
use crate::download::Sink;
use crate::sha256::{Hasher, Sha256};

/// How often it is looked whether another process is done with a blob.
const LOOK: Duration = Duration::from_millis(50);

/// A blob that is coming.
pub(crate) struct Partial<'a> {
    store: &'a ImageStore,
    file: File,
    path: PathBuf,
    digest: Sha256,
    size: u64,
    hasher: Hasher,
    taken: u64,
    /// Told of bytes that came, or that were there already.
    progress: &'a (dyn Fn(u64) + Sync),
    /// Whether to go on.
    goes_on: &'a (dyn Fn() -> bool + Sync),
}

/// What became of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It is in the store.
    Whole,
    /// It has fewer bytes than it should; they are kept.
    Short(u64),
    /// It has another digest; nothing is kept.
    Other(Sha256),
}

impl ImageStore {
    /// Takes up a blob where somebody left it; nothing where it is there whole. Waits for whoever is getting it.
    pub(crate) fn partial<'a>(
        &'a self,
        (digest, size): (Sha256, u64),
        progress: &'a (dyn Fn(u64) + Sync),
        goes_on: &'a (dyn Fn() -> bool + Sync),
        cancel: &Cancel,
    ) -> Result<Option<Partial<'a>>, StoreError> {
        let path = self.path("partial", digest.to_hex());
        loop {
            if self.has(digest, size) {
                return Ok(None);
            }
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(&path)
                .map_err(io_error("open", &path))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => {
                    if cancel.sleep(LOOK).is_some() || !goes_on() {
                        let stopped = io::Error::from(io::ErrorKind::Interrupted);
                        return Err(io_error("wait for", &path)(stopped));
                    }
                    continue;
                }
                locked => locked.map_err(|error| io_error("lock", &path)(error.into()))?,
            }
            // Whoever held the lock before may have renamed the file: then it is a blob, and not ours.
            let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
            let ours = file
                .metadata()
                .map(inode)
                .map_err(io_error("look at", &path))?;
            if fs::symlink_metadata(&path).map(inode).ok() != Some(ours) {
                continue;
            }
            let mut partial = Partial {
                store: self,
                file,
                path,
                digest,
                size,
                hasher: Hasher::default(),
                taken: 0,
                progress,
                goes_on,
            };
            partial.take_up().map_err(io_error("read", &partial.path))?;
            return Ok(Some(partial));
        }
    }
}

impl Partial<'_> {
    /// How many bytes are there already.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Makes it a blob of the store, where it is the one.
    pub(crate) fn finish(self) -> Result<Came, StoreError> {
        if self.taken < self.size {
            return Ok(Came::Short(self.taken));
        }
        let found = self.hasher.finish();
        if found != self.digest {
            fs::remove_file(&self.path).map_err(io_error("remove", &self.path))?;
            return Ok(Came::Other(found));
        }
        let blob = self.store.blob_path(self.digest);
        fs::rename(&self.path, &blob).map_err(io_error("write", &blob))?;
        Ok(Came::Whole)
    }

    /// Digests what is there.
    fn take_up(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.size {
            return self.start_again();
        }
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = self.file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            self.hasher.update(&buffer[..count]);
            self.taken += count as u64;
        }
        (self.progress)(self.taken);
        Ok(())
    }

    fn start_again(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hasher = Hasher::default();
        self.taken = 0;
        (self.progress)(0);
        Ok(())
    }
}

impl Sink for Partial<'_> {
    fn begin(&mut self, from: u64) -> io::Result<()> {
        match from == self.taken {
            true => Ok(()),
            false if from == 0 => self.start_again(),
            false => Err(io::Error::other("it goes on at another place")),
        }
    }

    fn is_right(&self) -> bool {
        self.taken == self.size && self.hasher.clone().finish() == self.digest
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !(self.goes_on)() {
            // Another part of the image has failed.
            return Err(io::ErrorKind::Interrupted.into());
        }
        if bytes.len() as u64 > self.size.saturating_sub(self.taken) {
            let text = format!(
                "it has more than the {} bytes that it is said to have",
                self.size
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.taken += bytes.len() as u64;
        (self.progress)(self.taken);
        Ok(())
    }
}
