//! The client against servers on this machine that are as bad as a test wants them to be.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "the tests of `stepwell-fetch` use more of it")]
#[path = "../../../fetch/tests/resolvers/registry.rs"]
mod debian;

mod catalog;
mod http;
mod images;
mod local;
mod pull;
mod push;
mod real;
mod server;
mod shelf;
mod signatures;
