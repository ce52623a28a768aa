//! What a Stepwell plugin links: the bindings of `stepwell:task` and a thin layer over them.
//!
//! - **In**: one type that implements [`Task`], and the line `stepwell::export!(MyTask);`.
//! - **Out**: a module that the host runs as a step with typed params, workspaces and results. Build a `cdylib` for
//!   `wasm32-wasip1`; files, clocks and standard output are those of `std`.
//! - **Must not know**: the host. Everything that crosses the border is written down in `wit/task.wit`.
//! - **Held up by**: the module `bindings`, which is generated from there.
//! - **Read next**: [`Task`], then [`Invocation`].
//!
//! ```
//! use stepwell::{Description, Failure, Invocation, ParamDecl, ParamType, ResultDecl, Task, WorkspaceDecl};
//!
//! struct CountLines;
//!
//! impl Task for CountLines {
//!     fn describe() -> Description {
//!         Description {
//!             params: vec![ParamDecl::new("file", ParamType::String, "The file to count.")],
//!             workspaces: vec![WorkspaceDecl::read_only("source", "Where the file is.")],
//!             results: vec![ResultDecl::new("lines", ParamType::String, "How many lines it has.")],
//!             ..Description::new("count-lines", "0.1.0", "Counts the lines of a file.")
//!         }
//!     }
//!
//!     fn run(invocation: Invocation) -> Result<(), Failure> {
//!         let path = invocation.workspace("source")?.join(invocation.param_str("file")?);
//!         let text = std::fs::read_to_string(&path)
//!             .map_err(|error| Failure::malformed_input(format!("failed to read `{}`: {error}", path.display())))?;
//!         stepwell::emit("lines", text.lines().count().to_string())?;
//!         Ok(())
//!     }
//! }
//!
//! stepwell::export!(CountLines);
//! # fn main() {}
//! ```
//!
//! A plugin also builds for the machine it is written on, so that its logic is tested with `cargo test`: there is no
//! host then, [`emit`] keeps what it is given, and [`emitted`] gives it to the test.

#[doc(hidden)]
pub mod bindings;
mod describe;
mod export;
mod failure;
mod host;
mod invocation;
mod value;

pub use bindings::stepwell::task::results::EmitError as EmitRefusal;
pub use bindings::stepwell::task::types::{
    Capability, CapabilityWant, Description, Failure, FailureClass, ParamDecl, ParamType,
    ParamValue, ResultDecl, WorkspaceDecl,
};
#[doc(hidden)]
pub use export::Exported;
pub use export::Task;
#[cfg(not(target_arch = "wasm32"))]
pub use host::emitted;
pub use host::{EmitError, emit, progress};
pub use invocation::Invocation;
