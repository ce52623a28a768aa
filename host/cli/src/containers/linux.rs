//! Containers of Linux: whether they can be made, the layers that they are made of, and this program as their first process.
//!
//! Introduces `stepwell-sandbox-oci` to the store of images. Knows no namespace and no registry.

use std::error::Error;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use stepwell_contract::{Backend, Layer};
use stepwell_registry::{ImageStore, LayerBounds, LayerReader};
use stepwell_sandbox_oci::{InitProgram, Layers, OciBackend, OciOptions};
use stepwell_store::Scratch;

use super::INIT;
use crate::environment::{Environment, this_program};
use crate::exit::{Coded, ExitCode};
use crate::images;

pub(crate) use stepwell_sandbox_oci::BACKEND;
pub(crate) use stepwell_sandbox_oci::container_init as init;

/// Why this user cannot run containers on this machine.
pub(crate) fn obstacle() -> Option<String> {
    stepwell_sandbox_oci::obstacle()
}

/// What runs containers; `privileged` is whether a step may be, should its document ask for it.
///
/// # Errors
///
/// This machine does not let us, or a folder cannot be opened.
pub(crate) fn backend(
    env: &Environment,
    scratch: &Scratch,
    privileged: bool,
) -> anyhow::Result<Arc<dyn Backend>> {
    let images = images::root(env)?;
    let store = ImageStore::open(&images)?;
    let (_, own) = scratch.folder("containers")?;
    let mut options = OciOptions::new(
        unpacked(env)?,
        own,
        Arc::new(Stored(store)),
        InitProgram {
            program: this_program()?,
            args: vec![INIT.into()],
        },
    );
    options.privileged = privileged;
    let backend = OciBackend::new(options)
        .with_context(|| Coded::new(ExitCode::Environment, "containers cannot be run here"))?;
    Ok(Arc::new(backend))
}

/// Where layers are unpacked.
fn unpacked(env: &Environment) -> anyhow::Result<PathBuf> {
    Ok(env.store_root()?.join("layers"))
}

/// The layers of the images that were pulled.
struct Stored(ImageStore);

impl Layers for Stored {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>> {
        let reader = self.0.layer(layer, &LayerBounds::default())?;
        Ok(Box::new(Checked(Some(reader))))
    }
}

/// Reads a layer, and fails at its end where it was another one than its image says.
struct Checked(Option<LayerReader>);

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.0 else {
            return Ok(0);
        };
        let read = reader.read(buffer)?;
        if read == 0
            && !buffer.is_empty()
            && let Some(reader) = self.0.take()
        {
            reader.finish().map_err(io::Error::other)?;
        }
        Ok(read)
    }
}
