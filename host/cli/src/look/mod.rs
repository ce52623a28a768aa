//! Looking into the steps of a run from outside: a shell beside one, files out of one, and letting one go on that stopped.
//!
//! The process of a run listens on a socket in the run's private folder ([`Server`]) and serves the places that its engine
//! knows. `stepwell shell`, `stepwell cp` and `stepwell runs continue` are its clients. Both halves speak [`frames`]. It does
//! not know how a backend opens a shell or finds a file: the contract's `Place` does.

mod ask;
mod choose;
mod client;
mod copy;
mod frames;
mod go_on;
mod hand_out;
mod held;
mod landing;
mod line;
mod serve;
mod session;
mod shell;
mod socket;
mod terminal;

pub(crate) use copy::copy;
pub(crate) use go_on::go_on;
pub(crate) use held::hold;
pub(crate) use serve::Server;
pub(crate) use shell::shell;
