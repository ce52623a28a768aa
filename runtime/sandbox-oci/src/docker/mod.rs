//! Steps as containers of a daemon that speaks Docker's API: Docker's own, or Podman's.
//!
//! In: the same steps as the embedded backend's. Out: the same endings. A step's life is `image` (the daemon is given what was
//! resolved) → `scope` (volumes, one loopback) → `create` (what the daemon is told) → `run` → `held` (the container, as long as
//! somebody looks at it). `shell` is one more program in there. `daemon` is the one place that is asynchronous.
//!
//! It knows no document, no registry and no environment: which daemon it is was decided by whoever made [`DockerOptions`].
//! `docs/decisions/0020-docker-by-its-api.md` says why so. Read next: `run.rs`, then `daemon.rs`.

mod backend;
mod create;
mod daemon;
mod dial;
mod endpoint;
mod error;
mod files;
mod held;
mod image;
mod keyboard;
mod leftovers;
mod mirror;
mod place;
mod remote;
mod run;
mod save;
mod scope;
mod shell;
mod shell_signal;
mod ssh;
mod stream;
mod tls;
mod upload;

pub use backend::{DockerBackend, DockerOptions};
pub use endpoint::{Endpoint, EndpointError, TlsFiles};
pub use save::save;

/// The backend's name in messages and errors.
pub const BACKEND: &str = "docker";
