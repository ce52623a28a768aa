//! A PipelineRun: what its Pipeline is given, and its graph.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use stepwell_contract::{ParamValue, RunName, TaskName};

use crate::document::Document;
use crate::document::param::ParamDecl;
use crate::document::pipeline::PipelineSpec;
use crate::document::pipelinerun::{PipelineRunSpec, TimeoutsDecl};
use crate::fields::At;
use crate::problem::{Problems, RunProblem};
use crate::reference::{self, Subject};
use crate::request::Request;
use crate::resolve::graph::{self, Places};
use crate::resolve::library::Library;
use crate::resolve::offers::Offer;
use crate::resolve::recipe::{Core, Recipe};
use crate::resolve::refusal;
use crate::resolve::steps;
use crate::resolve::stored::{self, Identified};
use crate::run::{DEFAULT_TIMEOUT, Pipeline, PipelineTask, RequestedStatus, Section, Timeouts};
use crate::source::Span;
use crate::substitute::{Context, Params, Scope, Surroundings, WorkspaceFacts};

/// Everything that one PipelineRun is made from.
pub(crate) struct Draft<'a> {
    pub(crate) library: &'a Arc<Library>,
    pub(crate) request: &'a Arc<Request>,
    pub(crate) spec: &'a SpecOf,
    pub(crate) provenance: Option<Arc<Json>>,
    /// The PipelineRun's document, where there is one.
    pub(crate) run: Option<&'a Arc<Document<PipelineRunSpec>>>,
    pub(crate) name: Identified<'a>,
    pub(crate) params: Params,
    pub(crate) offers: Vec<Offer>,
    /// The task of the pipeline around that it is.
    pub(crate) parent: Option<TaskName>,
    /// The Pipelines around, outermost first.
    pub(crate) around: Vec<String>,
    /// The PipelineRun as it would be stored.
    pub(crate) object: Arc<Json>,
}

/// A Pipeline's spec, which has a document or stands in a run.
#[derive(Debug, Clone)]
pub(crate) enum SpecOf {
    Named(Arc<Document<PipelineSpec>>),
    Inline(Arc<PipelineSpec>),
}

impl SpecOf {
    /// The Pipeline's document; `None` where it is inline.
    pub(crate) fn document(&self) -> Option<&Arc<Document<PipelineSpec>>> {
        match self {
            Self::Named(document) => Some(document),
            Self::Inline(_) => None,
        }
    }
}

impl std::ops::Deref for SpecOf {
    type Target = PipelineSpec;

    fn deref(&self) -> &PipelineSpec {
        match self {
            Self::Named(document) => &document.spec,
            Self::Inline(spec) => spec,
        }
    }
}

/// The name of a Pipeline that stands inside `name`.
pub(crate) fn title<'a>(
    document: Option<&'a Arc<Document<PipelineSpec>>>,
    name: &'a str,
) -> &'a str {
    document.map_or(name, |document| document.metadata.title())
}

/// What `$(context.…)` stands for in a Pipeline.
pub(crate) fn context(name: Identified<'_>, title: &str) -> Context {
    BTreeMap::from([
        ("pipelineRun.name", name.name.to_owned()),
        ("pipelineRun.namespace", name.namespace.to_owned()),
        ("pipelineRun.uid", name.uid.to_owned()),
        ("pipeline.name", title.to_owned()),
    ])
}

impl Draft<'_> {
    /// Makes the PipelineRun.
    pub(crate) fn make(self, problems: &Problems) -> Pipeline {
        let title = title(self.spec.document(), self.name.name).to_owned();
        let context = context(self.name, &title);
        let bound = self.bound();
        let places: Places = self
            .spec
            .all_tasks()
            .enumerate()
            .map(|(at, task)| (task.name.value.as_str().into(), at))
            .collect();
        let around = Surroundings {
            context: Cow::Borrowed(&context),
            workspaces: Cow::Borrowed(&bound),
            ..Surroundings::default()
        };
        let made = Cell::new(0);
        let scope = Scope::new(&self.library.sources, &self.params, &around, &made);
        let tasks = self.tasks(&places, &scope, problems);
        made.set(0);
        let spec = Arc::new(filled_spec(self.spec, &scope));
        let timeouts = self.run.map_or_else(
            || timeouts(&TimeoutsDecl::default()),
            |run| timeouts(&run.spec.timeouts),
        );
        let status = self.run.and_then(|run| run.spec.status.as_ref());
        let status = status.and_then(|status| requested(&status.value));
        let mut chain = self.around.clone();
        if self.spec.document().is_some() {
            chain.push(title.clone());
        }
        let overrides: HashMap<String, usize> = self
            .run
            .iter()
            .flat_map(|run| run.spec.task_run_specs.iter().enumerate())
            .map(|(at, spec)| (spec.task.value.clone(), at))
            .collect();
        let core = Core {
            spec: self.spec.clone(),
            run: self.run.map(Arc::clone),
            request: Arc::clone(self.request),
            name: self.name.name.to_owned(),
            namespace: self.name.namespace.to_owned(),
            uid: self.name.uid.to_owned(),
            title: title.clone(),
            labels: self.labels(&title),
            annotations: self.annotations(),
            object: Arc::clone(&self.object),
            params: self.params,
            context,
            bound,
            offers: self.offers,
            overrides,
            places,
            chain,
            bases: std::sync::Mutex::default(),
        };
        Pipeline {
            name: RunName::new(self.name.name),
            pipeline: title.into(),
            parent: self.parent,
            display_name: None,
            object: self.object,
            spec,
            provenance: self.provenance,
            timeouts,
            status,
            tasks,
            secrets: Arc::clone(&self.library.secret_texts),
            recipe: Arc::new(Recipe {
                library: Arc::clone(self.library),
                core: Arc::new(core),
            }),
        }
    }

    /// Notes workspaces that the Pipeline needs and nobody binds.
    pub(crate) fn check_workspaces(&self, at: Span, problems: &Problems) {
        for workspace in &self.spec.workspaces {
            let name = workspace.name.value.as_str();
            let bound = self.offers.iter().any(|offer| *offer.name == *name);
            if bound || workspace.optional {
                continue;
            }
            let title = title(self.spec.document(), self.name.name);
            problems.refuse(refusal::failed(
                "InvalidWorkspaceBindings",
                format!(
                    "PipelineRun {0}/{1} doesn't bind Pipeline {0}/{title}'s Workspaces correctly: pipeline requires workspace with name {name:?} be provided by pipelinerun",
                    self.name.namespace, self.name.name
                ),
            ));
            problems.push(RunProblem::MissingWorkspace {
                workspace: name.to_owned(),
                span: if self.parent.is_some() {
                    at
                } else {
                    workspace.name.span
                },
            });
        }
    }

    /// Whether each workspace is bound, for `$(workspaces.x.bound)`.
    fn bound(&self) -> BTreeMap<String, WorkspaceFacts> {
        let declared = self.spec.workspaces.iter().map(|workspace| {
            let name = workspace.name.value.clone();
            (name, WorkspaceFacts::default())
        });
        let mut bound: BTreeMap<String, WorkspaceFacts> = declared.collect();
        for offer in &self.offers {
            let facts = bound.entry(offer.name.to_string()).or_default();
            facts.bound = true;
        }
        bound
    }

    fn tasks(&self, places: &Places, scope: &Scope<'_>, problems: &Problems) -> Vec<PipelineTask> {
        let tasks = self.spec.all_tasks().enumerate().map(|(at, task)| {
            let finally = at >= self.spec.tasks.len();
            let parents = graph::parents(task, places);
            let name: Arc<str> = task.name.value.as_str().into();
            let pipeline = task.is_pipeline();
            PipelineTask {
                key: match &self.parent {
                    Some(parent) => TaskName::new(format!("{parent}/{name}")),
                    None => TaskName::new(Arc::clone(&name)),
                },
                name,
                section: if finally {
                    Section::Finally
                } else {
                    Section::Tasks
                },
                parents: if finally { Vec::new() } else { parents.all },
                result_parents: parents.of_results,
                // A nested pipeline is not tried again.
                retries: match &task.retries {
                    Some(retries) if !pipeline => retries.value,
                    _ => 0,
                },
                on_error: steps::on_error(task.on_error.as_ref(), scope, problems),
                matrixed: task.matrix.is_some(),
            }
        });
        tasks.collect()
    }

    /// Labels that every TaskRun of it gets.
    fn labels(&self, title: &str) -> stored::Words {
        let mut labels = stored::labels();
        if let Some(document) = self.spec.document() {
            stored::put(&mut labels, &document.metadata.labels);
        }
        if let Some(run) = self.run {
            stored::put(&mut labels, &run.metadata.labels);
        }
        for (key, value) in [
            ("tekton.dev/pipeline", title),
            ("tekton.dev/pipelineRun", self.name.name),
            ("tekton.dev/pipelineRunUID", self.name.uid),
        ] {
            labels.insert(key.to_owned(), value.into());
        }
        labels
    }

    fn annotations(&self) -> stored::Words {
        let mut annotations = stored::Words::new();
        if let Some(document) = self.spec.document() {
            stored::put(&mut annotations, &document.metadata.annotations);
        }
        if let Some(run) = self.run {
            stored::put(&mut annotations, &run.metadata.annotations);
        }
        annotations
    }
}

/// Fills params into the defaults that refer to them; each default once, those it refers to before it.
pub(crate) fn settle_defaults(
    declared: &[ParamDecl],
    given: impl Fn(&str) -> bool,
    params: &mut Params,
    library: &Library,
    problems: &Problems,
) {
    let waiting: HashMap<&str, &ParamDecl> = declared
        .iter()
        .filter(|param| !given(&param.name.value) && param.default.is_some())
        .map(|param| (param.name.value.as_str(), param))
        .filter(|(name, _)| params.get(*name).is_some_and(has_params))
        .collect();
    let mut settling = Settling {
        waiting,
        done: HashMap::new(),
        library,
        problems,
    };
    for param in declared {
        settling.settle(&param.name.value, params, 0);
    }
}

/// Stops defaults that refer to defaults that refer to defaults, as Tekton does.
const MAX_DEFAULT_DEPTH: usize = 10;

struct Settling<'a> {
    waiting: HashMap<&'a str, &'a ParamDecl>,
    /// Whether a default is settled, or being settled.
    done: HashMap<&'a str, bool>,
    library: &'a Library,
    problems: &'a Problems,
}

impl<'a> Settling<'a> {
    fn settle(&mut self, name: &str, params: &mut Params, depth: usize) {
        let Some((&name, &param)) = self.waiting.get_key_value(name) else {
            return;
        };
        let (Some(value), Some(default)) = (params.get(name).cloned(), &param.default) else {
            return;
        };
        match self.done.get(name) {
            Some(true) => return,
            Some(false) => return self.circle(name, default.span),
            None if depth > MAX_DEFAULT_DEPTH => return self.circle(name, default.span),
            None => self.done.insert(name, false),
        };
        for other in names(&value) {
            self.settle(&other, params, depth + 1);
        }
        let (around, made) = (Surroundings::default(), Cell::new(0));
        let scope = Scope::new(&self.library.sources, params, &around, &made);
        let value = At {
            value,
            span: default.span,
        };
        let value = scope.value(&value, self.problems);
        params.insert(name.to_owned(), value);
        self.done.insert(name, true);
    }

    fn circle(&self, param: &str, span: Span) {
        self.problems.refuse(refusal::failed(
            "PipelineValidationFailed",
            format!("parameter resolution failed: circular dependency detected in param \"params.{param}\""),
        ));
        self.problems.push(RunProblem::DefaultCycle {
            param: param.to_owned(),
            span,
        });
    }
}

fn has_params(value: &ParamValue) -> bool {
    !names(value).is_empty()
}

/// The params that a value refers to.
fn names(value: &ParamValue) -> Vec<String> {
    let texts: Vec<&String> = match value {
        ParamValue::String(text) => vec![text],
        ParamValue::Array(items) => items.iter().collect(),
        ParamValue::Object(pairs) => pairs.values().collect(),
    };
    let mut names = Vec::new();
    for text in texts.into_iter().filter(|text| reference::is_in(text)) {
        for found in reference::find(text) {
            if let Subject::Param { name, object } = found.subject() {
                names.extend(object.map(|(object, _)| object));
                names.push(name);
            }
        }
    }
    names
}

/// The Pipeline's spec with params and context filled in (`status.pipelineSpec`).
fn filled_spec(spec: &PipelineSpec, scope: &Scope<'_>) -> Json {
    let mut json = spec.node.to_json();
    stored::declare_params(&mut json, &spec.params);
    stored::declare_results(&mut json, &spec.results);
    for field in ["tasks", "finally"] {
        for task in stored::items(&mut json, field) {
            if stored::has_references(task) {
                scope.json(task, "pipelineTask", spec.node.span);
            }
        }
    }
    json
}

fn requested(status: &str) -> Option<RequestedStatus> {
    match status {
        "Cancelled" => Some(RequestedStatus::Cancelled),
        "CancelledRunFinally" => Some(RequestedStatus::CancelledRunFinally),
        "StoppedRunFinally" => Some(RequestedStatus::StoppedRunFinally),
        "PipelineRunPending" => Some(RequestedStatus::Pending),
        _ => None,
    }
}

/// How long the pipeline and its parts may take: what one part leaves is the other's.
fn timeouts(decl: &TimeoutsDecl) -> Timeouts {
    let said = |timeout: &Option<At<Duration>>| timeout.as_ref().map(|timeout| timeout.value);
    let whole = said(&decl.pipeline).unwrap_or(DEFAULT_TIMEOUT);
    let rest = |other: Option<Duration>| {
        let other = other.filter(|other| !other.is_zero() && !whole.is_zero())?;
        whole.checked_sub(other)
    };
    let (tasks, finally) = (said(&decl.tasks), said(&decl.finally));
    let bound = |timeout: Option<Duration>| timeout.filter(|timeout| !timeout.is_zero());
    Timeouts {
        pipeline: bound(Some(whole)),
        tasks: bound(tasks.or_else(|| rest(finally))),
        finally: bound(finally.or_else(|| rest(tasks))),
    }
}
