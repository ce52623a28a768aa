//! Removing images: the reference first, and then what no reference needs any more.
//!
//! Blobs are only removed while nobody else uses the store: another process may be about to unpack one. Where somebody does,
//! they stay until the next time.

use std::{collections::BTreeSet, fs, path::Path};

use rustix::fs::{FlockOperation, flock};

use super::{ImageStore, Record, StoreError, io_error};
use crate::client::MANIFEST_BYTES;
use crate::image::{Document, read};
use crate::sha256::Sha256;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// How many images.
    pub images: usize,
    /// How many bytes are free now.
    pub bytes: u64,
    /// Whether the bytes were left, because others use the store.
    pub in_use: bool,
}

impl ImageStore {
    /// Removes the images of these references, and all that no image needs.
    ///
    /// # Errors
    ///
    /// When something cannot be removed.
    pub fn remove(&self, references: &[String]) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        for reference in references {
            removed.images += self.forget(reference)?;
        }
        if flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let bytes = self.sweep();
            // Others may come in again, whatever became of it.
            self.share()?;
            removed.bytes = bytes?;
        } else {
            // An attempt that fails may have given up the lock that was held.
            self.share()?;
            removed.in_use = true;
        }
        Ok(removed)
    }

    /// Removes every blob that no reference needs, and everything that never became one.
    fn sweep(&self) -> Result<u64, StoreError> {
        let mut needed = BTreeSet::new();
        for record in self.records()? {
            self.needed_by(&record, &mut needed)?;
        }
        let mut bytes = 0;
        for folder in ["blobs/sha256", "partial"] {
            let folder = self.root.join(folder);
            let keeps = |name: &str| folder.ends_with("sha256") && needed.contains(name);
            let entries = fs::read_dir(&folder).map_err(io_error("read", &folder))?;
            for entry in entries.flatten() {
                let name = entry.file_name();
                if name.to_str().is_some_and(keeps) {
                    continue;
                }
                bytes += entry.metadata().map_or(0, |metadata| metadata.len());
                remove(&entry.path())?;
            }
        }
        self.sweep_signatures(|digest| needed.contains(digest))?;
        Ok(bytes)
    }

    fn needed_by(&self, record: &Record, needed: &mut BTreeSet<String>) -> Result<(), StoreError> {
        let mut need = |digest: Sha256| needed.insert(digest.to_hex());
        need(record.top);
        need(record.manifest);
        let manifest = self.read(record.manifest, MANIFEST_BYTES)?;
        if let Some(Ok(Document::Manifest(manifest))) = manifest.as_deref().map(read) {
            need(manifest.config.digest);
            for layer in &manifest.layers {
                need(layer.digest);
            }
        }
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    fs::remove_file(path).map_err(io_error("remove", path))
}
