//! What a guest sees of the host beside files: arguments, streams, clocks, random bytes and, if granted, the network.

pub(crate) mod cli;
pub(crate) mod clocks;
pub(crate) mod io;
pub(crate) mod random;
pub(crate) mod sidecars;
pub(crate) mod sockets;
