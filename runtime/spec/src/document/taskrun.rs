//! A TaskRun's spec as it is written: params given, workspaces bound, and the Task, by name or inline.

use std::sync::Arc;
use std::time::Duration;

use stepwell_contract::ParamValue;

use crate::document::task::{TaskSpec, read_duration, read_resources};
use crate::fields::{At, Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::scalar::ScalarKind;
use crate::source::Span;
use crate::value;
use crate::yaml::{Node, Value};

/// A TaskRun's spec.
#[derive(Debug)]
pub(crate) struct TaskRunSpec {
    pub(crate) node: Arc<Node>,
    pub(crate) params: Vec<GivenParam>,
    pub(crate) workspaces: Vec<Binding>,
    pub(crate) task: TaskSource,
    /// What `timeout` says; zero for no bound.
    pub(crate) timeout: Option<Duration>,
    /// Memory limits by the names of steps (`stepSpecs`).
    pub(crate) step_memory: Vec<(Text, u64)>,
}

/// Where the Task of a TaskRun is.
#[derive(Debug)]
pub(crate) enum TaskSource {
    /// `taskRef.name`.
    Named(Text),
    /// `taskSpec`.
    Inline(TaskSpec),
    /// Neither can be used; a problem says why.
    Unusable,
}

/// A param with its value.
#[derive(Debug)]
pub(crate) struct GivenParam {
    pub(crate) name: Text,
    pub(crate) value: At<ParamValue>,
}

/// A workspace with what is bound to it.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: Text,
    pub(crate) sub_path: Option<Text>,
    pub(crate) source: BindingSource,
}

/// What is bound to a workspace.
#[derive(Debug)]
pub(crate) enum BindingSource {
    /// A new, empty folder.
    EmptyDir,
    /// Something that a cluster has.
    Cluster {
        field: &'static str,
        span: Span,
        /// The claim's name, where it is one.
        claim: Option<String>,
        /// Whether such a source can only be read.
        read_only: bool,
    },
}

impl TaskRunSpec {
    /// Reads a spec. `None`, and a problem, where it is no mapping.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a TaskRun's spec", problems)?;
        fields.ignore(&[
            "serviceAccountName",
            "podTemplate",
            "statusMessage",
            "managedBy",
        ]);
        fields.refuse(
            &["debug", "sidecarSpecs", "status", "resources"],
            "the run would be another one without it; take it out",
        );
        if let Some(entry) = fields.take("computeResources")
            && read_resources(&entry.value, problems).is_some()
        {
            problems.push(FieldProblem::NotSupported {
                what: "a memory limit for all steps together".to_owned(),
                help: "give each step its own `computeResources.limits.memory`".to_owned(),
                span: entry.key.span,
            });
        }
        refuse_retries(&fields, problems);
        let task = read_task(&fields, problems);
        let spec = Self {
            node: Arc::clone(node),
            params: fields
                .list("params")
                .iter()
                .filter_map(|node| GivenParam::read(node, problems))
                .collect(),
            workspaces: fields
                .list("workspaces")
                .iter()
                .filter_map(|node| Binding::read(node, problems))
                .collect(),
            task,
            timeout: fields
                .text("timeout")
                .and_then(|text| read_duration("timeout", &text, problems)),
            step_memory: fields
                .list("stepSpecs")
                .iter()
                .filter_map(|node| read_step_spec(node, problems))
                .collect(),
        };
        fields.finish();
        Some(spec)
    }
}

fn refuse_retries(fields: &Fields<'_>, problems: &Problems) {
    let Some(entry) = fields.take("retries") else {
        return;
    };
    match &entry.value.value {
        Value::Scalar {
            kind: ScalarKind::Number,
            text,
        } if text == "0" => {}
        _ => problems.push(FieldProblem::NotSupported {
            what: "`retries` of a TaskRun".to_owned(),
            help: "take it out, or write `retries: 0`: a TaskRun is tried once".to_owned(),
            span: entry.key.span,
        }),
    }
}

fn read_task(fields: &Fields<'_>, problems: &Problems) -> TaskSource {
    let exactly_one = |found: &str, span| {
        problems.push(FieldProblem::ExactlyOne {
            owner: "a TaskRun",
            found: found.to_owned(),
            choices: "`taskRef` and `taskSpec`",
            help: "name a Task with `taskRef: {name: NAME}`, or write its spec under `taskSpec`",
            span,
        });
        TaskSource::Unusable
    };
    let (task_ref, task_spec) = (fields.take("taskRef"), fields.take("taskSpec"));
    let inline = task_spec.map(|entry| TaskSpec::read(&entry.value, problems));
    let named = task_ref.map(|entry| read_task_ref(&entry.value, problems));
    match (named, inline) {
        (Some(_), Some(_)) => {
            let at = task_spec.map_or(fields.span(), |entry| entry.key.span);
            exactly_one("both `taskRef` and `taskSpec`", at)
        }
        (None, Some(spec)) => spec.map_or(TaskSource::Unusable, TaskSource::Inline),
        (Some(name), None) => name.map_or(TaskSource::Unusable, TaskSource::Named),
        (None, None) => exactly_one("neither `taskRef` nor `taskSpec`", fields.span()),
    }
}

fn read_task_ref(node: &Node, problems: &Problems) -> Option<Text> {
    let fields = Fields::open(node, "a reference to a Task", problems)?;
    fields.refuse(
        &["resolver", "params", "bundle"],
        "put the Task into one of the files and name it with `taskRef: {name: NAME}`",
    );
    let remote = fields.take("resolver").is_some() || fields.take("bundle").is_some();
    let unsupported = |what: String, span| {
        problems.push(FieldProblem::NotSupported {
            what,
            help: "a TaskRun can name a Task of the same files".to_owned(),
            span,
        });
    };
    if let Some(kind) = fields.text("kind").filter(|kind| !kind.value.is_empty())
        && !kind.value.eq_ignore_ascii_case("Task")
    {
        unsupported(format!("a reference to a {}", kind.value), kind.span);
    }
    if let Some(version) = fields
        .text("apiVersion")
        .filter(|version| !version.value.is_empty())
        && !version.value.starts_with("tekton.dev/")
    {
        unsupported(format!("a Task of `{}`", version.value), version.span);
    }
    let name = match remote {
        true => fields.text("name").and(None),
        false => fields.need_text("name"),
    };
    fields.finish();
    name
}

impl GivenParam {
    fn read(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a param", problems)?;
        let name = fields.need_text("name");
        // `null` is a value like any other here: its own text.
        let value = fields.take_even_null("value");
        if value.is_none() {
            fields.missing("value");
        }
        fields.finish();
        let value = value?;
        Some(Self {
            name: name?,
            value: At {
                value: value::read(&value.value),
                span: value.value.span,
            },
        })
    }
}

/// The sources that a binding can have beside `emptyDir`, and whether they can only be read.
const CLUSTER_SOURCES: [(&str, bool); 6] = [
    ("persistentVolumeClaim", false),
    ("volumeClaimTemplate", false),
    ("configMap", true),
    ("secret", true),
    ("projected", true),
    ("csi", false),
];

impl Binding {
    fn read(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a workspace binding", problems)?;
        let name = fields.need_text("name");
        let sub_path = fields.text("subPath").filter(|path| !path.value.is_empty());
        if let Some(path) = &sub_path {
            check_sub_path(path, problems);
        }
        let mut sources = Vec::new();
        if fields.take("emptyDir").is_some() {
            sources.push(BindingSource::EmptyDir);
        }
        for (field, read_only) in CLUSTER_SOURCES {
            if let Some(entry) = fields.take(field) {
                sources.push(BindingSource::Cluster {
                    field,
                    span: entry.key.span,
                    claim: claim_name(&entry.value),
                    read_only,
                });
            }
        }
        fields.finish();
        let found = match sources.len() {
            1 => {
                return Some(Self {
                    name: name?,
                    sub_path,
                    source: sources.remove(0),
                });
            }
            0 => "none",
            _ => "several",
        };
        problems.push(FieldProblem::ExactlyOne {
            owner: "a workspace binding",
            found: format!("{found} of its sources"),
            choices: "`emptyDir`, `persistentVolumeClaim`, `volumeClaimTemplate`, `configMap`, `secret`, `projected` and `csi`",
            help: "`emptyDir: {}` is a new folder for this run; a folder of yours is bound with `-w NAME=PATH`",
            span: node.span,
        });
        None
    }
}

/// The name in `persistentVolumeClaim: {claimName: …}`.
fn claim_name(node: &Node) -> Option<String> {
    let Value::Mapping(entries) = &node.value else {
        return None;
    };
    let entry = entries
        .iter()
        .find(|entry| entry.key.text.eq_ignore_ascii_case("claimName"))?;
    match &entry.value.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    }
}

fn check_sub_path(path: &Text, problems: &Problems) {
    let inside = !path.value.starts_with('/') && path.value.split('/').all(|part| part != "..");
    if !inside {
        problems.push(FieldProblem::BadValue {
            field: "subPath".to_owned(),
            value: path.value.clone(),
            expected: "a relative path without `..`".to_owned(),
            span: path.span,
        });
    }
}

fn read_step_spec(node: &Node, problems: &Problems) -> Option<(Text, u64)> {
    let fields = Fields::open(node, "a step's override", problems)?;
    let name = fields.need_text("name");
    let memory = fields
        .need("computeResources")
        .and_then(|entry| read_resources(&entry.value, problems));
    fields.finish();
    name.zip(memory)
}
