//! Reads the artifacts that a step or a task says it used and made: `provenance.json`, Tekton's object with `inputs` and
//! `outputs`.
//!
//! The file is a guest's, and is read as a result is: a regular file, no link, up to a bound.

use cap_std::fs::Dir;
use serde_json::Value;

use crate::results::{Rejection, read_file};

/// The file in a folder of artifacts.
const FILE: &str = "provenance.json";

/// How much it may have: as much as fits into what a cluster stores of a whole object, and far from what would hurt.
const MOST: u64 = 256 << 10;

/// What `dir` has; `None` where nothing was written.
///
/// # Errors
///
/// Why it is not taken, for a person.
pub(crate) fn read(dir: &Dir) -> Result<Option<Value>, String> {
    let refused = |why: &str| format!("the artifacts in `{FILE}` are not taken: {why}");
    let text = read_file(dir, FILE, MOST).map_err(|rejection| match rejection {
        Rejection::TooLarge => refused(&format!("more than {MOST} bytes")),
        Rejection::NotAFile(what) => refused(&format!("the file is {what}")),
        Rejection::NotUtf8 => refused("not UTF-8"),
        Rejection::Unreadable(cause) => refused(&cause),
        Rejection::WrongType { .. } | Rejection::MissingKeys(_) => refused("another type"),
    })?;
    let Some(text) = text else { return Ok(None) };
    // The parser bounds how deep it goes.
    let value: Value = serde_json::from_str(&text).map_err(|error| refused(&error.to_string()))?;
    match is_artifacts(&value) {
        true => Ok(Some(value)),
        false => Err(refused(
            "it has to be an object of `inputs` and `outputs`, lists of objects with a `name` and `values`",
        )),
    }
}

fn is_artifacts(value: &Value) -> bool {
    let Some(members) = value.as_object() else {
        return false;
    };
    members.iter().all(|(key, list)| {
        let list = list.as_array();
        ["inputs", "outputs"].contains(&key.as_str())
            && list.is_some_and(|list| list.iter().all(is_artifact))
    })
}

fn is_artifact(value: &Value) -> bool {
    let values = value.get("values");
    value.get("name").is_some_and(Value::is_string)
        && values.is_none_or(|values| {
            let values = values.as_array();
            values.is_some_and(|values| values.iter().all(Value::is_object))
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use cap_std::ambient_authority;

    use super::*;

    fn of(text: &str) -> Result<Option<Value>, String> {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join(FILE), text).unwrap();
        read(&Dir::open_ambient_dir(temp.path(), ambient_authority()).unwrap())
    }

    #[test]
    fn inputs_and_outputs_are_taken_as_they_are() {
        let text = r#"{"inputs":[{"name":"src","values":[{"uri":"u","digest":{"sha1":"x"}}]}],"outputs":[]}"#;
        assert_eq!(of(text).unwrap().unwrap().to_string(), text);
        assert_eq!(of("{}").unwrap(), Some(serde_json::json!({})));
    }

    #[test]
    fn attack_what_is_no_artifacts_is_not_taken() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let large = format!(r#"{{"inputs":[{{"name":"{}"}}]}}"#, "x".repeat(300 << 10));
        for text in [
            "",
            "[]",
            r#"{"inputs":{}}"#,
            r#"{"other":[]}"#,
            r#"{"outputs":[{"name":1}]}"#,
            r#"{"outputs":[{"name":"a","values":"b"}]}"#,
            r#"{"outputs":[{"name":"a","values":["b"]}]}"#,
            &deep,
            &large,
        ] {
            let why = of(text).unwrap_err();
            assert!(why.len() < 300, "{why}");
        }
    }

    #[test]
    fn attack_a_link_to_another_file_is_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temp.path(), ambient_authority()).unwrap();
        assert_eq!(read(&dir), Ok(None));
        std::fs::write(temp.path().join("other"), "{}").unwrap();
        symlink("other", temp.path().join(FILE)).unwrap();
        assert!(read(&dir).unwrap_err().contains("a symbolic link"));
    }
}
