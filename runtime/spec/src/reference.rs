//! Finds references such as `$(params.x[0])` in a text, and takes them apart. What they refer to is decided elsewhere.

use std::ops::Range;

/// A reference of a form that could mean something to Tekton.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    /// With `$(` and `)`.
    pub(crate) text: &'a str,
    pub(crate) range: Range<usize>,
    /// The names between the dots and in the brackets; never empty.
    pub(crate) path: Vec<&'a str>,
    pub(crate) index: Option<Index>,
}

/// The brackets at the end of a reference to an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    /// `[*]`
    All,
    /// `[3]`
    At(usize),
}

/// What a reference is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// `params.NAME`, or `params.NAME.KEY`: a name may hold dots, so both readings are given.
    Param {
        name: String,
        object: Option<(String, String)>,
    },
    /// `workspaces.NAME.PROPERTY`
    Workspace { name: String, property: String },
    /// `results.NAME.path`
    Result(String),
    /// `context.…`, the whole path
    Context(String),
    /// `steps.NAME.exitCode.path`, with the `step-` that stands before the step's name
    ExitCode(String),
    /// `credentials.path`
    Credentials,
    /// Nothing that a Task's step refers to.
    Other,
}

/// The references in `text`, from left to right.
pub(crate) fn find(text: &str) -> impl Iterator<Item = Reference<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(at) = text.get(from..)?.find("$(") {
            let start = from + at;
            let inner_start = start + 2;
            from = inner_start;
            let Some(len) = text[inner_start..].find(')') else {
                continue;
            };
            if let Some((path, index)) = take_apart(&text[inner_start..inner_start + len]) {
                let range = start..inner_start + len + 1;
                from = range.end;
                return Some(Reference {
                    text: &text[range.clone()],
                    range,
                    path,
                    index,
                });
            }
        }
        None
    })
}

fn take_apart(inner: &str) -> Option<(Vec<&str>, Option<Index>)> {
    let (first, mut rest) = split_word(inner)?;
    let mut path = vec![first];
    loop {
        if rest.is_empty() {
            return Some((path, None));
        }
        if let Some(after) = rest.strip_prefix('.') {
            let (word, after) = split_word(after)?;
            path.push(word);
            rest = after;
            continue;
        }
        let (bracket, after) = rest.strip_prefix('[')?.split_once(']')?;
        let quoted = ['\'', '"']
            .into_iter()
            .find_map(|quote| bracket.strip_prefix(quote)?.strip_suffix(quote));
        match quoted {
            Some(word) if !word.is_empty() => path.push(word),
            _ if !after.is_empty() => return None,
            _ if bracket == "*" => return Some((path, Some(Index::All))),
            _ => return Some((path, Some(Index::At(bracket.parse().ok()?)))),
        }
        rest = after;
    }
}

fn split_word(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

impl Reference<'_> {
    /// What the reference is about.
    pub(crate) fn subject(&self) -> Subject {
        match self.path.as_slice() {
            ["params", name @ ..] | ["inputs", "params", name @ ..] if !name.is_empty() => {
                let object = name
                    .split_last()
                    .filter(|(_, name)| !name.is_empty())
                    .map(|(key, name)| (name.join("."), (*key).to_owned()));
                Subject::Param {
                    name: name.join("."),
                    object,
                }
            }
            ["workspaces", name @ .., property] if !name.is_empty() => Subject::Workspace {
                name: name.join("."),
                property: (*property).to_owned(),
            },
            ["results", name @ .., "path"] if !name.is_empty() => Subject::Result(name.join(".")),
            ["context", rest @ ..] if !rest.is_empty() => Subject::Context(rest.join(".")),
            ["steps", step, "exitCode", "path"] => Subject::ExitCode((*step).to_owned()),
            ["credentials", "path"] => Subject::Credentials,
            _ => Subject::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        find(text).map(|reference| reference.text).collect()
    }

    #[test]
    fn references_are_told_from_shell() {
        assert_eq!(
            texts("a=$(cat $(params.x)) $(results.r.path)$(ls) $$(params.y) $(params.z"),
            ["$(params.x)", "$(results.r.path)", "$(ls)", "$(params.y)"]
        );
        assert_eq!(
            texts("$(a b) $() $(.a) $(a.) $(a[) $(a[]) $(a['']) $(a[0]b)"),
            Vec::<&str>::new()
        );
        assert_eq!(texts("ü$(params.a)ü"), ["$(params.a)"]);
    }

    #[test]
    fn every_way_of_writing_is_understood() {
        let subject = |text: &str| {
            find(text)
                .next()
                .map(|found| (found.subject(), found.index))
        };
        let param = |name: &str, object: Option<(&str, &str)>| Subject::Param {
            name: name.to_owned(),
            object: object.map(|(name, key)| (name.to_owned(), key.to_owned())),
        };
        for text in [
            "$(params.x)",
            "$(params['x'])",
            "$(params[\"x\"])",
            "$(inputs.params.x)",
        ] {
            assert_eq!(subject(text), Some((param("x", None), None)), "{text}");
        }
        assert_eq!(
            subject("$(params['a.b'][*])"),
            Some((param("a.b", None), Some(Index::All)))
        );
        assert_eq!(
            subject("$(params.a.b[12])"),
            Some((param("a.b", Some(("a", "b"))), Some(Index::At(12))))
        );
        assert_eq!(
            subject("$(workspaces.src.path)"),
            Some((
                Subject::Workspace {
                    name: "src".to_owned(),
                    property: "path".to_owned()
                },
                None
            ))
        );
        for (text, expected) in [
            ("$(results['a.b'].path)", Subject::Result("a.b".to_owned())),
            (
                "$(context.taskRun.name)",
                Subject::Context("taskRun.name".to_owned()),
            ),
            (
                "$(steps.step-a.exitCode.path)",
                Subject::ExitCode("step-a".to_owned()),
            ),
            ("$(credentials.path)", Subject::Credentials),
            ("$(params)", Subject::Other),
            ("$(ls)", Subject::Other),
        ] {
            assert_eq!(subject(text), Some((expected, None)), "{text}");
        }
        assert_eq!(subject("$(params.x[99999999999999999999999])"), None);
    }
}
