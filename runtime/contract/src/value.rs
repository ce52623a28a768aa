//! Values of params and results: a string, an array of strings or an object of strings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};

use cap_std::fs::{Dir, OpenOptions};
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

    /// What a file holds that is this value: a string is its bytes, an array or an object is JSON, as Tekton reads results.
    ///
    /// # Errors
    ///
    /// It has no JSON form.
    pub fn to_text(&self) -> serde_json::Result<Cow<'_, str>> {
        match self {
            Self::String(text) => Ok(Cow::Borrowed(text)),
            value => serde_json::to_string(value).map(Cow::Owned),
        }
    }

    /// Writes it into the file `name` of `dir`, a new one in the place of whatever had that name: a link that a guest made
    /// is removed, never written through.
    ///
    /// # Errors
    ///
    /// The folder cannot be written to, or a folder has that name.
    pub fn keep(&self, dir: &Dir, name: &str) -> io::Result<()> {
        let text = self.to_text()?;
        match dir.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        dir.open_with(name, &options)?.write_all(text.as_bytes())
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

    #[test]
    fn a_file_holds_a_string_as_it_is_and_the_rest_as_json() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        let list = ParamValue::Array(vec!["a".into(), "b".into()]);
        for (value, held) in [
            (ParamValue::from("\"a\""), r#""a""#),
            (list, r#"["a","b"]"#),
        ] {
            value.keep(&dir, "name").unwrap();
            assert_eq!(dir.read_to_string("name").unwrap(), held);
        }
    }

    #[test]
    fn attack_a_link_in_the_place_of_the_file_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        dir.write("other", "untouched").unwrap();
        dir.symlink("other", "name").unwrap();
        ParamValue::from("new").keep(&dir, "name").unwrap();
        assert_eq!(dir.read_to_string("other").unwrap(), "untouched");
        assert_eq!(dir.read_to_string("name").unwrap(), "new");
    }
}
