//! Text → trees of nodes, one for each document of the text, with the place of every key and value.
//!
//! Knows nothing of Tekton. Aliases share their node instead of copying it, and `<<` is merged here, so that later
//! stages see neither.
//!
//! The tree is built from the parser's events and not through serde: serde carries no places, and stops at the first
//! mistake. The price is that what a plain word means is decided here ([`crate::scalar`]).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use granit_parser::{Event, Parser, ScalarStyle, Span as EventSpan, options};
use serde_json::Value as Json;

use crate::problem::{Problems, SyntaxProblem};
use crate::scalar::{ScalarKind, read_plain};
use crate::source::{SourceId, Sources, Span};

/// Stops a file that is no document at all from being read to its end.
const MAX_TEXT: usize = 4 << 20;
/// Stops aliases of aliases ("billion laughs"): they count as if they were written out.
const MAX_WEIGHT: usize = 16 << 20;
/// Stops a document that would use up the stack of whatever walks it.
const MAX_DEPTH: usize = 64;
/// What a node counts for, beside its text.
const NODE_WEIGHT: usize = 16;

/// A key or a value, and where it stands. The place of a mapping is its first key.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
    weight: usize,
    depth: usize,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Value {
    /// One word or text. For anything but [`ScalarKind::Text`], `text` is its JSON form.
    Scalar {
        kind: ScalarKind,
        text: String,
    },
    Sequence(Vec<Arc<Node>>),
    Mapping(Vec<Entry>),
}

/// One line of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Arc<Key>,
    pub(crate) value: Arc<Node>,
}

/// The key of an [`Entry`].
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) span: Span,
    /// The name of the field that the key was taken for, where it is written otherwise (`mountpath`).
    pub(crate) field: OnceLock<&'static str>,
}

impl Node {
    /// What kind of value it is, with its article.
    pub(crate) fn found(&self) -> &'static str {
        match &self.value {
            Value::Scalar { kind, .. } => match kind {
                ScalarKind::Null => "null",
                ScalarKind::Bool => "a boolean",
                ScalarKind::Number => "a number",
                ScalarKind::Text => "a string",
            },
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(
            &self.value,
            Value::Scalar {
                kind: ScalarKind::Null,
                ..
            }
        )
    }

    /// What stands under `name`, which is matched as Go matches the names of fields; `None` where that is nothing, or the
    /// node is no mapping.
    pub(crate) fn entry(&self, name: &str) -> Option<&Arc<Self>> {
        let Value::Mapping(entries) = &self.value else {
            return None;
        };
        let mut entries = entries.iter();
        let entry = entries.find(|entry| entry.key.text.eq_ignore_ascii_case(name))?;
        Some(&entry.value)
    }

    /// The node as JSON, fields under their own names. Nulls are left out of mappings, as Go leaves them out.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar { kind, text } => match kind {
                ScalarKind::Text => Json::String(text.clone()),
                _ => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone())),
            },
            Value::Sequence(items) => items.iter().map(|item| item.to_json()).collect(),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .filter(|entry| !entry.value.is_null())
                    .map(|entry| {
                        let field = entry.key.field.get().copied();
                        let key = field.unwrap_or(&entry.key.text).to_owned();
                        (key, entry.value.to_json())
                    })
                    .collect(),
            ),
        }
    }
}

/// Reads every document of one text; empty ones are left out. After a mistake that leaves no structure to go on with,
/// the documents before it are returned.
pub(crate) fn read(sources: &Sources, source: SourceId, problems: &Problems) -> Vec<Arc<Node>> {
    let text = sources.text(source);
    if text.len() > MAX_TEXT {
        problems.push(SyntaxProblem::TooLarge {
            limit: MAX_TEXT,
            unit: "bytes",
            span: Sources::span(source, 0..0),
        });
        return Vec::new();
    }
    let mut builder = Builder {
        text,
        source,
        problems,
        open: Vec::new(),
        anchors: HashMap::new(),
        weight: 0,
        documents: Vec::new(),
    };
    let limits = options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    for event in Parser::new_from_str_with_options(text, limits) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
                Err(SyntaxProblem::NotYaml {
                    message: error.info(),
                    span: word_at(text, source, at),
                })
            }
        };
        if let Err(problem) = taken {
            problems.push(problem);
            break;
        }
    }
    builder.documents
}

/// The character at `at`, or the last one before it where the text or the line ends.
fn word_at(text: &str, source: SourceId, at: usize) -> Span {
    let at = (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let len = text[at..]
        .chars()
        .next()
        .filter(|c| !c.is_whitespace())
        .map_or(0, char::len_utf8);
    Sources::span(source, at..at + len)
}

struct Builder<'a> {
    text: &'a str,
    source: SourceId,
    problems: &'a Problems,
    open: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
    weight: usize,
    documents: Vec<Arc<Node>>,
}

/// A collection whose end has not been seen.
struct Open {
    anchor: usize,
    span: Span,
    kind: OpenKind,
}

enum OpenKind {
    Sequence(Vec<Arc<Node>>),
    Mapping(Mapping),
}

/// A mapping whose end has not been seen.
#[derive(Default)]
struct Mapping {
    entries: Vec<Entry>,
    /// The key whose value comes next.
    key: Option<Arc<Key>>,
    /// Where each key was first: looked up for every key.
    places: HashMap<String, Span>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, at: EventSpan) -> Result<(), SyntaxProblem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().and_then(|tag| tag.core_suffix());
                let (kind, text) = match (style, tag) {
                    // A key is a name: `on: x` is about `on`, not about `true`.
                    _ if self.wants_key() => (ScalarKind::Text, text.into_owned()),
                    (_, Some("str")) => (ScalarKind::Text, text.into_owned()),
                    (ScalarStyle::Plain, _) => read_plain(&text),
                    _ => (ScalarKind::Text, text.into_owned()),
                };
                let node = Node {
                    span: self.place(at),
                    weight: NODE_WEIGHT + text.len(),
                    depth: 1,
                    value: Value::Scalar { kind, text },
                };
                self.weight += node.weight;
                self.close(node, anchor)
            }
            Event::Alias(id) => {
                let span = self.place(at);
                let node = self
                    .anchors
                    .get(&id)
                    .cloned()
                    .ok_or(SyntaxProblem::EndlessAlias { span })?;
                self.weight += node.weight;
                self.check_weight(span)?;
                self.attach(node, span)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(at, anchor, OpenKind::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, _) => {
                self.open(at, anchor, OpenKind::Mapping(Mapping::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(()),
        }
    }

    /// Where an event stands, without the white space that a block text ends with.
    fn place(&self, at: EventSpan) -> Span {
        let range = at.byte_range().unwrap_or(0..0);
        let text = self.text.get(range.clone()).unwrap_or("");
        Sources::span(
            self.source,
            range.start..range.start + text.trim_end().len(),
        )
    }

    fn check_weight(&self, span: Span) -> Result<(), SyntaxProblem> {
        if self.weight <= MAX_WEIGHT {
            return Ok(());
        }
        Err(SyntaxProblem::TooLarge {
            limit: MAX_WEIGHT,
            unit: "bytes of data",
            span,
        })
    }

    /// Whether the next node is the key of a mapping.
    fn wants_key(&self) -> bool {
        let innermost = self.open.last().map(|open| &open.kind);
        matches!(innermost, Some(OpenKind::Mapping(mapping)) if mapping.key.is_none())
    }

    fn open(&mut self, at: EventSpan, anchor: usize, kind: OpenKind) -> Result<(), SyntaxProblem> {
        let mut span = self.place(at);
        if self.wants_key() {
            return Err(SyntaxProblem::KeyNotText { span });
        }
        span.len = span.len.max(usize::from(span.start < self.text.len()));
        self.open.push(Open { anchor, span, kind });
        Ok(())
    }

    fn end(&mut self) -> Result<(), SyntaxProblem> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let (span, value) = match open.kind {
            OpenKind::Sequence(items) => (open.span, Value::Sequence(items)),
            OpenKind::Mapping(mapping) => {
                let first = mapping.entries.first();
                let span = first.map_or(open.span, |entry| entry.key.span);
                (span, Value::Mapping(self.merge(mapping.entries)?))
            }
        };
        let (mut weight, mut depth) = (NODE_WEIGHT, 0);
        let mut count = |key: usize, node: &Node| {
            weight += key + node.weight;
            depth = depth.max(node.depth);
        };
        match &value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter().for_each(|item| count(0, item)),
            // Whoever writes out the mapping writes out its keys too.
            Value::Mapping(entries) => entries.iter().for_each(|entry| {
                count(NODE_WEIGHT + entry.key.text.len(), &entry.value);
            }),
        }
        if depth >= MAX_DEPTH {
            return Err(SyntaxProblem::TooLarge {
                limit: MAX_DEPTH,
                unit: "levels",
                span,
            });
        }
        self.weight += NODE_WEIGHT;
        let node = Node {
            span,
            value,
            weight,
            depth: depth + 1,
        };
        self.close(node, open.anchor)
    }

    fn close(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxProblem> {
        self.check_weight(node.span)?;
        let (node, span) = (Arc::new(node), node_span(&self.open));
        if anchor > 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        let span = span.unwrap_or(node.span);
        self.attach(node, span)
    }

    /// Puts a finished node where it belongs: into the innermost open collection, or among the documents.
    fn attach(&mut self, node: Arc<Node>, span: Span) -> Result<(), SyntaxProblem> {
        let Some(open) = self.open.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        match &mut open.kind {
            OpenKind::Sequence(items) => items.push(node),
            OpenKind::Mapping(mapping) => match mapping.key.take() {
                Some(key) => mapping.entries.push(Entry { key, value: node }),
                None => mapping.key = Some(mapping.read_key(&node, span, self.problems)?),
            },
        }
        Ok(())
    }

    /// Replaces `<<` by the entries that it brings, where the mapping has none of its own.
    fn merge(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, SyntaxProblem> {
        let (merges, mut own): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|entry| entry.key.text == "<<");
        if merges.is_empty() {
            return Ok(own);
        }
        let mut known: HashSet<String> = own.iter().map(|entry| entry.key.text.clone()).collect();
        for merge in merges {
            let parts = match &merge.value.value {
                Value::Sequence(parts) => parts.iter().collect(),
                _ => vec![&merge.value],
            };
            for part in parts {
                let Value::Mapping(brought) = &part.value else {
                    return Err(SyntaxProblem::BadMerge {
                        span: merge.key.span,
                    });
                };
                for entry in brought {
                    if known.insert(entry.key.text.clone()) {
                        own.push(entry.clone());
                    }
                }
            }
        }
        Ok(own)
    }
}

impl Mapping {
    /// Takes `node` for the next key. One that is there already is noted.
    fn read_key(
        &mut self,
        node: &Node,
        span: Span,
        problems: &Problems,
    ) -> Result<Arc<Key>, SyntaxProblem> {
        let Value::Scalar { text, .. } = &node.value else {
            return Err(SyntaxProblem::KeyNotText { span });
        };
        match self.places.get(text) {
            Some(first) => problems.push(SyntaxProblem::DuplicateKey {
                key: text.clone(),
                span: node.span,
                first: Some(*first),
            }),
            None => {
                self.places.insert(text.clone(), node.span);
            }
        }
        Ok(Arc::new(Key {
            text: text.clone(),
            span: node.span,
            field: OnceLock::new(),
        }))
    }
}

/// The place of the innermost open collection.
fn node_span(open: &[Open]) -> Option<Span> {
    open.last().map(|open| open.span)
}

#[cfg(test)]
mod tests;
