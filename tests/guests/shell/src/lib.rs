//! A shell, and the small programs that scripts call, in one WebAssembly program.
//!
//! Tekton's documents run scripts in images such as `bash` or `alpine`. Where there are no containers, this stands in for
//! them: a fixture, good enough for what build scripts do, and honest about what is not there.
//!
//! - **In**: arguments, environment, a folder, standard input.
//! - **Out**: what the script prints and writes, and its exit status.
//! - **Must not know**: Tekton, or what runs it.
//! - **Held up by**: [`syntax`], which reads a script; `run`, which walks through it; `expand`, which makes arguments of
//!   words; `builtins` and `tools`, which are called.
//! - **Read next**: [`program`], which decides what a call means.
//!
//! There are no processes. A subshell is a copy of the shell's memory, and a pipe a buffer: each command of a pipeline ends
//! before the next one starts. So background jobs and FIFOs are not there, and two commands cannot talk with each other.

mod builtins;
mod expand;
pub mod program;
mod run;
pub mod state;
pub mod streams;
pub mod syntax;
#[cfg(test)]
mod testing;
mod text;
mod tools;
