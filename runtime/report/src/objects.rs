//! Every completed object of a run as one JSON line: each TaskRun and nested PipelineRun as it ends, and the run's own
//! last.

use std::io::{self, Write};

use serde::Serialize;
use stepwell_contract::Event;

use crate::Reporter;
use crate::json::Visible;
use crate::mask::Mask;
use crate::object::{Collector, Wanted};

/// Writes each object when it is complete.
pub struct Objects<W> {
    out: W,
    collector: Collector,
    mask: Mask,
}

impl<W: Write> Objects<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            collector: Collector::new(Wanted::All),
            mask: Mask::default(),
        }
    }

    /// The same with what `mask` finds made unreadable.
    #[must_use]
    pub fn masked(self, mask: Mask) -> Self {
        Self { mask, ..self }
    }
}

impl<W: Write> Reporter for Objects<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Some(mut completed) = self.collector.event(event) else {
            return Ok(());
        };
        self.mask.value(&mut completed.object);
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.out, Visible);
        completed.object.serialize(&mut serializer)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
