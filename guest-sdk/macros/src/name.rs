//! Names in documents: how a field is called there, and which names there can be.

use proc_macro2::Span;
use syn::{Error, Ident, LitStr, Result};

/// How the names of fields become names in documents.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Rename {
    /// As they are.
    #[default]
    Not,
    /// With `-` for `_`.
    Kebab,
}

impl Rename {
    /// Reads the value of `rename_all`.
    ///
    /// # Errors
    ///
    /// It is another one.
    pub(crate) fn read(value: &LitStr) -> Result<Self> {
        match value.value().as_str() {
            "kebab-case" => Ok(Self::Kebab),
            _ => Err(Error::new(
                value.span(),
                "the only way to rename all is `kebab-case`",
            )),
        }
    }

    /// What `field` is called in documents.
    pub(crate) fn apply(self, field: &Ident) -> String {
        let name = field.to_string();
        let name = name.strip_prefix("r#").unwrap_or(&name);
        match self {
            Self::Not => name.to_owned(),
            Self::Kebab => name.replace('_', "-"),
        }
    }
}

/// Takes `name` if a param, a result or a workspace can have it. Tekton's rules for results are the narrowest: letters,
/// digits, `-`, `_` and `.`, a letter or digit at its end.
///
/// # Errors
///
/// It cannot.
pub(crate) fn check(name: &str, span: Span) -> Result<()> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let ends = name.ends_with(|c: char| c.is_ascii_alphanumeric());
    match begins && ends && name.chars().all(inner) {
        true => Ok(()),
        false => Err(Error::new(
            span,
            format!(
                "`{name}` is no name in a document: it begins with a letter, goes on with letters, digits, `-`, `_` \
                 and `.`, and ends with a letter or a digit"
            ),
        )),
    }
}

/// Takes `name` if a task can have it.
///
/// # Errors
///
/// It cannot.
pub(crate) fn check_task(name: &str, span: Span) -> Result<()> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (1..=63).contains(&name.len());
    match fits && name.chars().all(inner) && name.starts_with(edge) && name.ends_with(edge) {
        true => Ok(()),
        false => Err(Error::new(
            span,
            format!(
                "`{name}` is no name of a task: lower-case letters, digits and `-`, at most 63, with a letter or digit \
                 at both ends; give it one with `#[stepwell::task(name = \"…\")]`"
            ),
        )),
    }
}
