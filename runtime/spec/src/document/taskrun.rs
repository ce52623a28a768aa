//! A TaskRun's spec as it is written: params given, workspaces bound, and the Task, by name or inline.

use std::sync::Arc;
use std::time::Duration;

use crate::document::overrides::{self, ContainerOverride};
use crate::document::param::{self, GivenParam};
use crate::document::pod::PodTemplate;
use crate::document::reference::Ref;
use crate::document::resources::Resources;
use crate::document::task::TaskSpec;
use crate::document::workspace::Binding;
use crate::fields::{At, Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::run::Breakpoints;
use crate::yaml::Node;

/// A TaskRun's spec.
#[derive(Debug)]
pub(crate) struct TaskRunSpec {
    pub(crate) node: Arc<Node>,
    pub(crate) params: Vec<GivenParam>,
    pub(crate) workspaces: Vec<Binding>,
    pub(crate) task: TaskSource,
    /// What `timeout` says; zero for no bound.
    pub(crate) timeout: Option<At<Duration>>,
    pub(crate) retries: Option<At<u32>>,
    pub(crate) service_account: Option<Text>,
    pub(crate) pod_template: Option<PodTemplate>,
    pub(crate) step_specs: Vec<ContainerOverride>,
    pub(crate) sidecar_specs: Vec<ContainerOverride>,
    /// For all steps together.
    pub(crate) resources: Option<Resources>,
    /// `TaskRunCancelled` or `TaskRunPending`.
    pub(crate) status: Option<Text>,
    pub(crate) status_message: Option<Text>,
    pub(crate) debug: Option<Debug>,
}

/// `debug.breakpoints`: where a person wants to look into the pod.
#[derive(Debug)]
pub(crate) struct Debug {
    /// `onFailure`
    pub(crate) on_failure: Option<Text>,
    /// The steps to stop before.
    pub(crate) before_steps: Vec<Text>,
}

/// Where the Task of a TaskRun is.
#[derive(Debug)]
pub(crate) enum TaskSource {
    /// `taskRef`.
    Named(Box<Ref>),
    /// `taskSpec`.
    Inline(Arc<TaskSpec>),
    /// Neither can be used; a problem says why.
    Unusable,
}

impl TaskRunSpec {
    /// Reads a spec. `None`, and a problem, where it is no mapping.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a TaskRun's spec", problems)?;
        fields.ignore(&["managedBy"]);
        let spec = Self {
            node: Arc::clone(node),
            task: read_task(&fields, problems),
            params: param::given(&fields),
            workspaces: fields.each("workspaces", Binding::read),
            timeout: fields.duration("timeout"),
            retries: fields.number("retries"),
            service_account: fields.word("serviceAccountName"),
            pod_template: fields.one("podTemplate", PodTemplate::read),
            step_specs: overrides::step_specs(&fields, problems),
            sidecar_specs: overrides::sidecar_specs(&fields, problems),
            resources: Resources::take(&fields, problems),
            status: fields.word("status"),
            status_message: fields.word("statusMessage"),
            debug: fields.one("debug", Debug::read),
        };
        fields.finish();
        Some(spec)
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
    let named = task_ref.map(|entry| Ref::read_task(&entry.value, problems));
    match (named, inline) {
        (Some(_), Some(_)) => {
            let at = task_spec.map_or(fields.span(), |entry| entry.key.span);
            exactly_one("both `taskRef` and `taskSpec`", at)
        }
        (None, Some(spec)) => spec.map_or(TaskSource::Unusable, |spec| {
            TaskSource::Inline(Arc::new(spec))
        }),
        (Some(named), None) => named.map_or(TaskSource::Unusable, |named| {
            TaskSource::Named(Box::new(named))
        }),
        (None, None) => exactly_one("neither `taskRef` nor `taskSpec`", fields.span()),
    }
}

impl Debug {
    /// Where the task stops.
    pub(crate) fn breakpoints(&self) -> Breakpoints {
        let names = self.before_steps.iter();
        Breakpoints {
            on_failure: self.on_failure.is_some(),
            before_steps: names.map(|name| name.value.as_str().into()).collect(),
        }
    }

    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "the settings for debugging", problems)?;
        let breakpoints = fields.one("breakpoints", |node, problems| {
            let fields = Fields::open(node, "the breakpoints", problems)?;
            let on_failure = fields.word("onFailure");
            let before_steps = fields.texts("beforeSteps");
            fields.finish();
            Some(Self {
                on_failure,
                before_steps,
            })
        });
        fields.finish();
        breakpoints
    }
}
