//! The params of a reference, read by name. It does not know which resolver wants which.

use stepwell_contract::ParamValue;
use stepwell_registry::words::quoted;

use crate::{error::ParamError, fetcher::Wanted};

/// The params of one reference. One that is written twice has its last value, as Tekton reads it; one that nobody asks for
/// is left alone, for other resolvers of that name may have more.
#[derive(Clone, Copy)]
pub(crate) struct Params<'a>(&'a [(String, ParamValue)]);

impl<'a> Params<'a> {
    pub(crate) fn of(wanted: &Wanted<'a>) -> Self {
        Self(wanted.params)
    }

    /// A string, where it is there and not empty.
    pub(crate) fn find(self, name: &'static str) -> Result<Option<&'a str>, ParamError> {
        let value = self.0.iter().rev().find(|(key, _)| key == name);
        match value {
            None => Ok(None),
            Some((_, ParamValue::String(text))) => {
                Ok(Some(text.as_str()).filter(|text| !text.is_empty()))
            }
            Some((_, other)) => Err(ParamError::Type {
                name,
                found: other.param_type(),
            }),
        }
    }

    /// A string that has to be there.
    pub(crate) fn get(self, name: &'static str) -> Result<&'a str, ParamError> {
        self.find(name)?.ok_or(ParamError::Missing(name))
    }
}

/// What is asked for, as a person would say it. A login that somebody wrote into a URL is not repeated.
pub(crate) fn label(wanted: &Wanted<'_>) -> String {
    let params = wanted
        .params
        .iter()
        .filter_map(|(name, value)| match value {
            ParamValue::String(text) => Some(format!(
                "{} `{}`",
                quoted(name),
                quoted(&without_login(text))
            )),
            _ => None,
        });
    let params: Vec<String> = params.collect();
    let resolver = quoted(wanted.resolver);
    match params.as_slice() {
        [] => format!("a {} by the resolver `{resolver}`", wanted.kind),
        params => format!(
            "a {} by the resolver `{resolver}` ({})",
            wanted.kind,
            params.join(", ")
        ),
    }
}

fn without_login(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            match rest[..end].rfind('@') {
                Some(at) => format!("{scheme}://…{}", &rest[at..]),
                None => text.to_owned(),
            }
        }
        None => text.to_owned(),
    }
}

/// How the cache may be used: Tekton's param `cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheMode {
    /// What it holds will do, however old.
    Always,
    /// It is neither asked nor told.
    Never,
    /// What it holds will do while it cannot be out of date, or was got within the last minutes.
    Auto,
}

impl CacheMode {
    pub(crate) fn read(params: Params<'_>) -> Result<Self, ParamError> {
        match params.find("cache")? {
            None | Some("auto") => Ok(Self::Auto),
            Some("always") => Ok(Self::Always),
            Some("never") => Ok(Self::Never),
            Some(other) => Err(ParamError::bad(
                "cache",
                other,
                "it is `always`, `never` or `auto`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(params: &[(String, ParamValue)]) -> Wanted<'_> {
        Wanted {
            kind: "Task",
            resolver: "git",
            params,
        }
    }

    #[test]
    fn the_last_of_a_name_counts_and_an_empty_one_does_not() {
        let params = [
            ("a".to_owned(), "1".into()),
            ("a".to_owned(), "2".into()),
            ("b".to_owned(), "".into()),
            ("c".to_owned(), ParamValue::Array(Vec::new())),
        ];
        let wanted = wanted(&params);
        let params = Params::of(&wanted);
        assert_eq!(params.get("a").unwrap(), "2");
        assert!(matches!(params.get("b"), Err(ParamError::Missing("b"))));
        assert!(matches!(
            params.find("c"),
            Err(ParamError::Type { name: "c", .. })
        ));
        assert_eq!(params.find("d").unwrap(), None);
    }

    #[test]
    fn a_label_repeats_no_login() {
        let params = [
            ("url".to_owned(), "https://me:secret@host/a@b".into()),
            ("revision".to_owned(), "main".into()),
        ];
        assert_eq!(
            label(&wanted(&params)),
            "a Task by the resolver `git` (url `https://…@host/a@b`, revision `main`)"
        );
        assert_eq!(label(&wanted(&[])), "a Task by the resolver `git`");
    }
}
