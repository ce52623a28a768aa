//! Layers, unpacked once for all: one folder each, shared by every process that runs containers.
//!
//! A folder is unpacked beside its name and renamed when it is complete; who unpacks holds a lock meanwhile, and whoever
//! gets the lock removes what a dead one left. What has its name is complete and is never written again: a container sees
//! it under an overlay of its own. Nothing is forced to the disk: after a power failure, the cache is to be removed.
//!
//! It does not know where layers come from: [`Layers`] gives their archives.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use rustix::fs::{FlockOperation, Mode};
use stepwell_contract::{Layer, SandboxError, SandboxErrorKind};

use crate::BACKEND;
use crate::unpack::{self, Bounds, Owners, UnpackError};

/// Where the archives of layers come from.
pub trait Layers: Send + Sync {
    /// The archive of a layer, no longer packed. Reading it to its end fails where it is not what its digest says.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>>;
}

/// The folder of unpacked layers.
pub(crate) struct LayerFolder {
    dir: Dir,
    path: PathBuf,
    source: Arc<dyn Layers>,
    owners: Owners,
}

impl LayerFolder {
    /// Opens the folder, made private where it is missing: a layer holds set-user-id programs of its own choice, which
    /// nobody else on this machine is to reach.
    pub(crate) fn open(path: &Path, source: Arc<dyn Layers>) -> Result<Self, SandboxError> {
        let host = |error| failed(format!("open the layers in `{}`", path.display()), error);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(host)?;
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(host)?;
        unpack::readable(&dir)
            .and_then(|dir| Ok(rustix::fs::fchmod(dir, Mode::RWXU)?))
            .map_err(host)?;
        Ok(Self {
            dir,
            path: path.canonicalize().map_err(host)?,
            source,
            owners: match rustix::process::geteuid().is_root() {
                true => Owners::Kept,
                false => Owners::Ours,
            },
        })
    }

    /// Where `layer` is unpacked, which it is when this returns.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::BadGuest`] where the layer is to blame.
    pub(crate) fn path(&self, layer: &Layer) -> Result<PathBuf, SandboxError> {
        let name = folder_name(&layer.diff_id).ok_or_else(|| {
            let kind = SandboxErrorKind::BadGuest;
            SandboxError::new(BACKEND, "unpack a layer", kind)
                .because(format!("`{}` is no digest", layer.diff_id.escape_debug()))
        })?;
        if !self.dir.exists(&name) {
            self.unpack(layer, &name)?;
        }
        Ok(self.path.join(name))
    }

    fn unpack(&self, layer: &Layer, name: &str) -> Result<(), SandboxError> {
        let doing = || format!("unpack layer `{}`", layer.diff_id);
        let host = |error| failed(doing(), error);
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        let lock = self
            .dir
            .open_with(format!("{name}.lock"), &options)
            .map_err(host)?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| host(error.into()))?;
        if self.dir.exists(name) {
            return Ok(());
        }
        let part = format!("{name}.part");
        self.remove(&part).map_err(host)?;
        self.dir.create_dir(&part).map_err(host)?;
        let root = self.dir.open_dir(&part).map_err(host)?;
        let archive = self.source.open(layer).map_err(|error| {
            SandboxError::new(BACKEND, doing(), SandboxErrorKind::Host).because(error)
        })?;
        if let Err(error) = unpack::unpack(archive, &root, self.owners, &Bounds::default()) {
            drop(root);
            // What is left is removed by whoever tries next.
            let _ = self.remove(&part);
            return Err(refused(doing(), error));
        }
        self.dir.rename(&part, &self.dir, name).map_err(host)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match self.dir.remove_dir_all(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

fn refused(doing: String, error: UnpackError) -> SandboxError {
    let kind = match error.is_the_layers() {
        true => SandboxErrorKind::BadGuest,
        false => SandboxErrorKind::Host,
    };
    SandboxError::new(BACKEND, doing, kind).because(error)
}

fn failed(doing: String, error: io::Error) -> SandboxError {
    SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
}

/// A digest as the name of a folder: it came with an image, and must not be a path.
fn folder_name(diff_id: &str) -> Option<String> {
    let (algorithm, digits) = diff_id.split_once(':')?;
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
    };
    let fits = digits.len() >= 32 && digits.len() <= 128 && algorithm.len() <= 16;
    (plain(algorithm) && plain(digits) && fits).then(|| format!("{algorithm}-{digits}"))
}

#[cfg(test)]
mod tests;
