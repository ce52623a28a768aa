//! The rules that names follow, as Tekton and Kubernetes check them.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::fields::Text;
use crate::problem::{FieldProblem, Problems};

/// A rule for names: what it names, a test, and the rule in words.
pub(crate) struct Rule {
    what: &'static str,
    holds: fn(&str) -> bool,
    words: &'static str,
}

/// `metadata.name`.
pub(crate) const DOCUMENT: Rule = Rule {
    what: "a document",
    holds: |name| name.len() <= 63 && name.split('.').all(is_label),
    words: "at most 63 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends",
};

/// `metadata.name` of what is not Tekton's, which may be longer.
pub(crate) const OBJECT: Rule = Rule {
    what: "a document",
    holds: |name| name.len() <= 253 && name.split('.').all(is_label),
    words: "at most 253 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends",
};

/// `metadata.generateName`, to which a suffix is added.
pub(crate) const DOCUMENT_PREFIX: Rule = Rule {
    what: "a document",
    holds: |name| !name.is_empty() && (DOCUMENT.holds)(&format!("{}x", shorten(name))),
    words: "lower-case letters, digits, `-` and `.`, with a letter or digit at the start",
};

/// A step's name.
pub(crate) const STEP: Rule = Rule {
    what: "a step",
    holds: |name| name.len() <= 63 && is_label(name),
    words: "at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends",
};

/// A sidecar's name.
pub(crate) const SIDECAR: Rule = Rule {
    what: "a sidecar",
    ..STEP
};

/// A volume's name.
pub(crate) const VOLUME: Rule = Rule {
    what: "a volume",
    ..STEP
};

/// The name of a Pipeline's task.
pub(crate) const PIPELINE_TASK: Rule = Rule {
    what: "a pipeline task",
    ..STEP
};

/// A key of a ConfigMap or a Secret.
pub(crate) const DATA_KEY: Rule = Rule {
    what: "a key of a ConfigMap or Secret",
    holds: |key| {
        !key.is_empty()
            && key.len() <= 253
            && !matches!(key, "." | "..")
            && key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    },
    words: "at most 253 letters, digits, `-`, `_` and `.`",
};

/// A param's name.
pub(crate) const PARAM: Rule = Rule {
    what: "a param",
    holds: |name| is_word(name, "-_."),
    words: "letters, digits, `_`, `-` and `.`, with a letter or `_` at the start",
};

/// The name of an object param.
pub(crate) const OBJECT_PARAM: Rule = Rule {
    what: "an object param",
    holds: |name| is_word(name, "-_"),
    words: "letters, digits, `_` and `-`, with a letter or `_` at the start; a `.` would look like a key",
};

/// A key of an object param.
pub(crate) const OBJECT_KEY: Rule = Rule {
    what: "a key of an object",
    ..OBJECT_PARAM
};

/// A result's name.
pub(crate) const RESULT: Rule = Rule {
    what: "a result",
    holds: |name| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric())
    },
    words: "letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
};

/// A workspace's name, which is also the name of its folder.
pub(crate) const WORKSPACE: Rule = Rule {
    what: "a workspace",
    holds: |name| {
        name.len() <= 63
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    },
    words: "at most 63 letters, digits, `-`, `_` and `.`, with a letter, digit or `_` at the start",
};

/// The name of an environment variable.
pub(crate) const ENVIRONMENT: Rule = Rule {
    what: "an environment variable",
    holds: |name| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || "-_.".contains(c))
    },
    words: "letters, digits, `_`, `-` and `.`, with no digit at the start",
};

fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(inner) && name.ends_with(inner) && name.chars().all(|c| inner(c) || c == '-')
}

fn is_word(name: &str, beside: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || beside.contains(c))
}

/// The part of a `generateName` that Kubernetes keeps, so that five more characters fit.
pub(crate) fn shorten(prefix: &str) -> &str {
    prefix.get(..58).unwrap_or(prefix)
}

impl Rule {
    /// Whether `name` follows the rule.
    pub(crate) fn allows(&self, name: &str) -> bool {
        (self.holds)(name)
    }

    /// Notes a name that breaks the rule.
    pub(crate) fn check(&self, name: &Text, problems: &Problems) {
        if !self.allows(&name.value) {
            problems.push(FieldProblem::BadName {
                what: self.what,
                name: name.value.clone(),
                rule: self.words,
                span: name.span,
            });
        }
    }
}

/// Whether two names that differ only in case are the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// They are two.
    Matters,
    /// They are one, as params are to Tekton.
    Ignored,
}

/// Notes every name that was there before. `same` says when two names are one.
pub(crate) fn check_unique<'a>(
    names: impl IntoIterator<Item = &'a Text>,
    what: &'static str,
    help: &'static str,
    case: Case,
    problems: &Problems,
) {
    let mut seen: HashMap<Cow<'a, str>, &Text> = HashMap::new();
    for name in names {
        let key = match case {
            Case::Matters => Cow::Borrowed(name.value.as_str()),
            Case::Ignored => Cow::Owned(name.value.to_ascii_lowercase()),
        };
        match seen.get(&key) {
            Some(first) => problems.push(FieldProblem::DuplicateName {
                what,
                name: name.value.clone(),
                help: help.to_owned(),
                span: name.span,
                first: Some(first.span).filter(|span| span.source == name.span.source),
            }),
            None => {
                seen.insert(key, name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rules() {
        let long = "a".repeat(64);
        for (rule, good, bad) in [
            (&STEP, ["a", "a-1", "0"], ["A", "a.b", &long]),
            (&DOCUMENT, ["a.b", "x1", "a-b"], ["a..b", "", "-a"]),
            (&DOCUMENT_PREFIX, ["a-", "a.", &long], ["", "-a", "A"]),
            (&PARAM, ["a.b", "_x", "A-1"], ["1a", "", "a b"]),
            (&OBJECT_PARAM, ["a-b", "_", "Z9"], ["a.b", "é", "-a"]),
            (&RESULT, ["a.b_c", "1", "a-b"], ["-a", "a.", ""]),
            (&WORKSPACE, ["src", "_a", "a.b"], [".", "..", "a/b"]),
            (&DATA_KEY, ["a.b", "_", "A-1"], ["..", "a/b", ""]),
            (&ENVIRONMENT, ["PATH", "a.b", "-x"], ["1A", "", "A=B"]),
        ] {
            for name in good {
                assert!(rule.allows(name), "{} {name}", rule.what);
            }
            for name in bad {
                assert!(!rule.allows(name), "{} {name}", rule.what);
            }
        }
    }
}
