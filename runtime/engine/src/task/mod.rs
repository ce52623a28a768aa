//! One TaskRun, from its first try to its last.
//!
//! In: a resolved [`TaskRun`](stepwell_spec::TaskRun) and what all TaskRuns of a run have in [`Common`]. Out: events, and
//! [`TaskEnded`]. It does not know the pipeline around it; whoever runs one asks a TaskRun to stop through its [`Halt`].

mod attempt;
mod attempts;
mod common;
mod halt;
mod thread;

pub(crate) use attempts::{TaskEnded, run};
pub(crate) use common::{Common, Tools};
pub(crate) use halt::{Halt, HaltCause};

#[cfg(test)]
mod speed;
