//! The completed object of the run as YAML: the PipelineRun, or the TaskRun of a Task that ran by itself.
//!
//! Keys are sorted at every level, as `kubectl get -o yaml` prints them. A run that broke is printed as it was then.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value;
use stepwell_contract::event::Verdict;
use stepwell_contract::{Event, Timestamp};

use crate::Reporter;
use crate::mask::Mask;
use crate::object::{self, Collector, Wanted};

/// Collects events and prints the run's object at the end.
pub struct Yaml<W> {
    out: W,
    collector: Collector,
    completed: Option<Value>,
    mask: Mask,
}

impl<W: Write> Yaml<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            collector: Collector::new(Wanted::Run),
            completed: None,
            mask: Mask::default(),
        }
    }

    /// The same with what `mask` finds made unreadable.
    #[must_use]
    pub fn masked(self, mask: Mask) -> Self {
        Self { mask, ..self }
    }
}

impl<W: Write> Reporter for Yaml<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Some(completed) = self.collector.event(event)
            && completed.is_run
        {
            self.completed = Some(completed.object.to_value());
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nobody can read it before it is whole.
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let object = self
            .completed
            .take()
            .or_else(|| Some(self.collector.unfinished()?.to_value()));
        if let Some(mut object) = object {
            self.mask.value(&mut object);
            write_object(&mut self.out, object)?;
        }
        self.out.flush()
    }
}

/// Prints the completed object of a run that Tekton's controller would have taken and failed at once, at `at`.
///
/// # Errors
///
/// What could not be written.
pub fn refused(
    out: &mut dyn Write,
    object: &Value,
    verdict: &Verdict,
    at: Timestamp,
) -> io::Result<()> {
    write_object(out, object::refused(object, verdict, at))?;
    out.flush()
}

/// Writes an object, its keys in order at every level.
pub(crate) fn write_object(out: &mut dyn Write, object: Value) -> io::Result<()> {
    write_all(out, &[sorted(object)])
}

/// Writes documents, with `---` between them.
pub(crate) fn write_all(out: &mut dyn Write, documents: &[Value]) -> io::Result<()> {
    let options = serde_saphyr::ser_options! {
        // A folded line would read as another text to whoever does not know the style.
        folded_wrap_chars: usize::MAX,
    };
    let text = serde_saphyr::to_string_multiple_with_options(documents, options)
        .map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}

/// The value with the keys of every object in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key, sorted(value)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests;
