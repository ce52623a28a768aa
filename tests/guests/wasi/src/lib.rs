//! WASI 0.2 for guests that call what `std` does not: sockets, HTTP, pollables, large answers.
//!
//! A library of its own, so that only a program which uses it imports any of it.

#[doc(hidden)]
pub mod bindings;
mod folder;
pub mod http;

pub use bindings::wasi;
pub use folder::Folder;
