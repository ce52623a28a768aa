//! One TaskRun, from its first try to its last.
//!
//! In: a resolved [`TaskRun`](stepwell_spec::TaskRun) and what all TaskRuns of a run share ([`RunGround`]). Out: events, and
//! [`TaskEnded`]. It does not know the pipeline around it; whoever runs one asks a TaskRun to stop through its [`Halt`].

mod attempt;
mod attempts;
mod halt;
mod opened;
mod run_ground;
mod shared;
mod thread;
mod threads;
mod unbegun;

pub(crate) use attempts::{TaskEnded, run};
pub(crate) use halt::{Halt, HaltCause};
pub(crate) use run_ground::{RunGround, Tools};
pub(crate) use unbegun::unbegun;

#[cfg(test)]
mod speed;
