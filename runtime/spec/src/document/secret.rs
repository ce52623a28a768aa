//! A Secret: bytes by key.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fields::{Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::source::Span;

/// What a Secret holds.
pub(crate) struct Secret {
    /// `data`, decoded, with `stringData` over it.
    pub(crate) values: BTreeMap<String, Arc<[u8]>>,
    /// Every key with its place.
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
        let (data, texts) = (fields.text_map("data"), fields.text_map("stringData"));
        fields.flag("immutable");
        let keys = data.iter().chain(&texts).map(|(key, _)| key.clone());
        let keys = keys.collect();
        let mut values: BTreeMap<String, Arc<[u8]>> = data
            .into_iter()
            .filter_map(|(key, value)| {
                let bytes = decode(&value.value);
                if bytes.is_none() {
                    // The place is the Secret's: a report shows the lines around it, and no value is for showing.
                    problems.push(FieldProblem::NotBase64 {
                        what: format!("the value of `{}` in a Secret's `data`", key.value),
                        help: "write the value as it is under `stringData`, or encode it with `base64 -w0`",
                        span: place,
                    });
                }
                Some((key.value, bytes?))
            })
            .collect();
        for (key, value) in texts {
            values.insert(key.value, value.value.into_bytes().into());
        }
        Self {
            values,
            keys,
            kind: fields.word("type"),
        }
    }
}

/// Decodes base64, in which Go's decoder skips line ends.
pub(crate) fn decode(text: &str) -> Option<Arc<[u8]>> {
    let plain: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    STANDARD.decode(plain).ok().map(Into::into)
}
