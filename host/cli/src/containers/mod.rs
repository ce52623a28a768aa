//! Containers, where this machine's kernel can make them. Both halves offer the same functions.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{BACKEND, backend, init, obstacle};
#[cfg(target_os = "linux")]
pub(crate) use linux::{BACKEND, backend, init, obstacle};

/// What the hidden command is called that becomes a container's first process.
pub(crate) const INIT: &str = "container-init";

/// Whether this user can run containers on this machine.
pub(crate) fn are_possible() -> bool {
    obstacle().is_none()
}
