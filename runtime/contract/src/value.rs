//! Values of params and results: a string, an array of strings or an object of strings.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of a param or a result (Tekton's `ParamType` and `ResultsType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// One string; the default.
    #[default]
    String,
    /// A list of strings.
    Array,
    /// A map from strings to strings.
    Object,
}

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

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The value of a param or a result. Serialises as a bare JSON string, array or object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// One string.
    String(String),
    /// A list of strings, in order.
    Array(Vec<String>),
    /// A map from strings to strings; printed in the order of its keys.
    Object(BTreeMap<String, String>),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_form_is_bare() {
        let values = [
            (ParamValue::from("a"), r#""a""#),
            (
                ParamValue::Array(vec!["a".into(), "b".into()]),
                r#"["a","b"]"#,
            ),
            (
                ParamValue::Object([("k".to_owned(), "v".to_owned())].into()),
                r#"{"k":"v"}"#,
            ),
        ];
        for (value, json) in values {
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<ParamValue>(json).unwrap(), value);
        }
    }
}
