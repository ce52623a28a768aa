//! A PipelineRun's spec as it is written. What v1beta1 says in other places is put where v1 has it.

use std::sync::Arc;
use std::time::Duration;

use crate::document::overrides::TaskRunOverride;
use crate::document::param::{self, GivenParam};
use crate::document::pipeline::PipelineSpec;
use crate::document::pod::PodTemplate;
use crate::document::reference::Ref;
use crate::document::workspace::Binding;
use crate::fields::{At, Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::yaml::Node;

/// A PipelineRun's spec.
#[derive(Debug)]
pub(crate) struct PipelineRunSpec {
    pub(crate) node: Arc<Node>,
    pub(crate) params: Vec<GivenParam>,
    pub(crate) workspaces: Vec<Binding>,
    pub(crate) pipeline: PipelineSource,
    pub(crate) timeouts: TimeoutsDecl,
    /// `Cancelled`, `CancelledRunFinally`, `StoppedRunFinally` or `PipelineRunPending`.
    pub(crate) status: Option<Text>,
    pub(crate) service_account: Option<Text>,
    pub(crate) pod_template: Option<PodTemplate>,
    pub(crate) task_run_specs: Vec<TaskRunOverride>,
}

/// Where the Pipeline of a PipelineRun is.
#[derive(Debug)]
pub(crate) enum PipelineSource {
    /// `pipelineRef`.
    Named(Box<Ref>),
    /// `pipelineSpec`.
    Inline(Arc<PipelineSpec>),
    /// Neither can be used; a problem says why.
    Unusable,
}

/// `timeouts`; zero for no bound.
#[derive(Debug, Default)]
pub(crate) struct TimeoutsDecl {
    /// Also the older `timeout`.
    pub(crate) pipeline: Option<At<Duration>>,
    pub(crate) tasks: Option<At<Duration>>,
    pub(crate) finally: Option<At<Duration>>,
}

impl PipelineRunSpec {
    /// Reads a spec. `None`, and a problem, where it is no mapping.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a PipelineRun's spec", problems)?;
        fields.ignore(&["managedBy"]);
        let (mut service_account, mut pod_template) = fields
            .one("taskRunTemplate", read_template)
            .unwrap_or_default();
        service_account = service_account.or_else(|| fields.word("serviceAccountName"));
        pod_template = pod_template.or_else(|| fields.one("podTemplate", PodTemplate::read));
        let spec = Self {
            node: Arc::clone(node),
            pipeline: read_pipeline(&fields, problems),
            params: param::given(&fields),
            workspaces: fields.each("workspaces", Binding::read),
            timeouts: read_timeouts(&fields, problems),
            status: fields.word("status"),
            service_account,
            pod_template,
            task_run_specs: fields.each("taskRunSpecs", TaskRunOverride::read),
        };
        fields.ignore(&["serviceAccountName", "podTemplate"]);
        fields.finish();
        Some(spec)
    }
}

fn read_template(
    node: &Arc<Node>,
    problems: &Problems,
) -> Option<(Option<Text>, Option<PodTemplate>)> {
    let fields = Fields::open(node, "the template of TaskRuns", problems)?;
    let service_account = fields.word("serviceAccountName");
    let pod_template = fields.one("podTemplate", PodTemplate::read);
    fields.finish();
    Some((service_account, pod_template))
}

fn read_timeouts(fields: &Fields<'_>, problems: &Problems) -> TimeoutsDecl {
    let older = fields.take("timeout");
    let old_timeout = fields.duration("timeout");
    let Some(entry) = fields.take("timeouts") else {
        return TimeoutsDecl {
            pipeline: old_timeout,
            ..TimeoutsDecl::default()
        };
    };
    if let Some(older) = older {
        problems.push(FieldProblem::ExactlyOne {
            owner: "a PipelineRun",
            found: "both `timeout` and `timeouts`".to_owned(),
            choices: "`timeouts` and the older `timeout`",
            help: "write `timeouts: {pipeline: …}` and take `timeout` out",
            span: older.key.span,
        });
    }
    let Some(fields) = Fields::open(&entry.value, "the time-outs", problems) else {
        return TimeoutsDecl::default();
    };
    let timeouts = TimeoutsDecl {
        pipeline: fields.duration("pipeline"),
        tasks: fields.duration("tasks"),
        finally: fields.duration("finally"),
    };
    fields.finish();
    timeouts
}

fn read_pipeline(fields: &Fields<'_>, problems: &Problems) -> PipelineSource {
    let exactly_one = |found: &str, span| {
        problems.push(FieldProblem::ExactlyOne {
            owner: "a PipelineRun",
            found: found.to_owned(),
            choices: "`pipelineRef` and `pipelineSpec`",
            help: "name a Pipeline with `pipelineRef: {name: NAME}`, or write its spec under `pipelineSpec`",
            span,
        });
        PipelineSource::Unusable
    };
    let (reference, spec) = (fields.take("pipelineRef"), fields.take("pipelineSpec"));
    let inline = spec.map(|entry| PipelineSpec::read(&entry.value, problems));
    let named = reference.map(|entry| Ref::read_pipeline(&entry.value, problems));
    match (named, inline) {
        (Some(_), Some(_)) => {
            let at = spec.map_or(fields.span(), |entry| entry.key.span);
            exactly_one("both `pipelineRef` and `pipelineSpec`", at)
        }
        (None, Some(spec)) => spec.map_or(PipelineSource::Unusable, |spec| {
            PipelineSource::Inline(Arc::new(spec))
        }),
        (Some(named), None) => named.map_or(PipelineSource::Unusable, |named| {
            PipelineSource::Named(Box::new(named))
        }),
        (None, None) => exactly_one("neither `pipelineRef` nor `pipelineSpec`", fields.span()),
    }
}
