//! Bytes of files, each kept once, named by their digest.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::atomic::Ordering;

use stepwell_contract::{Digest, Digests as _, Version};

use super::Cache;
use super::files::{Files, name, stat};
use crate::error::StoreError;

const CHUNK: usize = 128 << 10;

impl Cache {
    /// Keeps the bytes of `file` from its beginning: their digest and how many there are.
    ///
    /// # Errors
    ///
    /// What the file system refused, a full disk among it.
    pub fn keep_blob(&self, file: &mut File) -> Result<(Digest, u64), StoreError> {
        let files = &self.own;
        let mut temporary = files.temporary()?;
        let mut hasher = blake3::Hasher::new();
        let copied = copy(file, &mut |bytes| {
            hasher.update(bytes);
            temporary.file.write_all(bytes)
        });
        let size = match copied {
            Ok(size) => size,
            Err(error) => {
                files.discard(temporary);
                return Err(files.io("write a blob to", "blobs")(error));
            }
        };
        let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
        if self.uses_blob(digest)? {
            files.discard(temporary);
            return Ok((digest, size));
        }
        files.keep(temporary, &name("blobs", digest))?;
        self.grown.fetch_add(size, Ordering::Relaxed);
        Ok((digest, size))
    }

    /// Whether the blob is there, and every byte right; if so, nobody takes it away while this process uses the cache.
    pub(super) fn uses_blob(&self, digest: Digest) -> Result<bool, StoreError> {
        Ok(self.blob_of(&self.own, digest)?.is_some())
    }

    /// Opens the blob with `digest`, every byte of which is right; `None` where there is none. One that is damaged is removed.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn blob(&self, digest: Digest) -> Result<Option<File>, StoreError> {
        for files in self.all() {
            if let Some(file) = self.blob_of(files, digest)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn blob_of(&self, files: &Files, digest: Digest) -> Result<Option<File>, StoreError> {
        let path = name("blobs", digest);
        let Some(mut file) = files.open(&path)? else {
            return Ok(None);
        };
        if !files.touch(&file, &path, self.claim.since()) {
            return Ok(None);
        }
        let version = stat(&file).map_err(files.io("look at", &path))?;
        let version = Version::of(&version);
        let known = self.index.get(&version);
        let found = match known {
            Some(known) => known,
            None => {
                let settled = version.settled();
                let found = digest_of(&mut file).map_err(files.io("read", &path))?;
                if let Some(settled) = settled {
                    self.index.put(&settled, found);
                }
                found
            }
        };
        if found == digest {
            return Ok(Some(file));
        }
        files.drop_bad(&path);
        Ok(None)
    }
}

/// The digest of `file`, which is at its beginning before and after.
pub(super) fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    copy(file, &mut |bytes| {
        hasher.update(bytes);
        Ok(())
    })?;
    file.rewind()?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

/// Gives all bytes of `file` to `take`: how many there were.
fn copy(file: &mut File, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK];
    let mut size = 0;
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(size),
            Ok(read) => {
                take(&chunk[..read])?;
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
