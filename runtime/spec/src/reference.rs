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
    /// `step.results.NAME.path`, of the step that it stands in
    StepResultPath(String),
    /// `steps.STEP.results.NAME`, with a key of an object
    StepResult(ResultRef),
    /// `tasks.TASK.results.NAME`, with a key of an object; also `finally.TASK.…`
    TaskResult(ResultRef),
    /// `tasks.TASK.status`
    TaskStatus(String),
    /// `tasks.TASK.reason`
    TaskReason(String),
    /// `tasks.status`
    AggregateStatus,
    /// `tasks.TASK.matrix.length`, or with `RESULT` before `length`
    MatrixLength {
        task: String,
        result: Option<String>,
    },
    /// `tasks.TASK.outputs.NAME`, or `inputs`; without a name the first
    TaskArtifact(ArtifactRef),
    /// `steps.STEP.outputs.NAME`, or `inputs`; without a name the first
    StepArtifact(ArtifactRef),
    /// `step.artifacts.path`
    StepArtifactsPath,
    /// `artifacts.path`
    ArtifactsPath,
    /// `context.…`, the whole path
    Context(String),
    /// `steps.NAME.exitCode.path`, with the `step-` that stands before the step's name
    ExitCode(String),
    /// `credentials.path`
    Credentials,
    /// Nothing that Tekton knows.
    Other,
}

/// A result of a task or a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResultRef {
    /// The task or the step.
    pub(crate) of: String,
    pub(crate) name: String,
    /// The key of an object; a name may hold dots, so `name.key` may also be the name.
    pub(crate) key: Option<String>,
}

/// An artifact of a task or a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArtifactRef {
    /// The task or the step.
    pub(crate) of: String,
    /// Whether it is an output, and not an input.
    pub(crate) output: bool,
    /// Which; the first where there is none.
    pub(crate) name: Option<String>,
}

/// The references in `text`, from left to right. None holds the start of another, so that no byte is looked at for more
/// than one of them.
pub(crate) fn find(text: &str) -> impl Iterator<Item = Reference<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(at) = text.get(from..)?.find("$(") {
            let start = from + at;
            let inner_start = start + 2;
            from = inner_start;
            let inner = &text[inner_start..];
            let inner = inner.find("$(").map_or(inner, |next| &inner[..next]);
            let Some(len) = inner.find(')') else {
                continue;
            };
            if let Some((path, index)) = take_apart(&inner[..len]) {
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
            ["step", "results", name @ .., "path"] if !name.is_empty() => {
                Subject::StepResultPath(name.join("."))
            }
            ["step", "artifacts", "path"] => Subject::StepArtifactsPath,
            ["artifacts", "path"] => Subject::ArtifactsPath,
            ["steps", step, "exitCode", "path"] => Subject::ExitCode((*step).to_owned()),
            ["steps", step, "results", name @ ..] if !name.is_empty() => {
                Subject::StepResult(ResultRef::new(step, name))
            }
            ["steps", step, direction @ ("inputs" | "outputs"), name @ ..] => {
                Subject::StepArtifact(ArtifactRef::new(step, direction, name))
            }
            ["tasks", "status"] => Subject::AggregateStatus,
            ["tasks", task, "status"] => Subject::TaskStatus((*task).to_owned()),
            ["tasks", task, "reason"] => Subject::TaskReason((*task).to_owned()),
            ["tasks", task, "matrix", result @ .., "length"] => Subject::MatrixLength {
                task: (*task).to_owned(),
                result: Some(result.join(".")).filter(|result| !result.is_empty()),
            },
            ["tasks" | "finally", task, "results", name @ ..] if !name.is_empty() => {
                Subject::TaskResult(ResultRef::new(task, name))
            }
            ["tasks", task, direction @ ("inputs" | "outputs"), name @ ..] => {
                Subject::TaskArtifact(ArtifactRef::new(task, direction, name))
            }
            ["credentials", "path"] => Subject::Credentials,
            _ => Subject::Other,
        }
    }
}

impl ResultRef {
    fn new(of: &str, name: &[&str]) -> Self {
        let (name, key) = match name {
            [name] => ((*name).to_owned(), None),
            [name @ .., key] => (name.join("."), Some((*key).to_owned())),
            [] => (String::new(), None),
        };
        Self {
            of: of.to_owned(),
            name,
            key,
        }
    }

    /// What `get` knows under the name alone, or else under the name and the key together.
    pub(crate) fn look_up<T>(&self, get: impl Fn(&str) -> Option<T>) -> Option<(T, Option<&str>)> {
        let alone = get(&self.name).map(|found| (found, self.key.as_deref()));
        alone.or_else(|| {
            let whole = format!("{}.{}", self.name, self.key.as_deref()?);
            get(&whole).map(|found| (found, None))
        })
    }
}

impl ArtifactRef {
    fn new(of: &str, direction: &str, name: &[&str]) -> Self {
        Self {
            of: of.to_owned(),
            output: direction == "outputs",
            name: Some(name.join(".")).filter(|name| !name.is_empty()),
        }
    }
}

/// Whether there may be a reference in `text` at all.
pub(crate) fn is_in(text: &str) -> bool {
    text.contains("$(")
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
    fn brackets_may_hold_what_a_word_may_not() {
        for text in [
            "$(params['a b'])",
            "$(params[\"a$b\"])",
            "$(params['a(b'][0])",
        ] {
            assert_eq!(texts(text), [text]);
        }
        assert_eq!(texts("$(params['a $(params.b)'])"), ["$(params.b)"]);
    }

    #[test]
    fn attack_references_that_never_end_are_read_once() {
        const COUNT: usize = 4 << 20;
        for start in ["$(", "$(a[\"", "$(a.b"] {
            let open = start.repeat(COUNT / start.len());
            for end in ["", ")", "'])"] {
                let text = format!("{open}{end}");
                assert!(find(&text).count() <= 1, "{start}…{end}");
            }
        }
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
            ("$(step.artifacts.path)", Subject::StepArtifactsPath),
            ("$(artifacts.path)", Subject::ArtifactsPath),
            ("$(tasks.status)", Subject::AggregateStatus),
            ("$(tasks.a.status)", Subject::TaskStatus("a".to_owned())),
            ("$(tasks.a.reason)", Subject::TaskReason("a".to_owned())),
            (
                "$(step.results['r'].path)",
                Subject::StepResultPath("r".to_owned()),
            ),
            (
                "$(tasks.a.matrix.length)",
                Subject::MatrixLength {
                    task: "a".to_owned(),
                    result: None,
                },
            ),
            (
                "$(tasks.a.matrix.r.length)",
                Subject::MatrixLength {
                    task: "a".to_owned(),
                    result: Some("r".to_owned()),
                },
            ),
            (
                "$(steps.s.results.r)",
                Subject::StepResult(ResultRef::new("s", &["r"])),
            ),
            (
                "$(tasks.t.results.r.k)",
                Subject::TaskResult(ResultRef::new("t", &["r", "k"])),
            ),
            (
                "$(finally.t.results['r.s'])",
                Subject::TaskResult(ResultRef::new("t", &["r.s"])),
            ),
            (
                "$(tasks.t.outputs.image)",
                Subject::TaskArtifact(ArtifactRef::new("t", "outputs", &["image"])),
            ),
            (
                "$(steps.s.inputs)",
                Subject::StepArtifact(ArtifactRef::new("s", "inputs", &[])),
            ),
            ("$(params)", Subject::Other),
            ("$(ls)", Subject::Other),
        ] {
            assert_eq!(subject(text), Some((expected, None)), "{text}");
        }
        assert_eq!(subject("$(params.x[99999999999999999999999])"), None);
    }
}
