//! What a Stepwell plugin links: one function and two derives make a step with typed params, workspaces and results.
//!
//! - **In**: a function under [`#[stepwell::task]`](task), a struct of what it takes under `#[derive(stepwell::Params)]`,
//!   one of what it gives under `#[derive(stepwell::Results)]`.
//! - **Out**: a module that the host runs as a step. Build a `cdylib` for `wasm32-wasip1`; files, clocks and standard
//!   output are those of `std`.
//! - **Must not know**: the host. Everything that crosses the border is written down in `wit/task.wit`.
//! - **Held up by**: the module `bindings`, which is generated from there, and the crate `stepwell-sdk-macros`.
//! - **Read next**: [`Value`] for the types of fields, [`Error`] for what a function may return, [`testing`].
//!
//! ```
//! /// What to count.
//! #[derive(stepwell::Params)]
//! struct Input {
//!     /// The file to count.
//!     #[param(default = "README.md")]
//!     file: String,
//!     /// Where the file is.
//!     source: stepwell::ReadOnlyWorkspace,
//! }
//!
//! /// What was counted.
//! #[derive(stepwell::Results)]
//! struct Counted {
//!     /// How many lines it has.
//!     lines: usize,
//! }
//!
//! /// Counts the lines of a file.
//! #[stepwell::task]
//! fn count_lines(input: Input) -> Result<Counted, std::io::Error> {
//!     let text = std::fs::read_to_string(input.source.join(input.file))?;
//!     Ok(Counted { lines: text.lines().count() })
//! }
//! # fn main() {}
//! ```
//!
//! Doc comments are the description, types are the schema: `stepwell inspect` and `stepwell help` show both. A plugin also
//! builds for the machine it is written on, so that its logic is tested with `cargo test`: the function is called like any
//! other, or whole, with [`testing::Call`].

#[doc(hidden)]
pub mod bindings;
mod describe;
mod error;
#[doc(hidden)]
pub mod export;
mod failure;
mod host;
#[doc(hidden)]
pub mod input;
mod invocation;
#[doc(hidden)]
pub mod output;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod tools;
#[doc(hidden)]
pub mod value;

pub use bindings::stepwell::task::results::EmitError as EmitRefusal;
pub use bindings::stepwell::task::tools::ToolError as ToolRefusal;
pub use bindings::stepwell::task::types::{
    Capability, CapabilityWant, Description, FailureClass, ParamDecl, ParamType, ParamValue,
    ResultDecl, WorkspaceDecl,
};
pub use error::{Classify, Error};
#[doc(hidden)]
pub use export::Exported;
pub use export::Task;
pub use failure::Failure;
#[cfg(not(target_arch = "wasm32"))]
pub use host::emitted;
pub use host::{EmitError, emit, progress};
pub use input::{Attempt, Input, Params, ReadOnlyWorkspace, Workspace};
pub use invocation::Invocation;
pub use output::Results;
pub use stepwell_sdk_macros::{Object, Params, Results, task};
pub use tools::{Ran, Tool, ToolError};
pub use value::{Value, Word};
