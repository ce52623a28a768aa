//! The client against servers on this machine that are as bad as a test wants them to be.

mod http;
mod pull;
mod server;
