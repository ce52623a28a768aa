//! Containers, where this machine's kernel can make them. Both halves offer the same functions.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{BACKEND, are_possible, backend, init};
#[cfg(target_os = "linux")]
pub(crate) use linux::{BACKEND, are_possible, backend, init};

/// What the hidden command is called that becomes a container's first process.
pub(crate) const INIT: &str = "container-init";
