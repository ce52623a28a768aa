//! One task of a Pipeline.

use std::sync::Arc;
use std::time::Duration;

use crate::document::matrix::Matrix;
use crate::document::overrides::{Pairs, read_labels};
use crate::document::param::{self, GivenParam};
use crate::document::pipeline::PipelineSpec;
use crate::document::reference::Ref;
use crate::document::task::TaskSpec;
use crate::document::when::WhenDecl;
use crate::document::workspace::PipelineTaskWorkspace;
use crate::fields::{At, Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::source::Span;
use crate::yaml::Node;

/// A task of a Pipeline.
#[derive(Debug)]
pub(crate) struct PipelineTask {
    pub(crate) span: Span,
    pub(crate) name: Text,
    pub(crate) display_name: Option<Text>,
    pub(crate) source: PipelineTaskSource,
    pub(crate) params: Vec<GivenParam>,
    pub(crate) matrix: Option<Matrix>,
    pub(crate) when: Vec<WhenDecl>,
    pub(crate) run_after: Vec<Text>,
    pub(crate) retries: Option<At<u32>>,
    pub(crate) timeout: Option<At<Duration>>,
    pub(crate) on_error: Option<Text>,
    pub(crate) workspaces: Vec<PipelineTaskWorkspace>,
}

/// What a pipeline task runs.
#[derive(Debug)]
pub(crate) enum PipelineTaskSource {
    /// `taskRef`, also to a custom task ([`Ref::is_custom`]).
    Task(Ref),
    /// `taskSpec`.
    InlineTask(Arc<InlineTask>),
    /// `taskSpec` with the `apiVersion` and `kind` of a custom task.
    CustomSpec { kind: Text },
    /// `pipelineRef`.
    Pipeline(Ref),
    /// `pipelineSpec`.
    InlinePipeline(Arc<PipelineSpec>),
    /// None of them can be used; a problem says why.
    Unusable,
}

/// A Task that stands inside a Pipeline.
#[derive(Debug)]
pub(crate) struct InlineTask {
    pub(crate) labels: Pairs,
    pub(crate) annotations: Pairs,
    pub(crate) spec: TaskSpec,
}

impl PipelineTask {
    /// Reads a task. `None`, and a problem, where it is no mapping or has no name.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a pipeline task", problems)?;
        let name = fields.need_text("name");
        let source = read_source(&fields, problems);
        let task = |name| Self {
            span: fields.span(),
            name,
            display_name: fields.word("displayName"),
            source,
            params: param::given(&fields),
            matrix: fields.one("matrix", Matrix::read),
            when: fields.each("when", WhenDecl::read),
            run_after: fields.texts("runAfter"),
            retries: fields.number("retries"),
            timeout: fields.duration("timeout"),
            on_error: fields.word("onError"),
            workspaces: fields.each("workspaces", PipelineTaskWorkspace::read),
        };
        // What is wrong with the rest is said whether there is a name or not.
        let named = name.is_some();
        let task = task(name.unwrap_or(At {
            value: String::new(),
            span: node.span,
        }));
        fields.ignore(&["description"]);
        fields.finish();
        named.then_some(task)
    }

    /// The reference to what it runs, where that does not stand in it.
    pub(crate) fn reference(&self) -> Option<&Ref> {
        match &self.source {
            PipelineTaskSource::Task(named) | PipelineTaskSource::Pipeline(named) => Some(named),
            _ => None,
        }
    }

    /// Whether it runs a Pipeline.
    pub(crate) fn is_pipeline(&self) -> bool {
        matches!(
            self.source,
            PipelineTaskSource::Pipeline(_) | PipelineTaskSource::InlinePipeline(_)
        )
    }
}

const CHOICES: [&str; 4] = ["taskRef", "taskSpec", "pipelineRef", "pipelineSpec"];

fn read_source(fields: &Fields<'_>, problems: &Problems) -> PipelineTaskSource {
    let entries = CHOICES.map(|name| fields.take(name));
    let [task_ref, task_spec, pipeline_ref, pipeline_spec] = entries;
    let mut sources = Vec::new();
    if let Some(entry) = task_ref {
        sources.push(Ref::read_task(&entry.value, problems).map(PipelineTaskSource::Task));
    }
    if let Some(entry) = task_spec {
        sources.push(read_task_spec(&entry.value, problems));
    }
    if let Some(entry) = pipeline_ref {
        sources.push(Ref::read_pipeline(&entry.value, problems).map(PipelineTaskSource::Pipeline));
    }
    if let Some(entry) = pipeline_spec {
        let spec = PipelineSpec::read(&entry.value, problems);
        sources.push(spec.map(|spec| PipelineTaskSource::InlinePipeline(Arc::new(spec))));
    }
    let mut given = entries.iter().flatten();
    let found = match (given.next(), given.next()) {
        (Some(_), None) => {
            let source = sources.into_iter().flatten().next();
            return source.unwrap_or(PipelineTaskSource::Unusable);
        }
        (Some(first), Some(second)) => {
            format!("both `{}` and `{}`", first.key.text, second.key.text)
        }
        (None, _) => "none of them".to_owned(),
    };
    let second = entries.iter().flatten().nth(1);
    problems.push(FieldProblem::ExactlyOne {
        owner: "a pipeline task",
        found,
        choices: "`taskRef`, `taskSpec`, `pipelineRef` and `pipelineSpec`",
        help: "name a Task with `taskRef: {name: NAME}`, or write its spec under `taskSpec`",
        span: second.map_or(fields.span(), |entry| entry.key.span),
    });
    PipelineTaskSource::Unusable
}

fn read_task_spec(node: &Arc<Node>, problems: &Problems) -> Option<PipelineTaskSource> {
    let fields = Fields::open(node, "a Task's spec", problems)?;
    let (api_version, kind) = (fields.word("apiVersion"), fields.word("kind"));
    let (labels, annotations) = fields.one("metadata", read_labels).unwrap_or_default();
    let custom = fields.node("spec");
    if let (Some(api_version), Some(kind)) = (api_version, kind)
        && !(api_version.value.starts_with("tekton.dev/") && kind.value == "Task")
    {
        // What the fields of somebody else's task are is for its controller to say.
        return Some(PipelineTaskSource::CustomSpec { kind });
    }
    if let Some(spec) = custom {
        problems.push(FieldProblem::UnknownField {
            owner: "a Task's spec",
            field: "spec".to_owned(),
            help: "write the steps right under `taskSpec`; only a custom task has a `spec` below it, beside `apiVersion` and `kind`".to_owned(),
            span: spec.span,
        });
    }
    let spec = TaskSpec::take(node, &fields);
    fields.finish();
    Some(PipelineTaskSource::InlineTask(Arc::new(InlineTask {
        labels,
        annotations,
        spec,
    })))
}
