//! The sandbox through its public door, with the guests of `tests/guests`: each tries one escape, hits one limit, or does
//! the allowed thing next to it.
//!
//! A test that is called `attack_…` holds if the attack fails; beside it stands a twin in which the neighbour of what was
//! tried works. Compiled guests are kept in `target/guest-cache`. Nothing here asserts how long something takes, except
//! that it ends at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ambient;
mod artifacts;
mod coverage;
mod endings;
mod fs;
mod hits;
mod http;
mod images;
mod isolation;
mod limits;
mod links;
mod network;
mod output;
mod plugins;
mod programs;
mod quota;
mod races;
mod read_only;
mod results;
mod sameness;
mod sidecars;
mod stopping;
mod tools;
mod world;
