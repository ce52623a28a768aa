//! Conversions into the values of params and results.

use std::collections::BTreeMap;

use crate::{ParamType, ParamValue};

impl ParamType {
    /// The word used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl ParamValue {
    /// The type of this value.
    pub fn param_type(&self) -> ParamType {
        match self {
            Self::String(_) => ParamType::String,
            Self::Array(_) => ParamType::Array,
            Self::Object(_) => ParamType::Object,
        }
    }
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for ParamValue {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<String>> for ParamValue {
    fn from(items: Vec<String>) -> Self {
        Self::Array(items)
    }
}

impl From<BTreeMap<String, String>> for ParamValue {
    fn from(entries: BTreeMap<String, String>) -> Self {
        Self::Object(entries.into_iter().collect())
    }
}
