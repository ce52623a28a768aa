//! A ConfigMap: texts by key.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::secret::decode;
use crate::fields::{Fields, Text};
use crate::problem::{FieldProblem, Problems};

/// What a ConfigMap holds.
#[derive(Debug)]
pub(crate) struct ConfigMap {
    /// `data`
    pub(crate) texts: BTreeMap<String, Arc<str>>,
    /// `binaryData`, decoded. No variable can be set to these.
    pub(crate) bytes: BTreeMap<String, Arc<[u8]>>,
    /// Every key of `data` with its place.
    pub(crate) text_keys: Vec<Text>,
    /// Every key of `binaryData` with its place.
    pub(crate) byte_keys: Vec<Text>,
}

impl ConfigMap {
    /// Takes what it holds out of the document's fields.
    pub(crate) fn take(fields: &Fields<'_>, problems: &Problems) -> Self {
        fields.flag("immutable");
        let (texts, bytes) = (fields.text_map("data"), fields.text_map("binaryData"));
        let keys = |pairs: &[(Text, Text)]| pairs.iter().map(|(key, _)| key.clone()).collect();
        Self {
            text_keys: keys(&texts),
            byte_keys: keys(&bytes),
            texts: texts
                .into_iter()
                .map(|(key, value)| (key.value, value.value.into()))
                .collect(),
            bytes: bytes
                .into_iter()
                .filter_map(|(key, value)| {
                    let bytes = decode(&value.value);
                    if bytes.is_none() {
                        problems.push(FieldProblem::NotBase64 {
                            what: format!("the value of `{}` in `binaryData`", key.value),
                            help: "encode the value with `base64 -w0`, or write a text under `data`",
                            span: value.span,
                        });
                    }
                    Some((key.value, bytes?))
                })
                .collect(),
        }
    }

    /// What is in the file that `key` becomes.
    pub(crate) fn file(&self, key: &str) -> Option<Arc<[u8]>> {
        match self.texts.get(key) {
            Some(text) => Some(text.as_bytes().into()),
            None => self.bytes.get(key).cloned(),
        }
    }
}
