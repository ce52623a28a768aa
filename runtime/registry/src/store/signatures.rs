//! Signatures that were found beside artifacts: one small file for each artifact.
//!
//! It does not know whether they are good, and need not: a signature proves itself. One that is torn or altered proves nothing,
//! and the registry is asked again.

use std::{fs, io::Write as _};

use super::{ImageStore, StoreError, io_error};
use crate::sha256::Sha256;

/// What is read of a file: more than a registry's list may hold.
const MOST: u64 = 8 << 20;

impl ImageStore {
    /// The signatures that are kept for the artifact with this digest; none where none can be read.
    pub(crate) fn signatures(&self, digest: Sha256) -> Vec<Vec<u8>> {
        let bytes = crate::files::read(&self.signatures_path(digest), MOST);
        let texts: Vec<String> = bytes
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        texts.into_iter().map(String::into_bytes).collect()
    }

    /// Keeps the signatures of an artifact, in place of those that were kept.
    pub(crate) fn keep_signatures(
        &self,
        digest: Sha256,
        signatures: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let texts: Vec<_> = signatures
            .iter()
            .map(|text| String::from_utf8_lossy(text))
            .collect();
        let path = self.signatures_path(digest);
        let failed = || io_error("write", &path);
        let folder = self.root.join("signatures");
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed())?;
        file.write_all(&crate::artifact::written(&texts))
            .map_err(failed())?;
        let kept = file.persist(&path).map_err(|error| error.error);
        kept.map(drop).map_err(failed())
    }

    /// Removes those of artifacts that are not among `needed`, by their digests in hexadecimal.
    pub(super) fn sweep_signatures(&self, needed: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let folder = self.root.join("signatures");
        let entries = fs::read_dir(&folder).map_err(io_error("read", &folder))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let digest = name.to_str().and_then(|name| name.strip_suffix(".json"));
            if !digest.is_some_and(&needed) {
                fs::remove_file(entry.path()).map_err(io_error("remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    fn signatures_path(&self, digest: Sha256) -> std::path::PathBuf {
        self.path("signatures", format!("{}.json", digest.to_hex()))
    }
}
