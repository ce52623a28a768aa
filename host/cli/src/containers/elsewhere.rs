//! No containers: they are made of what only Linux has.

use std::process::ExitCode as Code;
use std::sync::Arc;

use stepwell_contract::Backend;
use stepwell_store::Scratch;

use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};

/// What a backend of containers would call itself.
pub(crate) const BACKEND: &str = "container";

/// Why this user cannot run containers on this machine: nobody can.
pub(crate) fn obstacle() -> Option<String> {
    Some("containers can be run on Linux alone".to_owned())
}

/// What runs containers.
///
/// # Errors
///
/// Nothing does.
pub(crate) fn backend(_: &Environment, _: &Scratch, _: bool) -> anyhow::Result<Arc<dyn Backend>> {
    Err(Coded::new(
        ExitCode::Environment,
        "containers can be run on Linux alone",
    )
    .into())
}

/// Becomes a container's first process, which nothing asks for here.
pub(crate) fn init() -> Code {
    Code::FAILURE
}
