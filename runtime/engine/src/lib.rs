//! Plans, keys, schedules and captures; knows backends only as a trait.
//!
//! In: a resolved [`Run`](stepwell_spec::Run), its [`Backends`], what it asks of the world ([`Images`], [`Fetch`]), a scratch
//! folder and somewhere to send events. Out: [`Event`]s while it happens, and a [`Verdict`] in Tekton's words.
//!
//! It must not know which backends it drives, a terminal, an environment variable or the time, which comes in through
//! [`WallClock`].
//!
//! ```text
//! Run ─admit→ Admitted ─run→ Event, Event, … Verdict
//!                       └─ each TaskRun: its tries; each try: its folders, then step by step plan → run → capture
//! ```
//!
//! Held up by tokio, on one thread: a task blocks a thread of tokio's pool, everything else is a timer and a channel.
//! Read next: [`run`] for the whole, `task/` for one TaskRun, [`plan`](mod@plan) for what a step is given, then
//! `runtime/sandbox-wasm`.
//!
//! [`Event`]: stepwell_contract::Event
//! [`Verdict`]: stepwell_contract::event::Verdict

pub mod admit;
mod artifacts;
pub mod backends;
mod cache;
mod capture;
pub mod clock;
pub mod control;
mod drive;
pub mod error;
mod events;
mod graph;
pub mod key;
mod life;
mod lines;
mod mask;
mod outside;
pub mod places;
pub mod plan;
mod proxies;
mod results;
pub mod run;
mod sidecar;
mod step;
mod task;
mod tee;
mod tools;
mod unsupported;
mod verdict;
mod volumes;

pub use admit::{Admitted, NotAdmitted, Refused, Why};
pub use backends::Backends;
pub use cache::Caching;
pub use clock::{SystemClock, WallClock};
pub use control::Control;
pub use error::EngineError;
pub use outside::{Fetch, Fetched, Images, Options};
pub use places::Places;
pub use plan::PlanError;
pub use proxies::Proxies;
pub use run::Engine;
pub use tools::granted as granted_tools;
pub use unsupported::{Unsupported, unsupported};
