//! One TaskRun, whoever asks for it: a document, or a pipeline for one of its tasks.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;
use stepwell_contract::{ParamValue, RunName, TaskName};

use crate::document::overrides::ContainerOverride;
use crate::document::pod::PodTemplate;
use crate::document::resources::Amounts;
use crate::document::security::SecurityDecl;
use crate::document::settings::{self, Annotation};
use crate::document::task::TaskSpec;
use crate::nearest::suggest;
use crate::problem::{Problems, TaskProblem};
use crate::reference::{self, Subject};
use crate::request::Request;
use crate::resolve::container;
use crate::resolve::files::Files;
use crate::resolve::library::Library;
use crate::resolve::offers::{Binder, Offer};
use crate::resolve::pod::Pod;
use crate::resolve::steps::{self, Bounds, Maker};
use crate::resolve::stored::{self, Identified};
use crate::resolve::volumes::Volumes;
use crate::resolve::workspaces;
use crate::run::{RemoteRef, TaskRun};
use crate::substitute::{Context, Params, Scope, Surroundings, TaskValues};

/// The annotation that takes the network away from steps.
const EXECUTION_MODE: &str = "experimental.tekton.dev/execution-mode";

/// What can be said of a Task once and for all its runs.
#[derive(Debug)]
pub(crate) struct TaskBase {
    step_names: Vec<String>,
    known_steps: HashSet<String>,
    known_results: HashSet<String>,
    stored: OnceLock<Stored>,
    has_actions: bool,
    reads_exit_codes: bool,
    uses_artifacts: bool,
}

/// A Task's spec as it would be stored.
#[derive(Debug)]
struct Stored {
    json: Arc<Json>,
    has_references: bool,
}

impl TaskBase {
    pub(crate) fn new(spec: &TaskSpec) -> Self {
        let step_names = spec.step_names();
        let (mut reads_exit_codes, mut uses_artifacts) = (false, false);
        let steps = spec.steps.iter().flat_map(|step| step.texts());
        let template = spec
            .step_template
            .iter()
            .flat_map(|template| template.texts());
        for (text, _) in steps.chain(template) {
            let text = text.value.as_str();
            reads_exit_codes |= text.contains("/tekton/steps/");
            uses_artifacts |=
                text.contains("/tekton/artifacts") || text.contains("artifacts/provenance.json");
            if reference::is_in(text) {
                for found in reference::find(text) {
                    match found.subject() {
                        Subject::ExitCode(_) => reads_exit_codes = true,
                        Subject::StepArtifact(_)
                        | Subject::StepArtifactsPath
                        | Subject::ArtifactsPath => uses_artifacts = true,
                        _ => {}
                    }
                }
            }
        }
        Self {
            known_steps: step_names.iter().cloned().collect(),
            known_results: spec
                .results
                .iter()
                .map(|result| result.name.value.clone())
                .collect(),
            stored: OnceLock::new(),
            has_actions: spec.steps.iter().any(|step| step.action.is_some()),
            reads_exit_codes,
            uses_artifacts,
            step_names,
        }
    }

    /// The spec as it would be stored. Made when it is first asked for: before anything runs nobody does.
    pub(crate) fn json(&self, spec: &TaskSpec) -> &Arc<Json> {
        &self.stored(spec).json
    }

    fn stored(&self, spec: &TaskSpec) -> &Stored {
        self.stored.get_or_init(|| {
            let json = stored::task_spec(spec);
            Stored {
                has_references: stored::has_references(&json),
                json: Arc::new(json),
            }
        })
    }
}

/// Everything that one TaskRun is made from.
pub(crate) struct Draft<'a> {
    pub(crate) library: &'a Library,
    pub(crate) request: &'a Request,
    pub(crate) spec: &'a TaskSpec,
    pub(crate) base: &'a TaskBase,
    /// Whether the Task stands inside the run, so that what is around reaches in.
    pub(crate) inline: bool,
    pub(crate) run: Identified<'a>,
    /// The Task's name; the run's own where it is inline.
    pub(crate) title: &'a str,
    pub(crate) key: TaskName,
    pub(crate) params: Params,
    /// Params of the pipeline around, where it is inline.
    pub(crate) outer: Option<&'a Params>,
    pub(crate) tasks: Option<&'a dyn TaskValues>,
    /// The context of the pipeline around, where it is inline.
    pub(crate) outer_context: Option<&'a Context>,
    pub(crate) offers: &'a [Offer],
    /// `metadata` of the TaskRun.
    pub(crate) metadata: &'a Json,
    pub(crate) settings: &'a [&'a [Annotation]],
    pub(crate) step_specs: &'a [ContainerOverride],
    pub(crate) sidecar_specs: &'a [ContainerOverride],
    /// Memory for every step.
    pub(crate) amounts_of_all: Amounts,
    pub(crate) pod_templates: &'a [&'a PodTemplate],
    pub(crate) service_account: &'a str,
    /// Whether somebody will look at the Task's spec as it would be stored.
    pub(crate) stored: bool,
}

/// What a TaskRun took of what it was offered.
pub(crate) struct Made {
    pub(crate) run: TaskRun,
    pub(crate) taken: Vec<Offer>,
}

impl Draft<'_> {
    /// Makes the TaskRun; its `document`, time-out and the like are for the caller to add.
    pub(crate) fn make(self, problems: &Problems, needs: &RefCell<Vec<RemoteRef>>) -> Made {
        let made = Cell::new(0);
        let around = Surroundings {
            context: Cow::Owned(self.context()),
            outer_context: self.outer_context,
            results: Some(&self.base.known_results),
            steps: Some(&self.base.known_steps),
            ..Surroundings::default()
        };
        let scope = Scope {
            outer: self.outer,
            tasks: self.tasks,
            ..Scope::new(&self.library.sources, &self.params, &around, &made)
        };
        let bound = workspaces::bind(self.spec, self.offers, self.inline, &scope, problems);
        if !self.inline {
            workspaces::check_offers(self.spec, self.offers, problems);
        }
        let around = Surroundings {
            workspaces: Cow::Borrowed(&bound.facts),
            context: Cow::Borrowed(&around.context),
            ..around
        };
        let scope = Scope {
            around: &around,
            ..scope
        };
        let pod = Pod {
            task_run: self.run,
            service_account: self.service_account,
            metadata: self.metadata,
        };
        let files = Files {
            library: self.library,
            scope: &scope,
            pod: &pod,
            problems,
        };
        let mut pod_env = Vec::new();
        let mut pod_security = SecurityDecl::default();
        for template in self.pod_templates {
            pod_security = template.security.clone().or(&pod_security);
            pod_env = container::over(pod_env, container::variables(&template.env, &files));
        }
        let binder = Binder {
            files,
            namespace: self.run.namespace,
            uid: self.run.uid,
        };
        let of_pods = self.pod_templates.iter().flat_map(|pod| &pod.volumes);
        let declared = of_pods.chain(&self.spec.volumes);
        let mut volumes = Volumes::new(declared, &bound.workspaces, &binder);
        self.check_step_specs(problems);
        let bounds = Bounds {
            annotations: self.settings,
            amounts: amounts(self.step_specs),
            sidecar_amounts: amounts(self.sidecar_specs),
            amounts_of_all: self.amounts_of_all,
            request: self.request,
        };
        let action_specs = RefCell::default();
        let maker = Maker {
            spec: self.spec,
            names: &self.base.step_names,
            library: self.library,
            scope: &scope,
            pod: &pod,
            bounds: &bounds,
            workspaces: &bound.workspaces,
            pod_env: &pod_env,
            pod_security: &pod_security,
            inline: self.inline,
            problems,
            needs,
            action_specs: &action_specs,
        };
        let steps = maker.steps(&mut volumes);
        let sidecars = maker.sidecars(&mut volumes);
        let volumes = volumes.finish();
        scope.made.set(0);
        let task_spec = match self.stored {
            true => self.task_spec(&scope, action_specs.into_inner()),
            false => Arc::default(),
        };
        let run = TaskRun {
            task_spec,
            inline: self.inline,
            volumes,
            steps,
            workspaces: bound.workspaces,
            results: steps::results(&self.spec.results),
            step_results: self.step_results(),
            sidecars,
            proxies: settings::proxies(self.settings),
            cache: settings::cache(self.settings),
            hermetic: self.metadata["annotations"][EXECUTION_MODE] == "hermetic",
            reads_exit_codes: self.base.reads_exit_codes,
            uses_artifacts: self.base.uses_artifacts || self.base.has_actions,
            secrets: Arc::clone(&self.library.secret_texts),
            params: self.params,
            ..TaskRun::new(RunName::new(self.run.name), self.key)
        };
        Made {
            run,
            taken: bound.taken,
        }
    }

    /// What `$(context.…)` stands for, but for how often the task was tried.
    fn context(&self) -> Context {
        BTreeMap::from([
            ("taskRun.name", self.run.name.to_owned()),
            ("taskRun.namespace", self.run.namespace.to_owned()),
            ("taskRun.uid", self.run.uid.to_owned()),
            ("task.name", self.title.to_owned()),
        ])
    }

    /// Notes overrides for steps and sidecars that are not there.
    fn check_step_specs(&self, problems: &Problems) {
        let named = self.spec.sidecars.iter();
        let names: Vec<&str> = named
            .filter_map(|sidecar| Some(sidecar.name.as_ref()?.value.as_str()))
            .collect();
        for sidecar in self.sidecar_specs {
            if !names.contains(&sidecar.name.value.as_str()) {
                problems.push(TaskProblem::UnknownSidecar {
                    sidecar: sidecar.name.value.clone(),
                    help: suggest(&sidecar.name.value, &names, "sidecars"),
                    span: sidecar.name.span,
                });
            }
        }
        for step in self.step_specs {
            if !self.base.known_steps.contains(&step.name.value) {
                let steps: Vec<&str> = self.base.step_names.iter().map(String::as_str).collect();
                problems.push(TaskProblem::UnknownStep {
                    setting: "stepSpecs".to_owned(),
                    help: suggest(&step.name.value, &steps, "steps"),
                    span: step.name.span,
                });
            }
        }
    }

    fn step_results(&self) -> Vec<(Arc<str>, String)> {
        let results = self.spec.results.iter().filter_map(|result| {
            let ParamValue::String(text) = &result.value.as_ref()?.value else {
                return None;
            };
            Some((result.name.value.as_str().into(), text.clone()))
        });
        results.collect()
    }

    /// The Task's spec with its references filled in (`status.taskSpec`).
    fn task_spec(&self, scope: &Scope<'_>, actions: BTreeMap<String, Json>) -> Arc<Json> {
        let stored = self.base.stored(self.spec);
        if !stored.has_references && actions.is_empty() {
            return Arc::clone(&stored.json);
        }
        let mut spec = Json::clone(&stored.json);
        let span = self.spec.node.span;
        let steps = stored::items(&mut spec, "steps").zip(&self.base.step_names);
        for (json, name) in steps {
            let mut step = *scope;
            step.step = Some(crate::substitute::StepScope {
                name,
                results: &[],
                paths: &[],
            });
            step.json(json, "steps", span);
            if let (Some(action), Some(fields)) = (actions.get(name), json.as_object_mut()) {
                fields.remove("ref");
                fields.remove("params");
                for (field, value) in action.as_object().into_iter().flatten() {
                    fields.entry(field).or_insert_with(|| value.clone());
                }
            }
        }
        for field in ["stepTemplate", "sidecars", "volumes"] {
            if let Some(json) = spec.get_mut(field) {
                scope.json(json, field, span);
            }
        }
        for workspace in stored::items(&mut spec, "workspaces") {
            if let Some(path) = workspace.get_mut("mountPath") {
                scope.json(path, "mountPath", span);
            }
        }
        Arc::new(spec)
    }
}

/// What overrides say of resources, by the name of whom they are about.
fn amounts(overrides: &[ContainerOverride]) -> BTreeMap<&str, Amounts> {
    let amounts = overrides.iter().filter_map(|one| {
        let amounts = one.resources.as_ref()?.amounts;
        Some((one.name.value.as_str(), amounts))
    });
    amounts.collect()
}
