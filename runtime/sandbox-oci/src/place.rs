//! A step's place: what can be done there while the step runs, and after it.

use std::sync::Arc;

use stepwell_contract::power::{Shell, ShellSpec};
use stepwell_contract::{Place, SandboxError, SandboxErrorKind};

use crate::BACKEND;
use crate::shell;
use crate::site::Site;

/// The place of one step.
pub(crate) struct ContainerPlace(pub(crate) Arc<Site>);

impl ContainerPlace {
    /// Whether there is anything: the step has begun, and its task has not ended.
    fn is_there(&self, doing: &str) -> Result<(), SandboxError> {
        let missing = match (self.0.has_begun(), self.0.occupancy.ends.reason()) {
            (true, None) => return Ok(()),
            (false, _) => "the step has not begun",
            (true, Some(_)) => "its task has ended",
        };
        let doing = format!("{doing} step `{}`", self.0.name);
        Err(SandboxError::new(BACKEND, doing, SandboxErrorKind::NotFound).because(missing))
    }
}

impl Place for ContainerPlace {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn shell(&self, spec: ShellSpec) -> Result<Shell, SandboxError> {
        self.is_there("open a shell in")?;
        shell::open(&self.0, spec)
    }
}
