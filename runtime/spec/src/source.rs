//! The texts that documents come from, and places in them.
//!
//! Knows nothing of YAML, and reads no file: whoever adds a text has read it.

use std::ops::Range;
use std::sync::Arc;

use miette::{NamedSource, SourceSpan};

use crate::veil::veil;

/// One of the texts in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A place in one of the texts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// Where the place starts.
    pub start: usize,
    /// How long it is.
    pub len: usize,
}

impl From<Span> for SourceSpan {
    fn from(span: Span) -> Self {
        (span.start, span.len).into()
    }
}

#[derive(Debug, Clone)]
struct File {
    name: Arc<str>,
    text: Arc<str>,
    found: bool,
}

/// Every text that one run is read from, in the order given. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<File>);

impl Sources {
    /// No text yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text. `name` is shown in diagnostics, usually the path as the user gave it.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(name.into(), text.into(), false)
    }

    /// Adds a text that nobody named: it was found in a folder. Documents in it that are not Tekton's are passed over.
    pub fn add_found(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceId {
        self.push(name.into(), text.into(), true)
    }

    fn push(&mut self, name: Arc<str>, text: Arc<str>, found: bool) -> SourceId {
        // More than four thousand million files do not fit into an argument list.
        let id = SourceId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(File { name, text, found });
        id
    }

    /// Whether a text was found in a folder, and not named.
    pub fn is_found(&self, id: SourceId) -> bool {
        self.file(id).is_some_and(|file| file.found)
    }

    /// The texts' ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = SourceId> + use<> {
        (0..u32::try_from(self.0.len()).unwrap_or(u32::MAX)).map(SourceId)
    }

    /// The name of a text; empty for an id from elsewhere.
    pub fn name(&self, id: SourceId) -> &str {
        self.file(id).map_or("", |file| &file.name)
    }

    /// A text; empty for an id from elsewhere.
    pub fn text(&self, id: SourceId) -> &str {
        self.file(id).map_or("", |file| &file.text)
    }

    fn file(&self, id: SourceId) -> Option<&File> {
        self.0.get(id.0 as usize)
    }

    /// What stands at `span`; empty where there is no such place.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.source)
            .get(span.start..span.start.saturating_add(span.len))
            .unwrap_or("")
    }

    /// The first place inside `span` where `needle` stands literally, else `span` itself.
    pub(crate) fn narrow(&self, span: Span, needle: &str) -> Span {
        match self.slice(span).find(needle) {
            Some(at) => Span {
                start: span.start + at,
                len: needle.len(),
                ..span
            },
            None => span,
        }
    }

    /// The line and the column of where `span` starts, both from 1, the column in characters.
    pub fn line_and_column(&self, span: Span) -> (usize, usize) {
        let before = self.text(span.source).get(..span.start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }

    /// A span over `range`.
    pub(crate) fn span(source: SourceId, range: Range<usize>) -> Span {
        Span {
            source,
            start: range.start,
            len: range.end.saturating_sub(range.start),
        }
    }

    /// A text as it is shown around a mistake: without the values of Secrets.
    pub(crate) fn shown(&self, id: SourceId) -> Option<NamedSource<Arc<str>>> {
        let file = self.file(id)?;
        let text = veil(&file.text).map_or_else(|| Arc::clone(&file.text), Into::into);
        Some(NamedSource::new(&*file.name, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again() {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", "one: 1\nzwölf: $(x) 12\n");
        let span = Sources::span(id, 7..22);
        assert_eq!(sources.slice(span), "zwölf: $(x) 12");
        let inner = sources.narrow(span, "$(x)");
        assert_eq!(sources.line_and_column(inner), (2, 8));
        assert_eq!(sources.narrow(span, "$(y)"), span);
    }

    #[test]
    fn a_place_outside_is_empty() {
        let mut sources = Sources::new();
        let id = sources.add("a.yaml", "ab");
        assert_eq!(sources.slice(Sources::span(id, 1..9)), "");
        assert_eq!(sources.line_and_column(Sources::span(id, 9..9)), (1, 1));
    }
}
