//! A ConfigMap: texts by key.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::secret::read_base64;
use crate::fields::{Fields, Text};
use crate::problem::Problems;

/// What a ConfigMap holds.
#[derive(Debug)]
pub(crate) struct ConfigMap {
    /// `data`
    pub(crate) texts: BTreeMap<String, Arc<str>>,
    /// `binaryData`, decoded. No variable can be set to these.
    pub(crate) bytes: BTreeMap<String, Arc<[u8]>>,
    /// Every key with its place.
    pub(crate) keys: Vec<Text>,
    pub(crate) immutable: bool,
}

impl ConfigMap {
    /// Takes what it holds out of the document's fields.
    pub(crate) fn take(fields: &Fields<'_>, problems: &Problems) -> Self {
        let (texts, bytes) = (fields.text_map("data"), fields.text_map("binaryData"));
        let keys = texts.iter().chain(&bytes);
        Self {
            keys: keys.map(|(key, _)| key.clone()).collect(),
            texts: texts
                .into_iter()
                .map(|(key, value)| (key.value, value.value.into()))
                .collect(),
            bytes: bytes
                .into_iter()
                .filter_map(|(key, value)| {
                    Some((key.value, read_base64("binaryData", &value, problems)?))
                })
                .collect(),
            immutable: fields.flag("immutable"),
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
