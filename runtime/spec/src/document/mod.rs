//! Trees of nodes → documents: which kind each is, its metadata, and its spec.
//!
//! Every document of every text is read, so that all mistakes come out together. Which one will run is decided later.

pub(crate) mod settings;
pub(crate) mod task;
pub(crate) mod taskrun;

use std::sync::Arc;

use crate::check;
use crate::document::task::TaskSpec;
use crate::document::taskrun::{TaskRunSpec, TaskSource};
use crate::errors::SpecErrors;
use crate::fields::{Fields, Text};
use crate::name;
use crate::nearest::suggest;
use crate::outline::is_foreign;
use crate::problem::{FieldProblem, Problems};
use crate::source::{Sources, Span};
use crate::yaml::{self, Node};
use settings::Annotation;

/// Every Task and TaskRun of some texts.
#[derive(Debug)]
pub struct Documents {
    pub(crate) sources: Sources,
    pub(crate) tasks: Vec<Document<TaskSpec>>,
    pub(crate) runs: Vec<Document<TaskRunSpec>>,
}

/// One document.
#[derive(Debug)]
pub(crate) struct Document<Spec> {
    pub(crate) node: Arc<Node>,
    pub(crate) api_version: String,
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
}

/// Who a document is.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) name: Option<Text>,
    pub(crate) generate_name: Option<Text>,
    pub(crate) namespace: Option<Text>,
    pub(crate) labels: Vec<(Text, Text)>,
    pub(crate) annotations: Vec<(Text, Text)>,
    /// Ours among the annotations.
    pub(crate) settings: Vec<Annotation>,
}

impl Metadata {
    /// What the document is called by someone who has to choose one; a `generateName` as it is written.
    pub(crate) fn title(&self) -> &str {
        self.name
            .as_ref()
            .or(self.generate_name.as_ref())
            .map_or("", |name| &name.value)
    }
}

struct KindRow {
    kind: &'static str,
    article: &'static str,
    api_versions: &'static [&'static str],
}

const TEKTON: &[&str] = &["tekton.dev/v1", "tekton.dev/v1beta1"];
const CORE: &[&str] = &["v1"];

/// Every kind that a file for Tekton holds.
const KINDS: [KindRow; 9] = [
    KindRow {
        kind: "Task",
        article: "a",
        api_versions: TEKTON,
    },
    KindRow {
        kind: "TaskRun",
        article: "a",
        api_versions: TEKTON,
    },
    KindRow {
        kind: "Pipeline",
        article: "a",
        api_versions: TEKTON,
    },
    KindRow {
        kind: "PipelineRun",
        article: "a",
        api_versions: TEKTON,
    },
    KindRow {
        kind: "StepAction",
        article: "a",
        api_versions: &["tekton.dev/v1beta1", "tekton.dev/v1alpha1"],
    },
    KindRow {
        kind: "ConfigMap",
        article: "a",
        api_versions: CORE,
    },
    KindRow {
        kind: "Secret",
        article: "a",
        api_versions: CORE,
    },
    KindRow {
        kind: "PersistentVolumeClaim",
        article: "a",
        api_versions: CORE,
    },
    KindRow {
        kind: "ServiceAccount",
        article: "a",
        api_versions: CORE,
    },
];

/// Reads every document of `sources`.
///
/// # Errors
///
/// Everything that is wrong with any of them. Use [`crate::read`] to hear at the same time what is wrong with the
/// request.
pub fn parse(sources: &Sources) -> Result<Documents, SpecErrors> {
    let problems = Problems::default();
    let documents = parse_into(sources, &problems);
    if problems.is_empty() {
        return Ok(documents);
    }
    Err(SpecErrors::new(sources.clone(), problems.into_vec()))
}

/// Reads what can be read of `sources`, and notes the rest.
pub(crate) fn parse_into(sources: &Sources, problems: &Problems) -> Documents {
    let mut documents = Documents {
        sources: sources.clone(),
        tasks: Vec::new(),
        runs: Vec::new(),
    };
    for source in sources.ids() {
        for node in yaml::read(sources, source, problems) {
            if sources.is_found(source) && is_foreign(&node) {
                continue;
            }
            read_document(&node, &mut documents, problems);
        }
    }
    let names = |names: Vec<&Text>, what| {
        let help = "give one of them another name";
        name::check_unique(names, what, help, name::Case::Matters, problems);
    };
    let task_names = documents
        .tasks
        .iter()
        .filter_map(|task| task.metadata.name.as_ref());
    names(task_names.collect(), "Tasks");
    let run_names = documents
        .runs
        .iter()
        .filter_map(|run| run.metadata.name.as_ref());
    names(run_names.collect(), "TaskRuns");
    documents
}

fn read_document(node: &Arc<Node>, documents: &mut Documents, problems: &Problems) {
    let Some(fields) = Fields::open(node, "a document", problems) else {
        return;
    };
    let (version, kind) = (fields.need_text("apiVersion"), fields.need_text("kind"));
    let Some(kind) = kind else {
        return;
    };
    let Some(row) = KINDS.iter().find(|row| row.kind == kind.value) else {
        let known: Vec<_> = KINDS.iter().map(|row| row.kind).collect();
        problems.push(FieldProblem::UnknownKind {
            help: suggest(&kind.value, &known, "kinds"),
            kind: kind.value,
            span: kind.span,
        });
        return;
    };
    if let Some(version) = &version
        && !row.api_versions.contains(&version.value.as_str())
    {
        problems.push(FieldProblem::UnknownApiVersion {
            kind: row.kind,
            version: version.value.clone(),
            expected: row.api_versions[0],
            span: version.span,
        });
    }
    if !matches!(row.kind, "Task" | "TaskRun") {
        problems.push(FieldProblem::KindNotRunYet {
            article: row.article,
            kind: row.kind,
            span: kind.span,
        });
        return;
    }
    let metadata = read_metadata(&fields, row.kind, node.span, &documents.sources, problems);
    let spec = fields.need("spec").map(|entry| &entry.value);
    fields.ignore(&["status"]);
    fields.finish();
    let (Some(metadata), Some(spec)) = (metadata, spec) else {
        return;
    };
    let document = Document {
        node: Arc::clone(node),
        api_version: version.map_or(String::new(), |version| version.value),
        metadata,
        spec: (),
    };
    if row.kind == "Task" {
        if let Some(spec) = TaskSpec::read(spec, problems) {
            check::check_task(&spec, &documents.sources, problems);
            check::check_references(&spec, &documents.sources, problems);
            let steps = spec.step_names();
            check_settings(&document.metadata, &steps, problems);
            documents.tasks.push(document.with(spec));
        }
    } else if let Some(spec) = TaskRunSpec::read(spec, problems) {
        check::check_task_run(&spec, problems);
        if let TaskSource::Inline(task) = &spec.task {
            check::check_task(task, &documents.sources, problems);
            check_settings(&document.metadata, &task.step_names(), problems);
        }
        documents.runs.push(document.with(spec));
    }
}

/// Notes settings for steps that are not there.
pub(crate) fn check_settings(metadata: &Metadata, steps: &[String], problems: &Problems) {
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    settings::check_steps(&metadata.settings, &steps, problems);
}

impl Document<()> {
    fn with<Spec>(self, spec: Spec) -> Document<Spec> {
        Document {
            node: self.node,
            api_version: self.api_version,
            metadata: self.metadata,
            spec,
        }
    }
}

fn read_metadata(
    document: &Fields<'_>,
    kind: &str,
    at: Span,
    sources: &Sources,
    problems: &Problems,
) -> Option<Metadata> {
    let Some(entry) = document.take("metadata") else {
        document.missing("metadata");
        return None;
    };
    let fields = Fields::open(&entry.value, "the metadata", problems)?;
    let (name, generate_name) = match kind {
        "Task" => (fields.need_text("name"), fields.text("generateName")),
        _ => (fields.text("name"), fields.text("generateName")),
    };
    let given = |name: Option<Text>| name.filter(|name| !name.value.is_empty());
    let (name, generate_name) = (given(name), given(generate_name));
    if let Some(name) = &name {
        name::DOCUMENT.check(name, problems);
    }
    if let Some(prefix) = &generate_name {
        name::DOCUMENT_PREFIX.check(prefix, problems);
    }
    if kind != "Task" && name.is_none() && generate_name.is_none() {
        problems.push(FieldProblem::ExactlyOne {
            owner: "a TaskRun",
            found: "neither `name` nor `generateName`".to_owned(),
            choices: "`metadata.name` and `metadata.generateName`",
            help: "write `name: NAME`, or `generateName: PREFIX-` for a new name with each run",
            span: if fields.is_empty() { at } else { fields.span() },
        });
    }
    let labels = fields.text_map("labels");
    let annotations = fields.text_map("annotations");
    let namespace = given(fields.text("namespace"));
    fields.ignore(&[
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "selfLink",
        "finalizers",
        "managedFields",
        "ownerReferences",
    ]);
    fields.finish();
    Some(Metadata {
        name,
        generate_name,
        namespace,
        settings: settings::read(&annotations, sources, problems),
        labels,
        annotations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_others_is_passed_over_where_it_was_found_and_refused_where_it_was_named() {
        let text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
        let mut found = Sources::new();
        found.add_found("kustomization.yaml", text);
        assert!(parse(&found).is_ok());
        let mut named = Sources::new();
        named.add("kustomization.yaml", text);
        assert!(parse(&named).is_err());
    }
}
