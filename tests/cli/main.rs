//! The `stepwell` command from the outside: wiring, flags, exit codes, what is printed where.
//!
//! Every guest here is a few lines of WebAssembly text under `guests/`, so that no guest toolchain is needed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attempts;
#[path = "../boxes.rs"]
mod boxes;
mod cancel;
mod containers;
mod documents;
mod exec;
mod fetched;
mod images;
mod inputs;
mod inspect;
mod looking;
mod output;
mod pipelines;
mod plan;
mod redact;
mod refusal;
mod runs;
mod shells;
mod stage;
mod stopping;
mod substitution;
mod terminal;
mod usage;
mod validate;
