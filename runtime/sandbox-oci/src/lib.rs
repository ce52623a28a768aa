//! Runs steps as containers; the only crate that makes namespaces, mounts and control groups.
//!
//! In: a [`StepSpec`](stepwell_contract::StepSpec) whose image is a container image. Out: an
//! [`Ending`](stepwell_contract::Ending). `embedded` makes containers itself, [`docker`] has a daemon make them. What both
//! need is beside the two: what of a step can be a container at all (`step_check`, `capability`), layers and their unpacking, and
//! the loopback network of a task.
//!
//! It must not know YAML, registries, plans or terminals, and reads no environment variable. Where layers come from is
//! behind [`Layers`].
//!
//! `embedded` is held up by the Linux kernel alone, and is there on Linux alone. Read next: `embedded/mod.rs`, then
//! `docker/mod.rs`.

mod capability;
pub mod docker;
#[cfg(target_os = "linux")]
mod embedded;
mod layers;
#[cfg(target_os = "linux")]
mod network;
mod step_check;
mod unpack;

#[cfg(target_os = "linux")]
pub use embedded::{InitProgram, OciBackend, OciOptions, container_init, obstacle};
pub use layers::Layers;

/// The embedded backend's name in messages and errors.
pub const BACKEND: &str = "container";
