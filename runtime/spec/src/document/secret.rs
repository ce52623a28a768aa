//! A Secret: bytes by key.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fields::{Fields, Text};
use crate::problem::{FieldProblem, Problems};

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
    /// Takes what it holds out of the document's fields.
    pub(crate) fn take(fields: &Fields<'_>, problems: &Problems) -> Self {
        let (data, texts) = (fields.text_map("data"), fields.text_map("stringData"));
        fields.flag("immutable");
        let keys = data.iter().chain(&texts).map(|(key, _)| key.clone());
        let keys = keys.collect();
        let mut values: BTreeMap<String, Arc<[u8]>> = data
            .into_iter()
            .filter_map(|(key, value)| Some((key.value, read_base64("data", &value, problems)?)))
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

/// Decodes the value of a key. The message does not repeat it: it may be a secret.
pub(crate) fn read_base64(
    field: &'static str,
    text: &Text,
    problems: &Problems,
) -> Option<Arc<[u8]>> {
    // Go's decoder skips line ends.
    let plain: String = text
        .value
        .chars()
        .filter(|c| !matches!(c, '\n' | '\r'))
        .collect();
    match STANDARD.decode(plain) {
        Ok(bytes) => Some(bytes.into()),
        Err(_) => {
            problems.push(FieldProblem::NotBase64 {
                field,
                help: match field {
                    "data" => "write the value as it is under `stringData`, or encode it with `base64 -w0`",
                    _ => "encode the value with `base64 -w0`, or write a text under `data`",
                },
                span: text.span,
            });
            None
        }
    }
}
