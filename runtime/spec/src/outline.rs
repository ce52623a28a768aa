//! What the documents of some texts are, with no judgement on them: for a list, and to choose what to look at closer.
//!
//! Knows names and declarations only. A document with mistakes in it is listed as far as it can be read; what is wrong
//! with it is said by [`parse`](crate::parse).

use serde_json::Value as Json;

use crate::problem::Problems;
use crate::source::{Sources, Span};
use crate::yaml::{self, Node, Value};

/// The core kinds that a pipeline lives on.
const CORE_KINDS: [&str; 4] = [
    "ConfigMap",
    "Secret",
    "PersistentVolumeClaim",
    "ServiceAccount",
];

/// What a document is.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// `apiVersion:`, as written.
    pub api_version: String,
    /// `kind:`, as written; empty where there is none.
    pub kind: String,
    /// `metadata.name`, else `metadata.generateName`.
    pub name: String,
    /// Whether the name is only the beginning of one (`generateName`).
    pub generated: bool,
    /// Whether it is Tekton's, or of a core kind that Tekton's documents refer to.
    pub known: bool,
    /// `spec.description`.
    pub description: Option<String>,
    /// The params that it declares, or for a run gives.
    pub params: Vec<OutlineParam>,
    /// The workspaces that it declares, or for a run binds.
    pub workspaces: Vec<OutlineWorkspace>,
    /// The names of its results.
    pub results: Vec<String>,
    /// Its name, or where there is none its beginning.
    pub span: Span,
}

/// A param of an [`Outline`].
#[derive(Debug, Clone, PartialEq)]
pub struct OutlineParam {
    /// Its name.
    pub name: String,
    /// `type:`, as written; `None` where it is not.
    pub param_type: Option<String>,
    /// Its default, or in a run its value.
    pub value: Option<Json>,
    /// The keys that an object has to have.
    pub properties: Vec<String>,
    /// The values that it may have, where not every one will do.
    pub choices: Vec<String>,
}

/// A workspace of an [`Outline`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineWorkspace {
    /// Its name.
    pub name: String,
    /// Whether it need not be bound.
    pub optional: bool,
}

impl Outline {
    /// Whether it can be run by itself: a Task, a Pipeline, or a run of one.
    pub fn is_runnable(&self) -> bool {
        self.known
            && matches!(
                self.kind.as_str(),
                "Task" | "TaskRun" | "Pipeline" | "PipelineRun"
            )
    }
}

/// The documents of `sources` in order, as far as they can be read.
pub fn outline(sources: &Sources) -> Vec<Outline> {
    // What is wrong is for whoever parses them to say.
    let problems = Problems::default();
    sources
        .ids()
        .flat_map(|source| yaml::read(sources, source, &problems))
        .map(|node| of(&node))
        .collect()
}

/// Whether a document is neither Tekton's nor of a core kind that Tekton's refer to.
pub(crate) fn is_foreign(node: &Node) -> bool {
    !is_known(&text(node, "apiVersion"), &text(node, "kind"))
}

fn is_known(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map(|(group, _)| group);
    group == Some("tekton.dev") || group.is_none() && CORE_KINDS.contains(&kind)
}

fn of(node: &Node) -> Outline {
    let (api_version, kind) = (text(node, "apiVersion"), text(node, "kind"));
    let metadata = get(node, "metadata");
    let named = |field| {
        metadata
            .and_then(|metadata| get(metadata, field))
            .filter(|name| scalar(name).is_some_and(|name| !name.is_empty()))
    };
    let (name, generated) = match (named("name"), named("generateName")) {
        (None, Some(prefix)) => (Some(prefix), true),
        (name, _) => (name, false),
    };
    let spec = get(node, "spec");
    let list = |field| {
        spec.and_then(|spec| get(spec, field))
            .map_or(&[][..], items)
    };
    Outline {
        known: is_known(&api_version, &kind),
        name: name.and_then(scalar).unwrap_or_default().to_owned(),
        generated,
        description: spec
            .map(|spec| text(spec, "description"))
            .filter(|text| !text.is_empty()),
        params: list("params").iter().map(|node| param(node)).collect(),
        workspaces: list("workspaces")
            .iter()
            .map(|node| OutlineWorkspace {
                name: text(node, "name"),
                optional: text(node, "optional") == "true",
            })
            .collect(),
        results: list("results")
            .iter()
            .map(|node| text(node, "name"))
            .collect(),
        span: name.map_or(node.span, |name| name.span),
        api_version,
        kind,
    }
}

fn param(node: &Node) -> OutlineParam {
    let value = get(node, "default").or_else(|| get(node, "value"));
    OutlineParam {
        name: text(node, "name"),
        param_type: Some(text(node, "type")).filter(|text| !text.is_empty()),
        value: value.map(Node::to_json),
        properties: get(node, "properties").map_or_else(Vec::new, keys),
        choices: get(node, "enum")
            .map_or(&[][..], items)
            .iter()
            .filter_map(|choice| scalar(choice))
            .map(str::to_owned)
            .collect(),
    }
}

/// A field of a mapping, matched as everywhere: without regard to case.
fn get<'a>(node: &'a Node, field: &str) -> Option<&'a Node> {
    let Value::Mapping(entries) = &node.value else {
        return None;
    };
    entries
        .iter()
        .find(|entry| entry.key.text.eq_ignore_ascii_case(field))
        .map(|entry| &*entry.value)
        .filter(|value| !value.is_null())
}

fn keys(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Mapping(entries) => entries.iter().map(|entry| entry.key.text.clone()).collect(),
        _ => Vec::new(),
    }
}

fn items(node: &Node) -> &[std::sync::Arc<Node>] {
    match &node.value {
        Value::Sequence(items) => items,
        _ => &[],
    }
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

fn text(node: &Node, field: &str) -> String {
    get(node, field)
        .and_then(scalar)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlines(text: &str) -> (Sources, Vec<Outline>) {
        let mut sources = Sources::new();
        sources.add("a.yaml", text);
        let outlines = outline(&sources);
        (sources, outlines)
    }

    #[test]
    fn a_document_is_outlined_as_it_is_written() {
        let (sources, outlines) = outlines(
            "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: build}\nspec:\n  description: Builds.\n  \
             params: [{name: level, default: strict}, {name: files, type: array}]\n  \
             workspaces: [{name: src}, {name: cache, optional: true}]\n  results: [{name: digest}]\n\
             ---\napiversion: tekton.dev/v1\nkind: TaskRun\nmetadata: {generateName: build-}\n",
        );
        let task = &outlines[0];
        assert_eq!((task.kind.as_str(), task.name.as_str()), ("Task", "build"));
        assert_eq!(sources.line_and_column(task.span), (3, 18));
        assert_eq!(task.description.as_deref(), Some("Builds."));
        assert_eq!(task.params[0].value, Some("strict".into()));
        assert_eq!(task.params[1].param_type.as_deref(), Some("array"));
        let optional: Vec<_> = task.workspaces.iter().map(|one| one.optional).collect();
        assert_eq!(optional, [false, true]);
        assert_eq!(task.results, ["digest"]);
        let run = &outlines[1];
        assert!(run.generated && run.is_runnable());
        assert_eq!(run.name, "build-");
    }

    #[test]
    fn documents_of_others_are_told_apart() {
        for (api_version, kind, known) in [
            ("tekton.dev/v1", "Pipeline", true),
            ("tekton.dev/v1", "Pipelien", true),
            ("v1", "Secret", true),
            ("v1", "Service", false),
            ("triggers.tekton.dev/v1beta1", "EventListener", false),
            ("kustomize.config.k8s.io/v1beta1", "Kustomization", false),
            ("", "", false),
        ] {
            assert_eq!(is_known(api_version, kind), known, "{api_version} {kind}");
        }
        let (_, outlines) = outlines("name: ci\non: [push]\n---\n- a list\n");
        assert!(outlines.iter().all(|one| !one.known));
    }
}
