//! Containers: what runs them here. Both halves of what only Linux can do offer the same functions.

mod choice;
mod context;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod embedded;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod embedded;
mod stored;

pub(crate) use choice::{Choice, Wanted, find};
pub(crate) use embedded::{init, obstacle};

/// What the hidden command is called that becomes a container's first process.
pub(crate) const INIT: &str = "container-init";

/// Whether a backend of this name runs containers.
pub(crate) fn is_backend(name: &str) -> bool {
    [
        stepwell_sandbox_oci::BACKEND,
        stepwell_sandbox_oci::docker::BACKEND,
    ]
    .contains(&name)
}
