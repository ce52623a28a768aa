//! Containers of Linux: whether they can be made, the layers that they are made of, and this program as their first process.
//!
//! Introduces `stepwell-sandbox-oci` to the store of images. Knows no namespace and no registry.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use stepwell_contract::Backend;
use stepwell_registry::ImageStore;
use stepwell_sandbox_oci::{InitProgram, OciBackend, OciOptions};
use stepwell_store::Scratch;

use super::INIT;
use super::stored::Stored;
use crate::environment::{Environment, this_program};
use crate::exit::{Coded, ExitCode};
use crate::images;

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
