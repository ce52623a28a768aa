//! Makes the values of Secrets unreadable in what is kept of a run.
//!
//! What a step prints and leaves behind is masked before it becomes an event. This is for the documents themselves, in
//! which the same value may stand a second time, say as a param.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use serde_json::Value;
use stepwell_contract::secret::{self, MASK};

/// Finds secrets. The default finds none.
#[derive(Clone, Default)]
pub struct Mask {
    secrets: Option<AhoCorasick>,
}

impl std::fmt::Debug for Mask {
    /// Shows nothing of what is masked.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    /// Finds each of `secrets`, each of its lines, and all of it in base64: what is masked in events too.
    ///
    /// # Errors
    ///
    /// That the secrets are too many, or too long together.
    pub fn new(secrets: &[Arc<str>]) -> Result<Self, TooManySecrets> {
        let wanted = secret::spellings(secrets);
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let secrets = AhoCorasick::new(wanted).map_err(TooManySecrets)?;
        Ok(Self {
            secrets: Some(secrets),
        })
    }

    /// Whether it finds nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.secrets.is_none()
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
                Value::String(text) => {
                    if let Some(masked) = masked(secrets, text) {
                        *text = masked;
                    }
                }
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values_mut()),
                _ => {}
            }
        }
    }
}

/// The text with all that any secret covers masked; `None` where there is none in it.
fn masked(secrets: &AhoCorasick, text: &str) -> Option<String> {
    let mut covered: Vec<Range<usize>> = Vec::new();
    for found in secrets.find_overlapping_iter(text) {
        let mut part = found.range();
        while let Some(last) = covered.pop_if(|last| last.end >= part.start) {
            part.start = part.start.min(last.start);
        }
        covered.push(part);
    }
    if covered.is_empty() {
        return None;
    }
    let mut out = String::new();
    let mut kept = 0;
    for part in covered {
        out += &text[kept..part.start];
        out += MASK;
        kept = part.end;
    }
    Some(out + &text[kept..])
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
    fn what_two_secrets_cover_is_masked_as_one() {
        assert_eq!(masked(&["abcd", "cdef"], json!("x abcdef y")), "x *** y");
        assert_eq!(masked(&["abc", "abcdef"], json!("abcdef abc")), "*** ***");
        assert_eq!(masked(&["é€"], json!("é€é€ €é")), "*** €é");
    }

    #[test]
    fn lines_that_say_something_are_masked_alone_and_brackets_are_not() {
        let secret = "key-1\n}\nkey-2\n";
        assert_eq!(masked(&[secret], json!("key-1 } key-2")), "*** } ***");
        assert_eq!(masked(&["pin"], json!("a pin")), "a ***");
    }

    #[test]
    fn attack_a_secret_is_written_in_base64() {
        let value = json!("Basic aHVudGVyMg== aHVudGVyMg");
        assert_eq!(masked(&["hunter2"], value), "Basic ***== ***");
    }

    #[test]
    fn blank_secrets_mask_nothing() {
        assert_eq!(masked(&["", "\n"], json!("a\nb")), "a\nb");
        assert_eq!(
            format!("{:?}", Mask::new(&["hunter2".into()]).unwrap()),
            "Mask"
        );
    }
}
