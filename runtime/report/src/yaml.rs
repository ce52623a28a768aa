//! The completed object of the run as YAML: the PipelineRun, or the TaskRun of a Task that ran by itself.
//!
//! Keys are sorted at every level, as `kubectl get -o yaml` prints them. A run that broke is printed as it was then.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;
use stepwell_contract::event::Verdict;
use stepwell_contract::{Event, Timestamp};

use crate::Reporter;
use crate::mask::Mask;
use crate::object::{self, Collector, Object, Wanted};

/// Collects events and prints the run's object at the end.
pub struct Yaml<W> {
    out: W,
    collector: Collector,
    completed: Option<Object>,
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
            self.completed = Some(completed.object);
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
            .or_else(|| self.collector.unfinished());
        if let Some(object) = object {
            write_object(&mut self.out, &object, &self.mask)?;
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
    write_all(out, &[Tree::Value(&object::refused(object, verdict, at))])?;
    out.flush()
}

/// Writes an object without what `mask` finds, its keys in order at every level.
pub(crate) fn write_object(out: &mut dyn Write, object: &Object, mask: &Mask) -> io::Result<()> {
    match mask.is_empty() {
        true => write_all(out, &[object.tree()]),
        false => write_all(out, &[Tree::Value(&object.masked(mask))]),
    }
}

/// Writes documents, with `---` between them.
pub(crate) fn write_all<T: Serialize>(out: &mut dyn Write, documents: &[T]) -> io::Result<()> {
    let options = serde_saphyr::ser_options! {
        // A folded line would read as another text to whoever does not know the style.
        folded_wrap_chars: usize::MAX,
    };
    let text = serde_saphyr::to_string_multiple_with_options(documents, options)
        .map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}

/// A value that is written with the keys of every object in order. It may be put together from several.
pub(crate) enum Tree<'a> {
    /// As it is.
    Value(&'a Value),
    /// An object of these members.
    Members(BTreeMap<&'a str, Tree<'a>>),
}

impl<'a> Tree<'a> {
    /// The members of an object; none where `value` is something else.
    pub(crate) fn members(value: &'a Value) -> BTreeMap<&'a str, Self> {
        let members = value.as_object().into_iter().flatten();
        members
            .map(|(key, value)| (key.as_str(), Self::Value(value)))
            .collect()
    }
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Members(members) => serializer.collect_map(members),
            Self::Value(value @ Value::Object(_)) => serializer.collect_map(Self::members(value)),
            Self::Value(Value::Array(items)) => {
                serializer.collect_seq(items.iter().map(Tree::Value))
            }
            Self::Value(other) => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests;
