//! Runs steps as containers; the only crate that makes namespaces, mounts and control groups.
//!
//! In: a [`StepSpec`](stepwell_contract::StepSpec) whose image is a container image. Out: an
//! [`Ending`](stepwell_contract::Ending). [`OciBackend`] is the way in; a step's life is `layers` (unpacked once for all) →
//! `scope` (volumes, powers, a folder of its own) → `run` → `process` (our own binary, started again as the container's first
//! process) → `init` (which becomes the container and starts the program). What can be done beside a step is in `place`.
//!
//! It must not know YAML, registries, plans or terminals, and reads no environment variable. Where layers come from is
//! behind [`Layers`].
//!
//! Held up by the Linux kernel alone, through `rustix`, and by `seccompiler` for the system call filter: no daemon and no
//! system library. `docs/decisions/0018-containers-without-a-runtime.md` says why not by an existing runtime. Read next:
//! `run.rs`, then `init/mod.rs`.
#![cfg(target_os = "linux")]

mod archive;
mod backend;
mod capability;
mod cgroup;
mod handles;
mod held;
mod init;
mod keyboard;
mod layers;
mod look;
mod network;
mod output;
mod place;
mod process;
mod request;
mod run;
mod scope;
mod seccomp;
mod shell;
mod signal;
mod site;
mod step_folder;
mod unpack;

pub use backend::{InitProgram, OciBackend, OciOptions};
pub use init::container_init;
pub use layers::Layers;

/// The backend's name in messages and errors.
pub const BACKEND: &str = "container";
