//! Runs steps as containers; the only crate that makes namespaces, mounts and control groups.
//!
//! In: a [`StepSpec`](stepwell_contract::StepSpec) whose image is a container image. Out: an
//! [`Ending`](stepwell_contract::Ending). [`OciBackend`] makes containers itself, [`docker`] has a daemon make
//! them. A step's life in the former is `layers` (unpacked once for all) →
//! `scope` (volumes, powers, a folder of its own) → `run` → `process` (our own binary, started again as the container's first
//! process) → `init` (which becomes the container and starts the program). What can be done beside a step is in `place`.
//!
//! It must not know YAML, registries, plans or terminals, and reads no environment variable. Where layers come from is
//! behind [`Layers`].
//!
//! The embedded half is held up by the Linux kernel alone, through `rustix`, and by `seccompiler` for the system call filter: no daemon and no
//! system library. `docs/decisions/0018-containers-without-a-runtime.md` says why not by an existing runtime. Read next:
//! `run.rs`, then `init/mod.rs`.

#[cfg(target_os = "linux")]
mod archive;
#[cfg(target_os = "linux")]
mod backend;
mod capability;
#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod disk;
pub mod docker;
#[cfg(target_os = "linux")]
mod events;
#[cfg(target_os = "linux")]
mod handles;
#[cfg(target_os = "linux")]
mod held;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod keyboard;
mod layers;
#[cfg(target_os = "linux")]
mod look;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod output;
#[cfg(target_os = "linux")]
mod place;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod request;
#[cfg(target_os = "linux")]
mod rootless;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod scope;
#[cfg(target_os = "linux")]
mod seccomp;
#[cfg(target_os = "linux")]
mod shell;
#[cfg(target_os = "linux")]
mod signal;
#[cfg(target_os = "linux")]
mod site;
mod step_check;
#[cfg(target_os = "linux")]
mod step_folder;
mod unpack;

#[cfg(target_os = "linux")]
pub use backend::{InitProgram, OciBackend, OciOptions};
#[cfg(target_os = "linux")]
pub use init::container_init;
pub use layers::Layers;
#[cfg(target_os = "linux")]
pub use rootless::obstacle;

/// The embedded backend's name in messages and errors.
pub const BACKEND: &str = "container";
