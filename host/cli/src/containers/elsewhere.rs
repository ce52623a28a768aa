//! No containers of our own: they are made of what only Linux has.

use std::process::ExitCode as Code;
use std::sync::Arc;

use stepwell_contract::Backend;
use stepwell_store::Scratch;

use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};

/// Why Stepwell cannot make containers on this machine: they are made of what only Linux has.
pub(crate) fn obstacle() -> Option<String> {
    Some("Stepwell itself runs containers on Linux alone".to_owned())
}

/// What runs containers.
///
/// # Errors
///
/// Nothing does.
pub(crate) fn backend(_: &Environment, _: &Scratch, _: bool) -> anyhow::Result<Arc<dyn Backend>> {
    Err(Coded::new(
        ExitCode::Environment,
        "Stepwell itself runs containers on Linux alone: use `--container docker`",
    )
    .into())
}

/// Becomes a container's first process, which nothing asks for here.
pub(crate) fn init() -> Code {
    Code::FAILURE
}
