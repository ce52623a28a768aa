//! A TaskRun that runs by itself, or a Task that no document runs.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;
use stepwell_contract::TaskName;

use crate::document::task::TaskSpec;
use crate::document::taskrun::{Debug, TaskRunSpec, TaskSource};
use crate::document::{Document, Metadata, check_settings};
use crate::name::shorten;
use crate::problem::Problems;
use crate::request::Request;
use crate::resolve::files::Files;
use crate::resolve::library::{Library, Nowhere};
use crate::resolve::offers::{Binder, Offer};
use crate::resolve::pod::Pod;
use crate::resolve::stored::{self, Identified};
use crate::resolve::task::{Draft, TaskBase};
use crate::resolve::{Made, params, refusal, workspaces};
use crate::run::{DEFAULT_TIMEOUT, RequestedEnd, Run};
use crate::substitute::{Params, Scope, Surroundings};

/// Makes the TaskRun of `run`, or one for `task`.
pub(crate) fn make(
    task: Option<&Arc<Document<TaskSpec>>>,
    run: Option<&Arc<Document<TaskRunSpec>>>,
    library: &Library,
    request: &Request,
    problems: &Problems,
) -> Option<Made> {
    let name = name(
        run.map(|run| &run.metadata),
        task.map(|task| &task.metadata),
        request,
    );
    let identified = Identified {
        name: &name,
        namespace: namespace(run.map(|run| &run.metadata)),
        uid: &request.identity.uid,
    };
    let mut component = None;
    let (found, provenance, inline) = match (task, run.map(|run| &run.spec.task)) {
        (Some(task), _) => (Some(Arc::clone(task)), None, None),
        (None, Some(TaskSource::Inline(spec))) => (None, None, Some(spec)),
        (None, Some(TaskSource::Named(reference))) => {
            let given = given_params(run);
            let (around, made) = (Surroundings::default(), Cell::new(0));
            let scope = Scope::new(&library.sources, &given, &around, &made);
            match library.look_up::<TaskSpec>(reference, &scope, problems) {
                Ok(looked) => {
                    component = looked.of_component.then_some(reference.span);
                    (Some(looked.document), looked.provenance, None)
                }
                Err(Nowhere::Needs(wanted)) => {
                    return Some(Made::needs(*wanted));
                }
                Err(Nowhere::Missing) => {
                    if let Some(name) = &reference.name {
                        let name = &name.value;
                        problems.refuse(refusal::failed(
                            "TaskRunResolutionFailed",
                            format!("failed to retrieve task: tasks.tekton.dev {name:?} not found"),
                        ));
                    }
                    let metadata = stored::metadata(
                        identified,
                        run.map(|run| &run.metadata),
                        stored::labels(),
                        stored::Words::new(),
                    );
                    let spec = run.map_or_else(|| json!({}), |run| run.spec.node.to_json());
                    let object = stored::object("tekton.dev/v1", "TaskRun", metadata, spec);
                    return Some(Made::refused(object));
                }
            }
        }
        (None, _) => return None,
    };
    let spec: &TaskSpec = match (&found, inline) {
        (Some(document), _) => &document.spec,
        (None, Some(spec)) => spec,
        (None, None) => return None,
    };
    let base = TaskBase::new(spec);
    let given = params::Given {
        run: run.map_or(&[], |run| &run.spec.params),
        flags: &request.params,
        propagate: inline.is_some(),
        component,
    };
    if component.is_some() {
        params::check_declared(&spec.params, given.run, problems);
    }
    let values = params::resolve(&spec.params, &given, problems);
    let mut labels = stored::labels();
    let mut annotations = stored::Words::new();
    // What a Task carries goes on to its TaskRun, which may say otherwise.
    if let Some(task) = &found {
        stored::put(&mut labels, &task.metadata.labels);
        stored::put(&mut annotations, &task.metadata.annotations);
        labels.insert("tekton.dev/task".to_owned(), task.metadata.title().into());
    }
    if let Some(run) = run {
        stored::put(&mut labels, &run.metadata.labels);
        stored::put(&mut annotations, &run.metadata.annotations);
        if found.is_some() {
            check_settings(&run.metadata, &spec.step_names(), problems);
        }
    }
    let metadata = stored::metadata(
        identified,
        run.map(|run| &run.metadata),
        labels,
        annotations,
    );
    let run_spec = run.map(|run| &run.spec);
    let service_account = run_spec
        .and_then(|spec| spec.service_account.as_ref())
        .map_or("default", |account| &account.value);
    let pod = Pod {
        task_run: identified,
        service_account,
        metadata: &metadata,
    };
    let offers = offers(
        run,
        spec,
        (&values, library, &pod),
        request,
        inline.is_some(),
        problems,
    );
    let settings = [
        found
            .as_ref()
            .map_or(&[][..], |task| &task.metadata.settings),
        run.map_or(&[][..], |run| &run.metadata.settings),
    ];
    let pod_templates: Vec<_> = run_spec
        .and_then(|spec| spec.pod_template.as_ref())
        .into_iter()
        .collect();
    let title = found
        .as_ref()
        .map_or(name.as_str(), |task| task.metadata.title());
    let needs = RefCell::default();
    let shown = values.clone();
    let draft = Draft {
        library,
        request,
        spec,
        base: &base,
        inline: inline.is_some(),
        run: identified,
        title,
        key: TaskName::new(title),
        params: values,
        outer: None,
        tasks: None,
        outer_context: None,
        offers: &offers,
        metadata: &metadata,
        settings: &settings,
        step_specs: run_spec.map_or(&[], |spec| &spec.step_specs),
        sidecar_specs: run_spec.map_or(&[], |spec| &spec.sidecar_specs),
        amounts_of_all: run_spec
            .and_then(|spec| spec.resources.as_ref())
            .map(|resources| resources.amounts)
            .unwrap_or_default(),
        pod_templates: &pod_templates,
        service_account,
        stored: true,
    };
    let mut made = draft.make(problems, &needs).run;
    let timeout = run_spec
        .and_then(|spec| spec.timeout.as_ref())
        .map_or(DEFAULT_TIMEOUT, |timeout| timeout.value);
    made.timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
    made.retries = run_spec
        .and_then(|spec| spec.retries.as_ref())
        .map_or(0, |retries| retries.value);
    made.provenance = provenance;
    made.status = run_spec.and_then(requested);
    let debug = run_spec.and_then(|spec| spec.debug.as_ref());
    made.breakpoints = debug.map(Debug::breakpoints).unwrap_or_default();
    let mut spec_json = run_spec.map_or_else(|| json!({}), |spec| spec.node.to_json());
    stored::set_list(&mut spec_json, "params", run_params(run, &shown, request));
    match &found {
        Some(task) if made.provenance.is_none() => {
            spec_json["taskRef"]["kind"] = "Task".into();
            spec_json["taskRef"]["name"] = task.metadata.title().into();
        }
        Some(_) => {}
        None => spec_json["taskSpec"] = serde_json::Value::clone(base.json(spec)),
    }
    stored::add_default(&mut spec_json, "serviceAccountName", || "default".into());
    spec_json["timeout"] = stored::timeout(Some(timeout));
    let bindings = stored::workspaces(spec_json.get("workspaces"), &offers);
    stored::set_list(&mut spec_json, "workspaces", bindings);
    let api_version = run.map_or("tekton.dev/v1", |run| &run.api_version);
    made.document = Arc::new(stored::object(api_version, "TaskRun", metadata, spec_json));
    Some(Made::run(Run::Task(Box::new(made)), needs.into_inner()))
}

fn requested(spec: &TaskRunSpec) -> Option<RequestedEnd> {
    match spec.status.as_ref()?.value.as_str() {
        "TaskRunCancelled" => {
            let message = spec.status_message.as_ref();
            let message = message.map_or("", |message| &message.value);
            Some(RequestedEnd::Cancelled(message.into()))
        }
        "TaskRunPending" => Some(RequestedEnd::Pending),
        _ => None,
    }
}

/// The run's name: its own, or made from a prefix and the suffix of this run.
pub(crate) fn name(run: Option<&Metadata>, of: Option<&Metadata>, request: &Request) -> String {
    let prefix = match (run, of) {
        (Some(metadata), _) => match (&metadata.name, &metadata.generate_name) {
            (Some(name), _) => return name.value.clone(),
            (None, Some(prefix)) => prefix.value.clone(),
            // Noted when the document was read.
            (None, None) => String::new(),
        },
        (None, Some(of)) => format!("{}-run-", of.title()),
        (None, None) => String::new(),
    };
    format!("{}{}", shorten(&prefix), request.identity.suffix)
}

/// The namespace that a run is said to be in.
pub(crate) fn namespace(run: Option<&Metadata>) -> &str {
    let given = run.and_then(|run| run.namespace.as_ref());
    given.map_or("default", |namespace| &namespace.value)
}

/// The params of a run as they are written, for the reference to its Task.
fn given_params(run: Option<&Arc<Document<TaskRunSpec>>>) -> Params {
    let params = run.map_or(&[][..], |run| &run.spec.params);
    let pairs = params.iter();
    pairs
        .map(|param| (param.name.value.clone(), param.value.value.clone()))
        .collect()
}

/// `params` of the run: as it gives them, with those of the command line.
fn run_params(
    run: Option<&Arc<Document<TaskRunSpec>>>,
    values: &Params,
    request: &Request,
) -> serde_json::Value {
    let given = run.map_or(&[][..], |run| &run.spec.params);
    params::shown(given, values, &request.params)
}

/// What the run binds, and the command line.
fn offers(
    run: Option<&Arc<Document<TaskRunSpec>>>,
    spec: &TaskSpec,
    (values, library, pod): (&Params, &Library, &Pod<'_>),
    request: &Request,
    inline: bool,
    problems: &Problems,
) -> Vec<Offer> {
    let (around, made) = (Surroundings::default(), Cell::new(0));
    let scope = Scope::new(&library.sources, values, &around, &made);
    let binder = Binder {
        files: Files {
            library,
            scope: &scope,
            pod,
            problems,
        },
        namespace: pod.task_run.namespace,
        uid: pod.task_run.uid,
    };
    let bindings = run.map_or(&[][..], |run| &run.spec.workspaces);
    let mut known = workspaces::names(spec);
    let offers = binder.bind_all(bindings, &request.workspaces);
    if inline {
        let named: HashSet<String> = crate::resolve::workspaces::named(spec);
        known.extend(offers.iter().map(|offer| &*offer.name).filter(|name| {
            named.contains(*name) || bindings.iter().any(|bound| bound.name.value == **name)
        }));
    }
    workspaces::check_flags(request, &known, problems);
    let declared = |offer: &Offer| offer.span.is_some() || known.contains(&&*offer.name);
    let known_offers = offers.iter().filter(|offer| declared(offer));
    known_offers.cloned().collect()
}
