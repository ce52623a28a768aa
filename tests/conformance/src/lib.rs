//! What every backend has to do alike.
//!
//! - **In**: a [`Harness`]: a backend, and how a program looks there that does what a case asks for.
//! - **Out**: a passed or a failed test for each of [`CASES`]; after each, a look at what was left behind.
//! - **Must not know**: any backend but the mock that is in here to show that each case can be passed, and that each can
//!   fail. Whoever has a backend writes a test of it that depends on this crate, as
//!   `runtime/sandbox-wasm/tests/conformance.rs` does.
//! - **Held up by**: the contract, and the engine for the cases about results; wasmtime is not needed to build it.
//! - **Read next**: [`Action`] for what steps do, `cases` for what is demanded, `docs/reference/conformance.md` for the
//!   list and what each backend answers.
//!
//! To run a step twice, and so to wait for its end twice, does not compile:
//!
//! ```compile_fail,E0382
//! # use stepwell_contract::{Sandbox, StepIo};
//! fn twice(sandbox: Box<dyn Sandbox>, io: StepIo) {
//!     let _ = sandbox.run(io.clone());
//!     let _ = sandbox.run(io);
//! }
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "all of it is part of tests: a case that cannot go on has failed"
)]

mod action;
mod case;
mod cases;
mod harness;
pub mod leak;
pub mod mock;
mod page;
pub mod stage;
mod trial;

pub use action::{Action, act};
pub use case::{CASES, Case};
pub use harness::{Harness, Program};
pub use page::check_page;
pub use trial::trials;
