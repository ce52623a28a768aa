//! The resolvers against real things on this machine: repositories made by `git`, web servers, Debian's registry.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bundles;

mod git;
mod git_server;
#[allow(dead_code, reason = "the tests of `stepwell-registry` use more of it")]
mod registry;
mod repository;
#[path = "../../../registry/tests/loopback/server.rs"]
mod server;
mod wanted;
mod web;
