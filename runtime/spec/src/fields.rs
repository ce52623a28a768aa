//! Reads the fields of a mapping one by one, and says at the end which of them nobody asked for.
//!
//! A mistake is noted and reading goes on: a getter that finds the wrong thing answers as if the field were missing.
//! Keys are matched as Go's JSON decoder matches them, without regard to case (`mountpath` is `mountPath`), and `null`
//! is the same as nothing.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use crate::duration;
use crate::nearest::suggest;
use crate::problem::{FieldProblem, Problems};
use crate::scalar::ScalarKind;
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// Something read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A string of a document.
pub(crate) type Text = At<String>;

/// The fields of one mapping that are still to be read.
pub(crate) struct Fields<'a> {
    owner: &'static str,
    span: Span,
    entries: &'a [Entry],
    taken: Vec<Cell<bool>>,
    known: RefCell<Vec<&'static str>>,
    problems: &'a Problems,
}

impl<'a> Fields<'a> {
    /// The fields of `node`, which is `owner` ("a step"). `None`, and a problem, where it is no mapping.
    pub(crate) fn open(
        node: &'a Node,
        owner: &'static str,
        problems: &'a Problems,
    ) -> Option<Self> {
        let entries: &[Entry] = match &node.value {
            Value::Mapping(entries) => entries,
            _ => {
                wrong_type(problems, owner.to_owned(), node, "a mapping");
                return None;
            }
        };
        Some(Self {
            owner,
            span: node.span,
            entries,
            taken: vec![Cell::new(false); entries.len()],
            known: RefCell::default(),
            problems,
        })
    }

    /// Where the mapping stands.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Whether the mapping has no entry at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A field as it is; `None` where it is missing or null.
    pub(crate) fn take(&self, name: &'static str) -> Option<&'a Entry> {
        self.take_even_null(name)
            .filter(|entry| !entry.value.is_null())
    }

    /// A field as it is, for one that can be null and mean it.
    pub(crate) fn take_even_null(&self, name: &'static str) -> Option<&'a Entry> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&name) {
            known.push(name);
        }
        let mut found: Option<&Entry> = None;
        for (entry, taken) in self.entries.iter().zip(&self.taken) {
            if !entry.key.text.eq_ignore_ascii_case(name) {
                continue;
            }
            taken.set(true);
            // A key that is written twice in the same way was found by the reader of YAML.
            if let Some(first) = found.filter(|first| first.key.text != entry.key.text) {
                self.problems.push(FieldProblem::DuplicateName {
                    what: "fields",
                    name: name.to_owned(),
                    help: "upper and lower case make no difference here; keep one of the two"
                        .to_owned(),
                    span: entry.key.span,
                    first: Some(first.key.span),
                });
            }
            if entry.key.text != name {
                let _ = entry.key.field.set(name);
            }
            found = found.or(Some(entry));
        }
        found
    }

    /// A field that must be there.
    pub(crate) fn need(&self, name: &'static str) -> Option<&'a Entry> {
        let entry = self.take(name);
        if entry.is_none() {
            self.missing(name);
        }
        entry
    }

    /// Notes that a field must be there and is not.
    pub(crate) fn missing(&self, field: &'static str) {
        self.problems.push(FieldProblem::MissingField {
            owner: self.owner,
            field,
            span: self.span,
        });
    }

    /// A string.
    pub(crate) fn text(&self, name: &'static str) -> Option<Text> {
        text(&self.take(name)?.value, name, self.problems)
    }

    /// A string; `None` also where it is empty, which Go cannot tell from missing.
    pub(crate) fn word(&self, name: &'static str) -> Option<Text> {
        self.text(name).filter(|text| !text.value.is_empty())
    }

    /// A string that must be there and say something.
    pub(crate) fn need_text(&self, name: &'static str) -> Option<Text> {
        let read = text(&self.need(name)?.value, name, self.problems)?;
        if read.value.is_empty() {
            self.problems.push(FieldProblem::BadValue {
                field: name.to_owned(),
                value: String::new(),
                expected: "a text that is not empty".to_owned(),
                span: read.span,
            });
            return None;
        }
        Some(read)
    }

    /// A boolean; `false` where it is missing.
    pub(crate) fn flag(&self, name: &'static str) -> bool {
        let Some(entry) = self.take(name) else {
            return false;
        };
        if let Value::Scalar {
            kind: ScalarKind::Bool,
            text,
        } = &entry.value.value
        {
            return text == "true";
        }
        wrong_type(self.problems, quoted(name), &entry.value, "a boolean");
        false
    }

    /// A whole number that is not negative.
    pub(crate) fn number(&self, name: &'static str) -> Option<At<u32>> {
        let value = &self.take(name)?.value;
        let Value::Scalar {
            kind: ScalarKind::Number,
            text,
        } = &value.value
        else {
            wrong_type(self.problems, quoted(name), value, "a number");
            return None;
        };
        let number = text.parse().ok();
        if number.is_none() {
            self.problems.push(FieldProblem::BadValue {
                field: name.to_owned(),
                value: text.clone(),
                expected: "a whole number that is not negative".to_owned(),
                span: value.span,
            });
        }
        number.map(|number| At {
            value: number,
            span: value.span,
        })
    }

    /// A duration as Go writes it.
    pub(crate) fn duration(&self, name: &'static str) -> Option<At<Duration>> {
        let text = self.text(name)?;
        let duration = duration::parse(&text.value);
        if duration.is_none() {
            self.problems.push(FieldProblem::BadValue {
                field: name.to_owned(),
                value: text.value,
                expected: "a duration such as `30s`, `5m` or `1h30m`".to_owned(),
                span: text.span,
            });
        }
        duration.map(|value| At {
            value,
            span: text.span,
        })
    }

    /// A field as a node of its own, to be kept as it is.
    pub(crate) fn node(&self, name: &'static str) -> Option<Arc<Node>> {
        self.take(name).map(|entry| Arc::clone(&entry.value))
    }

    /// A field that v1beta1 calls `older`; it goes on under its new name.
    pub(crate) fn take_renamed(
        &self,
        name: &'static str,
        older: &'static str,
    ) -> Option<&'a Entry> {
        let entry = self.take(name);
        let old = self.take(older);
        // A suggestion for a mistyped field is of today's.
        self.known.borrow_mut().retain(|known| *known != older);
        if let Some(old) = old {
            let _ = old.key.field.set(name);
        }
        entry.or(old)
    }

    /// What `read` makes of the mapping in a field.
    pub(crate) fn one<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a Arc<Node>, &Problems) -> Option<T>,
    ) -> Option<T> {
        read(&self.take(name)?.value, self.problems)
    }

    /// What `read` makes of each item of a list; those that it makes nothing of are left out.
    pub(crate) fn each<T>(
        &self,
        name: &'static str,
        read: impl Fn(&'a Arc<Node>, &Problems) -> Option<T>,
    ) -> Vec<T> {
        let items = self.list(name);
        // Collected, a list of one would keep room for four: kilobytes a task.
        let mut each = Vec::with_capacity(items.len());
        each.extend(items.iter().filter_map(|item| read(item, self.problems)));
        each
    }

    /// A list; empty where it is missing.
    pub(crate) fn list(&self, name: &'static str) -> &'a [Arc<Node>] {
        match self.take(name) {
            Some(entry) => list(&entry.value, name, self.problems),
            None => &[],
        }
    }

    /// A list of strings.
    pub(crate) fn texts(&self, name: &'static str) -> Vec<Text> {
        self.list(name)
            .iter()
            .filter_map(|item| text(item, name, self.problems))
            .collect()
    }

    /// A mapping from words to strings, in the order written.
    pub(crate) fn text_map(&self, name: &'static str) -> Vec<(Text, Text)> {
        let Some(entry) = self.take(name) else {
            return Vec::new();
        };
        entries(&entry.value, name, self.problems)
            .iter()
            .filter_map(|entry| {
                let key = At {
                    value: entry.key.text.clone(),
                    span: entry.key.span,
                };
                Some((key, text(&entry.value, &entry.key.text, self.problems)?))
            })
            .collect()
    }

    /// Fields that exist and make no difference to a run here.
    pub(crate) fn ignore(&self, names: &[&'static str]) {
        for name in names {
            self.take(name);
        }
    }

    /// Notes every field that nobody asked for.
    pub(crate) fn finish(self) {
        let known = self.known.into_inner();
        for (entry, taken) in self.entries.iter().zip(&self.taken) {
            if taken.get() {
                continue;
            }
            self.problems.push(FieldProblem::UnknownField {
                owner: self.owner,
                field: entry.key.text.clone(),
                help: suggest(&entry.key.text, &known, "fields"),
                span: entry.key.span,
            });
        }
    }
}

/// `node` as a string. Kubernetes takes no number and no boolean for one.
pub(crate) fn text(node: &Node, field: &str, problems: &Problems) -> Option<Text> {
    match &node.value {
        Value::Scalar {
            kind: ScalarKind::Text,
            text,
        } => Some(At {
            value: text.clone(),
            span: node.span,
        }),
        _ => {
            wrong_type(problems, quoted(field), node, "a string");
            None
        }
    }
}

/// `node` as a list; empty, and a problem, where it is none.
pub(crate) fn list<'a>(node: &'a Node, field: &str, problems: &Problems) -> &'a [Arc<Node>] {
    match &node.value {
        Value::Sequence(items) => items,
        _ => {
            wrong_type(problems, quoted(field), node, "a list");
            &[]
        }
    }
}

/// The lines of `node` as a mapping; empty, and a problem, where it is none.
pub(crate) fn entries<'a>(node: &'a Node, field: &str, problems: &Problems) -> &'a [Entry] {
    match &node.value {
        Value::Mapping(entries) => entries,
        _ => {
            wrong_type(problems, quoted(field), node, "a mapping");
            &[]
        }
    }
}

pub(crate) fn quoted(field: &str) -> String {
    format!("`{field}`")
}

pub(crate) fn wrong_type(problems: &Problems, what: String, node: &Node, expected: &'static str) {
    let help = match &node.value {
        Value::Scalar { kind, .. } if *kind != ScalarKind::Text && expected == "a string" => {
            "put quotes around it, so that it is a string on a cluster too".to_owned()
        }
        Value::Scalar { .. } if expected == "a list" => {
            "a list is written as `[a, b]`, or one `- item` a line".to_owned()
        }
        _ => format!("give {expected}"),
    };
    problems.push(FieldProblem::WrongType {
        what,
        found: node.found(),
        expected,
        help,
        span: node.span,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::SpecErrors;
    use crate::source::Sources;
    use crate::yaml;

    fn with_fields<T>(text: &str, read: impl FnOnce(&Fields<'_>) -> T) -> (T, Vec<String>) {
        let mut sources = Sources::new();
        let source = sources.add("t.yaml", text);
        let problems = Problems::default();
        let documents = yaml::read(&sources, source, &problems);
        let fields = Fields::open(&documents[0], "a thing", &problems).unwrap();
        let value = read(&fields);
        fields.finish();
        let errors = SpecErrors::new(sources, problems.into_vec());
        (value, errors.problems().map(ToString::to_string).collect())
    }

    #[test]
    fn keys_match_without_case() {
        let (path, problems) = with_fields("mountpath: /x", |fields| fields.text("mountPath"));
        assert_eq!(path.unwrap().value, "/x");
        assert!(problems.is_empty());
        let (_, problems) = with_fields("a: x\nA: y", |fields| fields.text("a"));
        assert_eq!(problems, ["two fields are called `a`"]);
    }

    #[test]
    fn every_mistake_is_said_in_the_order_of_the_lines() {
        let ((), problems) = with_fields(
            "zeta: 1\nname: 5\nready: ja\nargs: x\nretries: -1\ntimeout: soon",
            |fields| {
                assert_eq!(fields.texts("args"), []);
                assert_eq!(fields.text("name"), None);
                assert!(!fields.flag("ready"));
                fields.need_text("image");
                assert_eq!(fields.number("retries"), None);
                assert_eq!(fields.duration("timeout"), None);
            },
        );
        assert_eq!(
            problems,
            [
                "a thing has no `image`",
                "a thing has no field `zeta`",
                "`name` is a number, not a string",
                "`ready` is a string, not a boolean",
                "`args` is a string, not a list",
                "`-1` is no value for `retries`",
                "`soon` is no value for `timeout`",
            ]
        );
    }

    #[test]
    fn null_is_nothing() {
        let (name, problems) = with_fields("name:\nlist: ~", |fields| {
            (fields.text("name"), fields.list("list").len())
        });
        assert_eq!((name, problems.len()), ((None, 0), 0));
    }
}
