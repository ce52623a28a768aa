//! Blobs by their digest: read, looked for, kept.
//!
//! It does not know what a blob is. What is handed out whole has the digest that it goes by.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::PathBuf,
};

use super::{ImageStore, StoreError, io_error};
use crate::sha256::{Hasher, Sha256};

impl ImageStore {
    /// Whether a blob of this size is there. Its bytes are looked at when they are read.
    pub(crate) fn has(&self, digest: Sha256, size: u64) -> bool {
        let metadata = fs::symlink_metadata(self.blob_path(digest));
        metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() == size)
    }

    /// A blob of at most `most` bytes; nothing where there is none, or a damaged one, which is removed.
    pub(crate) fn read(&self, digest: Sha256, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.blob_path(digest);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(io_error("read", &path))?,
        };
        if Sha256::of(&bytes) == digest {
            return Ok(Some(bytes));
        }
        self.drop_blob(digest);
        Ok(None)
    }

    /// A blob whose bytes have been found to be right; nothing where there is none, or a damaged one, which is removed.
    pub(crate) fn checked(&self, digest: Sha256) -> Result<Option<File>, StoreError> {
        let path = self.blob_path(digest);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(io_error("open", &path))?,
        };
        if digest_of(&mut file).map_err(io_error("read", &path))? == digest {
            return Ok(Some(file));
        }
        self.drop_blob(digest);
        Ok(None)
    }

    /// Keeps some bytes, if they are not there yet, and says by which digest.
    pub(crate) fn keep(&self, bytes: &[u8]) -> Result<Sha256, StoreError> {
        let known = Sha256::of(bytes);
        if self.read(known, bytes.len() as u64)?.is_some() {
            return Ok(known);
        }
        let (digest, _) = self.keep_all(&mut &*bytes, u64::MAX)?;
        Ok(digest)
    }

    /// Keeps what `from` has, at most `most` bytes of it, and says by which digest, and how many it were.
    pub(crate) fn keep_all(
        &self,
        from: &mut dyn Read,
        most: u64,
    ) -> Result<(Sha256, u64), StoreError> {
        let folder = self.root.join("blobs/sha256");
        let failed = || io_error("write to", &folder);
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed())?;
        let mut hasher = Hasher::default();
        let mut size = 0;
        let mut buffer = vec![0; 64 << 10];
        let mut from = from.take(most);
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count.map_err(failed())?,
            };
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(failed())?;
            size += count as u64;
        }
        let digest = hasher.finish();
        let path = self.blob_path(digest);
        let kept = file.persist(&path).map_err(|error| error.error);
        kept.map_err(io_error("write", &path))?;
        Ok((digest, size))
    }

    pub(super) fn blob_path(&self, digest: Sha256) -> PathBuf {
        self.path("blobs/sha256", digest.to_hex())
    }

    fn drop_blob(&self, digest: Sha256) {
        tracing::warn!(%digest, "a blob in the store of images is damaged and not used");
        // Somebody else may have been faster.
        let _ = fs::remove_file(self.blob_path(digest));
    }
}

pub(super) fn digest_of(file: &mut File) -> io::Result<Sha256> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            count => hasher.update(&buffer[..count?]),
        }
    }
}
