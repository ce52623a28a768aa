//! Images on this machine: one folder, shared by any number of processes.
//!
//! ```text
//! CACHE/images/           0700
//!   lock                  held shared by whoever uses images, alone by whoever removes some
//!   blobs/sha256/HEX      manifests, configurations, layers, components, each named by its digest
//!   partial/HEX           what came of a blob so far; locked by whoever gets it
//!   signatures/HEX.json   what was found beside an artifact, see `signatures`
//!   references/HEX.json   what a reference meant when it was looked up, see `references`
//! ```
//!
//! It does not know where images come from. A blob is written aside and renamed, so that it is there whole or not at all,
//! whenever a process dies. One that was torn or altered all the same reads as missing, and is removed.

mod blobs;
mod partial;
mod references;
mod remove;
mod signatures;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use stepwell_contract::Layer;

pub(crate) use partial::Came;
pub(crate) use references::Record;
pub use references::{Held, HeldKind};
pub use remove::Removed;

use crate::layer::{LayerBounds, LayerError, LayerReader};
use crate::sha256::Sha256;

/// Write permission for anybody but the user.
const OTHERS_WRITE: u32 = 0o022;

/// The store of images cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system refused.
    #[error("failed to {doing} `{}`", path.display())]
    Io {
        /// Completes "failed to …".
        doing: &'static str,
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others could put their own images there.
    #[error("the cache `{}` can be written to by other users; mend it with `chmod 700 {}`, or choose another", path.display(), path.display())]
    Exposed {
        /// The folder.
        path: PathBuf,
    },
    /// A layer is not there, or not any more what it was.
    #[error("the layer `{0}` is not in the store of images, or is damaged; pull the image again")]
    Missing(String),
    /// A layer is not what it has to be.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

/// Images in one folder. As long as this lives, nothing that it has handed out is removed.
#[derive(Debug)]
pub struct ImageStore {
    root: PathBuf,
    lock: File,
}

impl ImageStore {
    /// The store in a folder, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or others could write to it.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        for folder in ["blobs/sha256", "partial", "references", "signatures"] {
            let path = root.join(folder);
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(io_error("create", &path))?;
        }
        check_private(&root)?;
        let path = root.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(io_error("open", &path))?;
        let store = Self { root, lock };
        store.share()?;
        Ok(store)
    }

    /// The archive of a layer, unpacked while it is read. What is kept has been found to be the layer when this returns.
    ///
    /// # Errors
    ///
    /// When the layer is not there or damaged, or is not packed as its media type says.
    pub fn layer(&self, layer: &Layer, bounds: &LayerBounds) -> Result<LayerReader, StoreError> {
        let missing = || StoreError::Missing(crate::words::quoted(&layer.digest));
        let parse = |text: &str| text.parse::<Sha256>().map_err(|_| missing());
        let (digest, diff_id) = (parse(&layer.digest)?, parse(&layer.diff_id)?);
        let file = self.checked(digest)?.ok_or_else(missing)?;
        let reader = LayerReader::new(file, (digest, diff_id), &layer.media_type, bounds)?;
        Ok(reader)
    }

    fn share(&self) -> Result<(), StoreError> {
        let path = self.root.join("lock");
        flock(&self.lock, FlockOperation::LockShared)
            .map_err(|error| io_error("lock", &path)(error.into()))
    }

    fn path(&self, folder: &str, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(folder).join(name)
    }
}

/// An error where others could write to the folder.
fn check_private(root: &Path) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(root).map_err(io_error("look at", root))?;
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    match metadata.is_dir() && is_ours && metadata.mode() & OTHERS_WRITE == 0 {
        true => Ok(()),
        false => Err(StoreError::Exposed {
            path: root.to_owned(),
        }),
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
