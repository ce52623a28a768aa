//! Runs a pipeline: does what the [scheduler](crate::graph) says, and tells it what came of it.
//!
//! In: a resolved [`Pipeline`](stepwell_spec::Pipeline), what all TaskRuns of a run share
//! ([`RunGround`](crate::task::RunGround)), and a [`Control`](crate::Control). Out: events, and a verdict. It decides nothing
//! about the order and knows nothing of steps: one future for each running TaskRun calls
//! [`task::run`](crate::task::run), and what blocks is on a thread of tokio's pool.
//!
//! One loop for a run, however deep its pipelines are nested. Nothing is kept of a task that is done but its fact. While
//! tasks run and nothing else is to be done, it makes what plainly follows them; whether that begins is still for the
//! scheduler to say.

mod driver;
mod instance;
mod late;
mod level;
mod words;

pub(crate) use driver::run;
