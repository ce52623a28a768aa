//! One child of a pipeline: a TaskRun, or a nested PipelineRun.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use stepwell_contract::{ParamValue, TaskName};

use crate::check::list;
use crate::document::Document;
use crate::document::param::GivenParam;
use crate::document::pipeline_task::{InlineTask, PipelineTask as Decl};
use crate::document::settings::{self, Annotation};
use crate::document::task::TaskSpec;
use crate::problem::{Problems, RunProblem};
use crate::reference::{self, Subject};
use crate::resolve::children::Children;
use crate::resolve::offers::Offer;
use crate::resolve::params::Lack;
use crate::resolve::pipeline::{self, SpecOf};
use crate::resolve::recipe::Core;
use crate::resolve::stored::{self, Identified};
use crate::resolve::{params, refusal, task};
use crate::run::{DEFAULT_TIMEOUT, Instance, RemoteRef, Section};

/// Everything in which one child differs from another.
pub(crate) struct Child<'a> {
    pub(crate) all: &'a Children<'a>,
    pub(crate) decl: &'a Decl,
    pub(crate) run: Identified<'a>,
    pub(crate) key: TaskName,
    pub(crate) given: Vec<GivenParam>,
    pub(crate) offers: &'a [Offer],
    pub(crate) display_name: Option<Arc<str>>,
    /// Whether the Task was made of a component.
    pub(crate) of_component: bool,
    pub(crate) problems: &'a Problems,
    pub(crate) needs: &'a RefCell<Vec<RemoteRef>>,
}

impl Child<'_> {
    fn core(&self) -> &Core {
        &self.all.recipe.core
    }

    /// A TaskRun of a Task that has a document, or stands in the pipeline.
    pub(crate) fn task(
        self,
        spec: &TaskSpec,
        document: Option<&Arc<Document<TaskSpec>>>,
        inside: Option<&InlineTask>,
        provenance: Option<Arc<Json>>,
    ) -> Instance {
        let core = &self.all.recipe.core;
        let inline = document.is_none();
        let base = core.base(spec);
        let own = core.override_of(&self.decl.name.value);
        self.check_required_workspaces(spec);
        if let Some(document) = document {
            self.check_enums(&document.spec);
        }
        let outer = inline.then_some(&core.params);
        let at = self.decl.name.span;
        let lack = match self.of_component {
            true => {
                params::check_declared(&spec.params, &self.given, self.problems);
                Lack::OfComponent(at)
            }
            false => Lack::Declared(at),
        };
        let values = params::of_child(&spec.params, &self.given, outer, lack, self.problems);
        let labels = match (document, inside) {
            (Some(document), _) => &document.metadata.labels[..],
            (None, Some(inside)) => &inside.labels[..],
            (None, None) => &[],
        };
        let mut metadata =
            child_metadata(core, self.decl, self.run, labels, self.all.asking.section);
        if let Some(document) = document {
            metadata["labels"]["tekton.dev/task"] = document.metadata.title().into();
            for (key, value) in &document.metadata.annotations {
                let annotations = &mut metadata["annotations"];
                if annotations[&key.value].is_null() {
                    annotations[&key.value] = value.value.as_str().into();
                }
            }
        }
        let mut own_settings = Vec::new();
        if let Some(inside) = inside.filter(|inside| !inside.annotations.is_empty()) {
            let sources = &self.all.recipe.library.sources;
            own_settings = settings::read(&inside.annotations, sources, self.problems);
            for (key, value) in &inside.annotations {
                metadata["annotations"][&key.value] = value.value.as_str().into();
            }
        }
        let settings: [&[Annotation]; 4] = [
            document.map_or(&[], |document| &document.metadata.settings),
            &own_settings,
            core.document()
                .map_or(&[], |document| &document.metadata.settings),
            core.run.as_ref().map_or(&[], |run| &run.metadata.settings),
        ];
        let of_run = core
            .run
            .as_ref()
            .and_then(|run| run.spec.pod_template.as_ref());
        let of_task = own.and_then(|own| own.pod_template.as_ref());
        // Tekton takes the one of the task instead of the run's.
        let pod_templates: Vec<_> = of_task.or(of_run).into_iter().collect();
        let service_account = own
            .and_then(|own| own.service_account.as_ref())
            .or_else(|| core.run.as_ref()?.spec.service_account.as_ref())
            .map_or("default", |account| &account.value);
        let timeout = self.timeout();
        let title = document.map_or(self.run.name, |document| document.metadata.title());
        let known = self.all.known;
        let draft = task::Draft {
            library: &self.all.recipe.library,
            request: &core.request,
            spec,
            base: &base,
            inline,
            run: self.run,
            title,
            key: self.key.clone(),
            params: values,
            outer,
            tasks: known
                .filter(|_| inline)
                .map(|known| known as &dyn crate::substitute::TaskValues),
            outer_context: inline.then_some(&core.context),
            offers: self.offers,
            metadata: &metadata,
            settings: &settings,
            step_specs: own.map_or(&[], |own| &own.step_specs),
            sidecar_specs: own.map_or(&[], |own| &own.sidecar_specs),
            amounts_of_all: own
                .and_then(|own| own.resources.as_ref())
                .map(|resources| resources.amounts)
                .unwrap_or_default(),
            pod_templates: &pod_templates,
            service_account,
            stored: known.is_some(),
        };
        let made = draft.make(self.problems, self.needs);
        let mut run = made.run;
        run.pipeline_task = Some(Arc::clone(&self.all.asking.name));
        run.display_name = self.display_name;
        run.provenance = provenance;
        run.timeout = timeout;
        run.retries = self.all.asking.retries;
        if known.is_none() {
            return Instance::Task(Box::new(run));
        }
        let mut spec_json = json!({"serviceAccountName": service_account});
        let given = self
            .given
            .iter()
            .map(|param| (param.name.value.as_str(), &param.value.value));
        stored::set_list(&mut spec_json, "params", stored::params(given));
        match document {
            Some(document) => {
                let name = document.metadata.title();
                spec_json["taskRef"] = json!({"kind": "Task", "name": name});
            }
            None => spec_json["taskSpec"] = Json::clone(base.json(spec)),
        }
        if self.all.asking.retries > 0 {
            spec_json["retries"] = self.all.asking.retries.into();
        }
        spec_json["timeout"] = stored::timeout(timeout);
        let taken = if inline { &made.taken[..] } else { self.offers };
        let bindings = taken.iter().map(Offer::to_json).collect();
        stored::set_list(&mut spec_json, "workspaces", bindings);
        if let Some(template) = pod_templates.first() {
            spec_json["podTemplate"] = template.node.to_json();
        }
        run.document = Arc::new(stored::object(
            "tekton.dev/v1",
            "TaskRun",
            metadata,
            spec_json,
        ));
        Instance::Task(Box::new(run))
    }

    /// How long one attempt may take: what the run says of the task, else what the task says, else what its part of the
    /// pipeline may take where that is longer than usual.
    fn timeout(&self) -> Option<Duration> {
        let core = self.core();
        let own = core
            .override_of(&self.decl.name.value)
            .and_then(|own| own.timeout.as_ref());
        if let Some(timeout) = own.or(self.decl.timeout.as_ref()) {
            return Some(timeout.value).filter(|timeout| !timeout.is_zero());
        }
        let part = core.run.as_ref().and_then(|run| {
            let timeouts = &run.spec.timeouts;
            match self.all.asking.section {
                Section::Tasks => timeouts.tasks.as_ref(),
                Section::Finally => timeouts.finally.as_ref(),
            }
        });
        match part.map(|part| part.value) {
            Some(part) if part.is_zero() => None,
            Some(part) if part > DEFAULT_TIMEOUT => Some(part),
            _ => Some(DEFAULT_TIMEOUT),
        }
    }

    /// Notes an optional workspace of the Pipeline that the Task needs.
    fn check_required_workspaces(&self, spec: &TaskSpec) {
        let core = self.core();
        for workspace in &self.decl.workspaces {
            let source = workspace.source();
            let of_pipeline = core.spec.workspaces.iter();
            let optional = of_pipeline
                .into_iter()
                .any(|declared| declared.optional && declared.name.value == source.value);
            let required = spec
                .workspaces
                .iter()
                .any(|declared| !declared.optional && declared.name.value == workspace.name.value);
            if optional && required {
                self.problems.refuse(refusal::failed(
                    "RequiredWorkspaceMarkedOptional",
                    format!(
                        "Optional workspace not supported by task: pipeline workspace {:?} is marked optional but pipeline task {:?} requires it be provided",
                        source.value, self.decl.name.value
                    ),
                ));
                self.problems.push(RunProblem::OptionalWorkspace {
                    workspace: workspace.name.value.clone(),
                    span: workspace.name.span,
                });
            }
        }
    }

    /// Notes a param of the Pipeline that is handed on as it is, and may have values that the Task does not allow.
    fn check_enums(&self, spec: &TaskSpec) {
        let core = self.core();
        for param in &self.decl.params {
            let declared = spec
                .params
                .iter()
                .find(|own| own.name.value == param.name.value);
            let Some(declared) = declared.filter(|own| !own.allowed.is_empty()) else {
                continue;
            };
            let Some(source) = whole_param(&param.value.value) else {
                continue;
            };
            let of_pipeline = core.spec.params.iter().find(|own| own.name.value == source);
            let Some(of_pipeline) = of_pipeline else {
                continue;
            };
            let allowed = |value: &str| declared.allowed.iter().any(|own| own.value == value);
            let fits = !of_pipeline.allowed.is_empty()
                && of_pipeline
                    .allowed
                    .iter()
                    .all(|value| allowed(&value.value));
            if !fits {
                let words = declared.allowed.iter().map(|value| value.value.as_str());
                self.problems.refuse(refusal::failed(
                    "InvalidParamValue",
                    format!("pipeline param \"{source}\" has no enum, or one that is not a subset of the referenced in-task param enum"),
                ));
                self.problems.push(RunProblem::EnumNotSubset {
                    param: source,
                    allowed: list(words),
                    span: param.value.span,
                });
            }
        }
    }

    /// A nested PipelineRun.
    pub(crate) fn pipeline(self, spec: &SpecOf, provenance: Option<Arc<Json>>) -> Instance {
        let core = &self.all.recipe.core;
        let outer = spec.document().is_none().then_some(&core.params);
        let mut values = params::of_child(
            &spec.params,
            &self.given,
            outer,
            Lack::Declared(self.decl.name.span),
            self.problems,
        );
        let given = |name: &str| self.given.iter().any(|param| param.name.value == name);
        let library = &self.all.recipe.library;
        pipeline::settle_defaults(&spec.params, given, &mut values, library, self.problems);
        if let Some(outer) = outer {
            // What is inline sees what is around it.
            for (name, value) in outer {
                values.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        let metadata = child_metadata(core, self.decl, self.run, &[], self.all.asking.section);
        let mut spec_json = json!({
            "taskRunTemplate": {"serviceAccountName": "default"},
            "timeouts": {"pipeline": stored::timeout(Some(DEFAULT_TIMEOUT))},
        });
        match spec.document() {
            Some(document) => {
                spec_json["pipelineRef"] = json!({"name": document.metadata.title()});
            }
            None => spec_json["pipelineSpec"] = spec.node.to_json(),
        }
        let given = self
            .given
            .iter()
            .map(|param| (param.name.value.as_str(), &param.value.value));
        stored::set_list(&mut spec_json, "params", stored::params(given));
        let bindings = self.offers.iter().map(Offer::to_json).collect();
        stored::set_list(&mut spec_json, "workspaces", bindings);
        let draft = pipeline::Draft {
            library,
            request: &core.request,
            spec,
            provenance,
            run: None,
            name: self.run,
            params: values,
            offers: self.offers.to_vec(),
            parent: Some(self.key),
            around: core.chain.clone(),
            object: Arc::new(stored::object(
                "tekton.dev/v1",
                "PipelineRun",
                metadata,
                spec_json,
            )),
        };
        draft.check_workspaces(self.decl.name.span, self.problems);
        let mut made = draft.make(self.problems);
        made.display_name = self.display_name;
        Instance::Pipeline(Box::new(made))
    }
}

/// The param that a value is a reference to and says nothing else.
fn whole_param(value: &ParamValue) -> Option<String> {
    let ParamValue::String(text) = value else {
        return None;
    };
    let found = reference::find(text)
        .next()
        .filter(|found| found.text == text)?;
    match (found.subject(), found.index) {
        (Subject::Param { name, .. }, None) => Some(name),
        _ => None,
    }
}

/// `metadata` of a child.
pub(crate) fn child_metadata(
    core: &Core,
    decl: &Decl,
    run: Identified<'_>,
    labels_of_task: &[(crate::fields::Text, crate::fields::Text)],
    section: Section,
) -> Json {
    let mut labels = stored::Words::with_capacity(core.labels.len() + labels_of_task.len() + 2);
    labels.extend(core.labels.clone());
    stored::put(&mut labels, labels_of_task);
    labels.insert(
        "tekton.dev/pipelineTask".to_owned(),
        decl.name.value.as_str().into(),
    );
    let member_of = match section {
        Section::Tasks => "tasks",
        Section::Finally => "finally",
    };
    labels.insert("tekton.dev/memberOf".to_owned(), member_of.into());
    let mut annotations = core.annotations.clone();
    if let Some(own) = core.override_of(&decl.name.value) {
        stored::put(&mut labels, &own.labels);
        stored::put(&mut annotations, &own.annotations);
    }
    let mut metadata = stored::metadata(run, None, labels, annotations);
    stored::owned_by(&mut metadata, core.identified());
    metadata
}
