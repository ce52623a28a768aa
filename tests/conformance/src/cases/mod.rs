//! The cases, a file for each group. Each is a function that plays on a [`Stage`](crate::stage::Stage) and panics where the
//! backend does not do what is demanded.

pub(crate) mod archive;
pub(crate) mod connection;
pub(crate) mod discard;
pub(crate) mod display;
pub(crate) mod environment;
pub(crate) mod escape;
pub(crate) mod extract;
pub(crate) mod isolation;
pub(crate) mod kill;
pub(crate) mod log;
pub(crate) mod mount;
pub(crate) mod proxy;
pub(crate) mod refusal;
pub(crate) mod results;
pub(crate) mod shell;
pub(crate) mod volume;
