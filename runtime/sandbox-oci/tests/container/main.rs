//! Containers on this machine's kernel, with Debian's static busybox as their root.
//!
//! They need root and `busybox-static`; `rootless` runs some of them again as nobody. Without, each test says so on standard error and passes; where
//! `STEPWELL_REQUIRE_CONTAINERS` is set, it fails instead.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attacks;
mod endings;
mod extraction;
mod identity;
mod leaks;
mod limits;
mod proxies;
mod rootless;
mod shells;
mod stopping;
mod surroundings;
mod volumes;
mod world;
