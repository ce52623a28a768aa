//! Makes the values of Secrets unreadable in what is kept of a run.
//!
//! What a step prints and leaves behind is masked before it becomes an event. This is for the documents themselves, in
//! which the same value may stand a second time, say as a param.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Finds secrets. The default finds none.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    secrets: Option<AhoCorasick>,
}

impl Mask {
    /// Finds each of `secrets`, and of one with several lines each line; white space around them counts for nothing. A
    /// list that is too long to be searched for is an error of whoever made it.
    ///
    /// # Errors
    ///
    /// That the secrets are too many, or too long together.
    pub fn new(secrets: &[Arc<str>]) -> Result<Self, TooManySecrets> {
        let mut wanted: Vec<&str> = secrets
            .iter()
            .flat_map(|secret| std::iter::once(&**secret).chain(secret.lines()))
            .map(str::trim)
            .filter(|secret| !secret.is_empty())
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let secrets = AhoCorasick::builder()
            // Of two that begin alike the longer one, or its end would stay.
            .match_kind(MatchKind::LeftmostLongest)
            .build(wanted)
            .map_err(TooManySecrets)?;
        Ok(Self {
            secrets: Some(secrets),
        })
    }

    /// Masks every string of `value`, at any depth. Keys are left: they come from the shape of a document.
    pub(crate) fn value(&self, value: &mut Value) {
        let Some(secrets) = &self.secrets else {
            return;
        };
        // No recursion: a document may be nested as deeply as its reader allows.
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) if secrets.is_match(text.as_str()) => {
                    let masks = vec![MASK; secrets.patterns_len()];
                    *text = secrets.replace_all(text, &masks);
                }
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values_mut()),
                _ => {}
            }
        }
    }
}

/// The secrets of a run are more than can be searched for.
#[derive(Debug, thiserror::Error)]
#[error("failed to prepare the masking of secrets")]
pub struct TooManySecrets(#[source] aho_corasick::BuildError);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(secrets: &[&str], mut value: Value) -> Value {
        let secrets: Vec<Arc<str>> = secrets.iter().map(|secret| (*secret).into()).collect();
        Mask::new(&secrets).unwrap().value(&mut value);
        value
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        let value = json!({"a": ["x hunter2 y", {"b": "hunter2"}], "hunter2": 1});
        let expected = json!({"a": ["x *** y", {"b": "***"}], "hunter2": 1});
        assert_eq!(masked(&["hunter2\n"], value), expected);
    }

    #[test]
    fn the_longer_of_two_secrets_counts_and_lines_are_masked_alone() {
        let value = json!("abcdef key-1 key-2");
        assert_eq!(
            masked(&["abc", "abcdef", "key-1\nkey-2\n"], value),
            "*** *** ***"
        );
    }

    #[test]
    fn blank_secrets_mask_nothing() {
        assert_eq!(masked(&["", " \n"], json!("a b")), "a b");
    }
}
