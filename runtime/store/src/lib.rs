//! Private folders that survive a crash of their owner: what steps left, scratch space, claims, records of runs.
//!
//! In: the path of one folder, shared by any number of processes. Out: where precompiled code is kept
//! ([`Store::artifacts`]) and what steps left ([`Cache`]), a temporary folder for each run ([`Scratch`]) with one for each of
//! its tasks ([`TaskScratch`]), and what must outlive any cache: claims ([`State`]) and records of runs ([`Runs`]). All are
//! checked to be out of other users' reach before anything in them is trusted.
//!
//! It must not know documents, events or Wasm, nor read the environment: whoever opens it says where it is.
//!
//! Held up by `flock`, which the kernel lets go of when its holder dies, and by `cap-std`: whatever a guest could have
//! written to is touched through a directory handle, so that no link leads out of it. Read next: [`layout`], then
//! [`cache`], [`scratch`] and [`runs`].

pub mod cache;
pub mod error;
pub mod layout;
mod remove;
pub mod runs;
pub mod scratch;
pub mod state;
mod task_scratch;

pub use cache::Cache;
pub use error::{Exposure, StoreError};
pub use layout::Store;
pub use runs::{KeptRun, LiveRun, Runs};
pub use scratch::Scratch;
pub use state::State;
pub use task_scratch::TaskScratch;
