//! Runs steps as WebAssembly components; the only crate that names wasmtime.
//!
//! In: a [`StepSpec`](stepwell_contract::StepSpec) whose image is a component, or a core module that is wrapped into
//! one. Out: an [`Ending`](stepwell_contract::Ending). [`WasmBackend`] is the way in; a step's life is
//! `artifact` (compile once, or map what was compiled before) → `admit` (imports against grants) → `prepare` (mounts,
//! limits, ambient) → `run`.
//!
//! It must not know YAML, plans, caches of outcomes or terminals, and reads no environment variable. What a guest
//! sees of the host is in `wasi/` (clocks, random, streams, arguments) and `fs/` (the observed file system); both are
//! our own code under the published WIT, because it is they who make a run repeatable. Sockets alone are
//! wasmtime-wasi's.
//!
//! Held up by wasmtime's 48 line and cap-std. Every host call is a plain blocking function on the step's own thread;
//! `wait` is the one place that may block for long, and it obeys the step's cancellation. Read next: `backend.rs`.

mod admit;
mod archive;
mod artifact;
mod backend;
mod bindings;
mod compile;
mod describe;
mod ending;
mod engine;
mod fs;
mod guest;
mod http;
mod inspect;
mod meter;
mod place;
mod prepare;
mod run;
mod tools;
mod trace;
mod typed;
mod wait;
mod wasi;
mod wrap;

pub use backend::{WasmBackend, WasmOptions};
pub use compile::{Compile, compile_worker};
pub use inspect::{Import, Inspection, World};

/// The backend's name in messages.
pub(crate) const BACKEND: &str = "wasm";
