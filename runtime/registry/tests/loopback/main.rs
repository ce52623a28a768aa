//! The client against servers on this machine that are as bad as a test wants them to be.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod http;
mod images;
mod local;
mod pull;
mod server;
