//! What is particular to containers of a daemon. Needs root, busybox and Docker's daemon, and says where they are missing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod authority;
#[path = "../conformance/busybox.rs"]
mod busybox;
mod daemon;
mod endings;
mod image;
mod leaks;
mod remote;
mod shells;
mod ssh;
mod tls;
mod world;
