//! The `stepwell` command from the outside: wiring, flags, exit codes, what is printed where.
//!
//! Every guest here is a few lines of WebAssembly text under `guests/`, so that no guest toolchain is needed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attempts;
#[path = "../boxes.rs"]
mod boxes;
mod cache;
mod cancel;
mod containers;
#[allow(dead_code, reason = "the tests of `stepwell-fetch` use more of it")]
#[path = "../../runtime/fetch/tests/resolvers/registry.rs"]
mod debian;
mod documents;
mod exec;
mod fetched;
mod full_disk;
mod images;
mod inputs;
mod inspect;
mod locked;
mod looking;
mod output;
mod pipelines;
mod plan;
mod redact;
mod refusal;
mod runs;
mod shells;
mod ship;
mod signed;
mod stage;
mod stopping;
mod substitution;
mod terminal;
mod usage;
mod validate;
