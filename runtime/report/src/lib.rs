//! Turns events into text for people and machines.
//!
//! In: [`Event`]s, in order, through [`Reporter`]. Out: text on whatever was handed over to write to: [`human`] for a
//! person, [`json`] for a machine, [`yaml`] and [`objects`] for whoever reads Tekton's own objects,
//! [`junit`] for what shows test results and [`trace`] for what draws time.
//!
//! It must not know where events come from, what a sandbox is, or the environment: whether there is a terminal and
//! whether to use colour are arguments. Everything that a guest says is hostile text here; [`clean`] is where it stops
//! being so.
//!
//! Held up by `indicatif` for live lines, `jiff` for dates and `serde-saphyr` for YAML. Read next: [`human`], then
//! `docs/reference/events.md`.

use std::io;

use stepwell_contract::Event;

pub mod clean;
pub mod human;
pub mod json;
pub mod junit;
pub mod logs;
pub mod mask;
pub mod objects;
pub mod record;
pub mod time;
pub mod trace;
pub mod yaml;

mod failure;
mod label;
mod live;
mod object;
mod plain;
mod saved;
mod style;
mod summary;
mod tail;

pub use human::{Human, HumanOptions};
pub use json::Json;
pub use junit::Junit;
pub use logs::Logs;
pub use mask::Mask;
pub use objects::Objects;
pub use record::Record;
pub use trace::Trace;
pub use yaml::Yaml;

/// Something that shows events.
pub trait Reporter {
    /// Takes the next event. What is to be shown of it may be held back until [`flush`](Reporter::flush).
    ///
    /// # Errors
    ///
    /// What could not be written.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Hands over what was held back. Called when no event waits to be taken, so that whoever follows sees each at once
    /// and a thousand that come together cost little more than one.
    ///
    /// # Errors
    ///
    /// What could not be written.
    fn flush(&mut self) -> io::Result<()>;

    /// Shows what can only be said at the end, and flushes. Called once, after the last event.
    ///
    /// # Errors
    ///
    /// What could not be written.
    fn finish(&mut self) -> io::Result<()>;
}

#[cfg(test)]
mod samples;
