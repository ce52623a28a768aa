//! A Secret: bytes by key.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fields::{At, Fields, Text, entries};
use crate::problem::{FieldProblem, Problems};
use crate::scalar::ScalarKind;
use crate::source::Span;
use crate::yaml::{Entry, Value};

/// What a Secret holds.
pub(crate) struct Secret {
    /// `data`, decoded, with `stringData` over it.
    pub(crate) values: BTreeMap<String, Arc<[u8]>>,
    /// Every key, each at the place where the document says who it is.
    pub(crate) keys: Vec<Text>,
    /// `Opaque`, `kubernetes.io/basic-auth` and others.
    pub(crate) kind: Option<Text>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values are nobody's to print.
        f.debug_struct("Secret")
            .field("keys", &self.keys)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Secret {
    /// Takes what it holds out of the document's fields; `place` is where the document says who it is.
    pub(crate) fn take(fields: &Fields<'_>, place: Span, problems: &Problems) -> Self {
        let data = read_pairs(fields, "data", place, problems);
        let texts = read_pairs(fields, "stringData", place, problems);
        fields.flag("immutable");
        let keys = data.iter().chain(&texts).map(|(key, _)| At {
            value: key.clone(),
            span: place,
        });
        let keys = keys.collect();
        let mut values: BTreeMap<String, Arc<[u8]>> = data
            .into_iter()
            .filter_map(|(key, value)| {
                let bytes = decode(&value);
                if bytes.is_none() {
                    problems.push(FieldProblem::NotBase64 {
                        what: format!("the value of `{key}` in a Secret's `data`"),
                        help: "write the value as it is under `stringData`, or encode it with `base64 -w0`",
                        span: place,
                    });
                }
                Some((key, bytes?))
            })
            .collect();
        for (key, value) in texts {
            values.insert(key, value.into_bytes().into());
        }
        Self {
            values,
            keys,
            kind: fields.word("type"),
        }
    }
}

/// Reads a mapping from words to strings. What is wrong with it is said at `place`: a report shows the lines around a
/// mistake, and no value is for showing.
fn read_pairs(
    fields: &Fields<'_>,
    field: &'static str,
    place: Span,
    problems: &Problems,
) -> Vec<(String, String)> {
    let Some(entry) = fields.take(field) else {
        return Vec::new();
    };
    let read = |entry: &Entry| match &entry.value.value {
        Value::Scalar {
            kind: ScalarKind::Text,
            text,
        } => Some((entry.key.text.clone(), text.clone())),
        _ => {
            problems.push(FieldProblem::WrongType {
                what: format!("the value of `{}` in a Secret's `{field}`", entry.key.text),
                found: entry.value.found(),
                expected: "a string",
                help: "put quotes around it, so that it is a string on a cluster too".to_owned(),
                span: place,
            });
            None
        }
    };
    let pairs = entries(&entry.value, field, problems).iter();
    pairs.filter_map(read).collect()
}

/// Decodes base64, in which Go's decoder skips line ends.
pub(crate) fn decode(text: &str) -> Option<Arc<[u8]>> {
    let plain: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    STANDARD.decode(plain).ok().map(Into::into)
}
