//! Plans, keys, schedules and captures; knows a backend only as a trait.
//!
//! In: a resolved [`Run`](stepwell_spec::Run) with the code that its steps name, a [`Backend`], a scratch folder and
//! somewhere to send events. Out: [`Event`]s while it happens, and a [`Verdict`] in Tekton's words.
//!
//! It must not know which backend it drives, a terminal, an environment variable or the time, which comes in through
//! [`WallClock`].
//!
//! ```text
//! Run ─plan→ Plan (every step with its seed, from its key) ─admit→ Admitted ─run→ Event, Event, … Verdict
//! ```
//!
//! Held up by tokio, on one thread: a task blocks a thread of tokio's pool, everything else is a timer and a channel.
//! Read next: [`plan`](mod@plan) for what a step is given, [`run`] for a task's life, then `runtime/sandbox-wasm`.
//!
//! [`Backend`]: stepwell_contract::Backend
//! [`Event`]: stepwell_contract::Event
//! [`Verdict`]: stepwell_contract::event::Verdict

pub mod admit;
mod capture;
pub mod clock;
pub mod control;
pub mod error;
mod events;
#[allow(dead_code, unused_imports, reason = "`run` does not drive it yet")]
mod graph;
pub mod key;
mod life;
mod lines;
pub mod plan;
mod results;
pub mod run;
mod step;
mod task;
mod verdict;
mod volumes;

pub use admit::{Admitted, NotAdmitted, Refused};
pub use clock::{SystemClock, WallClock};
pub use control::Control;
pub use error::EngineError;
pub use plan::{Plan, PlanError, plan};
pub use run::Engine;
