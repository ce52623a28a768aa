//! Decides what of a run begins when: a scheduler that does nothing itself.
//!
//! In go moments and news: a `when` was answered, instances were made, one of them ended, somebody asked for the end,
//! time has passed. Out come [`Command`]s and the next deadline. It does not know a clock, a document, a step or a
//! thread: whoever drives it does what it says ([`run`](crate::run)), and a test drives it as well.
//!
//! ```text
//! Schedule ── places, line, deadlines        (schedule.rs, board.rs)
//!   └── Graph, one for each pipeline         (pipeline.rs: news; rules.rs: who is skipped, stopped, begun)
//!         └── Life, one for each task        (life.rs: the only truth; the rest are caches of it)
//! ```
//!
//! Everything costs O(1) for a task and for an edge, but for the line, whose order is that of the document: O(log n).

mod board;
mod command;
mod life;
mod pipeline;
mod rules;
mod schedule;
mod tally;

#[cfg(test)]
mod tests;

pub(crate) use command::{Answer, At, Command, Ended, Made, Moment, PipelineId, Why};
pub(crate) use pipeline::Node;
pub(crate) use schedule::Schedule;
pub(crate) use tally::{Ending, Tally};
