//! Every completed object of a run as one JSON line: each TaskRun and nested PipelineRun as it ends, and the run's own
//! last.

use std::io::{self, Write};

use serde::Serialize;
use stepwell_contract::Event;

use crate::Reporter;
use crate::json::Visible;
use crate::mask::Mask;
use crate::object::{Collector, Completed, Object, Wanted};

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

    /// Writes the object that `event` completes, and gives it.
    pub(crate) fn take(&mut self, event: &Event) -> io::Result<Option<Completed>> {
        let Some(completed) = self.collector.event(event) else {
            return Ok(None);
        };
        let masked = (!self.mask.is_empty()).then(|| completed.object.masked(&self.mask));
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.out, Visible);
        match masked {
            Some(masked) => masked.serialize(&mut serializer)?,
            None => completed.object.serialize(&mut serializer)?,
        }
        self.out.write_all(b"\n")?;
        Ok(Some(completed))
    }

    /// The run's own object as it is now, where it has not ended.
    pub(crate) fn unfinished(&self) -> Option<Object> {
        self.collector.unfinished()
    }

    /// What makes parts of objects unreadable.
    pub(crate) fn mask(&self) -> &Mask {
        &self.mask
    }
}

impl<W: Write> Reporter for Objects<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.take(event).map(|_| ())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
