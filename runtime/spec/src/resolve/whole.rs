//! A PipelineRun, or a Pipeline that no document runs.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::json;

use crate::check::check_results_used;
use crate::document::Document;
use crate::document::pipeline::PipelineSpec;
use crate::document::pipelinerun::{PipelineRunSpec, PipelineSource};
use crate::problem::{Problems, SyntaxProblem};
use crate::request::Request;
use crate::resolve::files::Files;
use crate::resolve::library::{Library, Nowhere};
use crate::resolve::offers::{Binder, Offer};
use crate::resolve::pipeline::{self, Draft, SpecOf};
use crate::resolve::pod::Pod;
use crate::resolve::recipe::Recipe;
use crate::resolve::single::{name, namespace};
use crate::resolve::stored::{self, Identified};
use crate::resolve::{Made, params, refusal, workspaces};
use crate::run::{DEFAULT_TIMEOUT, Instance, Pipeline, RemoteRef, Run};
use crate::source::Span;
use crate::substitute::{Params, Scope, Surroundings};

/// Stops pipelines in pipelines in pipelines from filling the memory before anything runs.
const MAX_TASKS: usize = 100_000;

/// Makes the PipelineRun of `run`, or one for `pipeline`.
pub(crate) fn make(
    pipeline: Option<&Arc<Document<PipelineSpec>>>,
    run: Option<&Arc<Document<PipelineRunSpec>>>,
    library: &Arc<Library>,
    request: &Request,
    problems: &Problems,
) -> Option<Made> {
    let metadata_of_run = run.map(|run| &run.metadata);
    let name = name(
        metadata_of_run,
        pipeline.map(|pipeline| &pipeline.metadata),
        request,
    );
    let identified = Identified {
        name: &name,
        namespace: namespace(metadata_of_run),
        uid: &request.identity.uid,
    };
    let (spec, provenance) = match (pipeline, run.map(|run| &run.spec.pipeline)) {
        (Some(pipeline), _) => (SpecOf::Named(Arc::clone(pipeline)), None),
        (None, Some(PipelineSource::Inline(spec))) => (SpecOf::Inline(Arc::clone(spec)), None),
        (None, Some(PipelineSource::Named(reference))) => {
            let given: Params = run
                .iter()
                .flat_map(|run| &run.spec.params)
                .map(|param| (param.name.value.clone(), param.value.value.clone()))
                .collect();
            let (around, made) = (Surroundings::default(), Cell::new(0));
            let scope = Scope::new(&library.sources, &given, &around, &made);
            match library.look_up::<PipelineSpec>(reference, &scope, problems) {
                Ok(looked) => (SpecOf::Named(looked.document), looked.provenance),
                Err(Nowhere::Needs(wanted)) => {
                    return Some(Made::needs(*wanted));
                }
                Err(Nowhere::Missing) => {
                    if let Some(wanted) = &reference.name {
                        problems.refuse(not_found(identified, &wanted.value));
                    }
                    let metadata = stored::metadata(
                        identified,
                        metadata_of_run,
                        stored::labels(),
                        stored::Words::new(),
                    );
                    let spec = run.map_or_else(|| json!({}), |run| run.spec.node.to_json());
                    let object = stored::object("tekton.dev/v1", "PipelineRun", metadata, spec);
                    return Some(Made::refused(object));
                }
            }
        }
        (None, _) => return None,
    };
    let flags = &request.params;
    let given_by_run = run.map_or(&[][..], |run| &run.spec.params);
    let given = params::Given {
        run: given_by_run,
        flags,
        propagate: spec.document().is_none(),
        component: None,
    };
    let title = pipeline::title(spec.document(), &name).to_owned();
    let own = Problems::default();
    let mut values = params::resolve(&spec.params, &given, &own);
    own.pour(problems, |verdict| {
        params::of_pipeline(verdict, identified, &title)
    });
    let is_given = |name: &str| {
        flags.iter().any(|(flag, _)| flag == name)
            || given_by_run.iter().any(|param| param.name.value == name)
    };
    pipeline::settle_defaults(&spec.params, is_given, &mut values, library, problems);
    let mut labels = stored::labels();
    let mut annotations = stored::Words::new();
    if let Some(document) = spec.document() {
        stored::put(&mut labels, &document.metadata.labels);
        stored::put(&mut annotations, &document.metadata.annotations);
    }
    if let Some(run) = run {
        stored::put(&mut labels, &run.metadata.labels);
        stored::put(&mut annotations, &run.metadata.annotations);
    }
    labels.insert("tekton.dev/pipeline".to_owned(), title.as_str().into());
    let metadata = stored::metadata(identified, metadata_of_run, labels, annotations);
    let own = Problems::default();
    let offers = offers(
        run,
        &spec,
        (&values, library, identified, &title, &metadata),
        request,
        &own,
    );
    own.pour_settled(problems);
    let api_version = run.map_or("tekton.dev/v1", |run| &run.api_version);
    let spec_json = run_spec(run, &spec, &values, &offers, request);
    let object = stored::object(api_version, "PipelineRun", metadata, spec_json);
    let request = Arc::new(request.clone());
    let draft = Draft {
        library,
        request: &request,
        spec: &spec,
        provenance,
        run,
        name: identified,
        params: values,
        offers,
        parent: None,
        around: Vec::new(),
        object: Arc::new(object),
    };
    draft.check_workspaces(spec.node.span, problems);
    let made = draft.make(problems);
    let needs = RefCell::default();
    // What is wrong with a document itself would be said a second time of what becomes of it.
    if problems.is_empty() {
        let budget = Cell::new(MAX_TASKS);
        check(&made, &budget, spec.node.span, problems, &needs);
    }
    let mut needs: Vec<RemoteRef> = needs.into_inner();
    let mut distinct: Vec<RemoteRef> = Vec::new();
    for wanted in needs.drain(..) {
        if !distinct.contains(&wanted) {
            distinct.push(wanted);
        }
    }
    Some(Made::run(Run::Pipeline(Box::new(made)), distinct))
}

/// Notes everything that is wrong with any task, as far as it is known before anything has run.
fn check(
    pipeline: &Pipeline,
    budget: &Cell<usize>,
    at: Span,
    problems: &Problems,
    needs: &RefCell<Vec<RemoteRef>>,
) {
    let mut declared = HashMap::new();
    for task in 0..pipeline.tasks.len() {
        let left = budget.get();
        if left == 0 {
            return;
        }
        budget.set(left - 1);
        if left == 1 {
            problems.push(SyntaxProblem::TooLarge {
                limit: MAX_TASKS,
                unit: "tasks, with those of pipelines in pipelines",
                span: at,
            });
        }
        for instance in pipeline.recipe.check(pipeline, task, problems, needs) {
            match instance {
                Instance::Pipeline(nested) => check(&nested, budget, at, problems, needs),
                Instance::Task(run) => {
                    declared.insert(Arc::clone(&pipeline.tasks[task].name), run.results);
                }
                Instance::Broken(_) => {}
            }
        }
    }
    let Recipe { library, core } = &*pipeline.recipe;
    check_results_used(&core.spec, &declared, &library.sources, problems);
}

/// What the run binds, and the command line.
fn offers(
    run: Option<&Arc<Document<PipelineRunSpec>>>,
    spec: &SpecOf,
    (values, library, identified, title, metadata): (
        &Params,
        &Library,
        Identified<'_>,
        &str,
        &serde_json::Value,
    ),
    request: &Request,
    problems: &Problems,
) -> Vec<Offer> {
    let context = pipeline::context(identified, title);
    let around = Surroundings {
        context: Cow::Borrowed(&context),
        ..Surroundings::default()
    };
    let made = Cell::new(0);
    let scope = Scope::new(&library.sources, values, &around, &made);
    let pod = Pod {
        task_run: identified,
        service_account: "default",
        metadata,
    };
    let binder = Binder {
        files: Files {
            library,
            scope: &scope,
            pod: &pod,
            problems,
        },
        namespace: identified.namespace,
        uid: identified.uid,
    };
    let bindings = run.map_or(&[][..], |run| &run.spec.workspaces);
    let offers = binder.bind_all(bindings, &request.workspaces);
    let mut known: Vec<&str> = spec
        .workspaces
        .iter()
        .map(|workspace| workspace.name.value.as_str())
        .chain(bindings.iter().map(|bound| bound.name.value.as_str()))
        .collect();
    let named: HashSet<String> = spec
        .all_tasks()
        .filter_map(|task| match &task.source {
            crate::document::pipeline_task::PipelineTaskSource::InlineTask(inline) => {
                Some(workspaces::named(&inline.spec))
            }
            _ => None,
        })
        .flatten()
        .collect();
    known.extend(named.iter().map(String::as_str));
    workspaces::check_flags(request, &known, problems);
    offers
}

/// The PipelineRun's spec as it would be stored.
fn run_spec(
    run: Option<&Arc<Document<PipelineRunSpec>>>,
    spec: &SpecOf,
    values: &Params,
    offers: &[Offer],
    request: &Request,
) -> serde_json::Value {
    let mut json = run.map_or_else(|| json!({}), |run| run.spec.node.to_json());
    let given = run.map_or(&[][..], |run| &run.spec.params);
    let shown = params::shown(given, values, &request.params);
    stored::set_list(&mut json, "params", shown);
    match spec.document() {
        Some(document) if json["pipelineRef"].get("resolver").is_none() => {
            json["pipelineRef"]["name"] = document.metadata.title().into();
        }
        Some(_) => {}
        None => {
            stored::declare_params(&mut json["pipelineSpec"], &spec.params);
            stored::declare_results(&mut json["pipelineSpec"], &spec.results);
        }
    }
    if json["taskRunTemplate"].is_null() {
        json["taskRunTemplate"] = json!({});
    }
    stored::add_default(&mut json["taskRunTemplate"], "serviceAccountName", || {
        "default".into()
    });
    if json["timeouts"].is_null() {
        json["timeouts"] = json!({});
    }
    let whole = match json.as_object_mut().and_then(|json| json.remove("timeout")) {
        Some(older) => older,
        None => stored::timeout(Some(DEFAULT_TIMEOUT)),
    };
    stored::add_default(&mut json["timeouts"], "pipeline", || whole);
    let bindings = stored::workspaces(json.get("workspaces"), offers);
    stored::set_list(&mut json, "workspaces", bindings);
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    json
}

/// What a Pipeline that is not there is called by the controller.
fn not_found(run: Identified<'_>, name: &str) -> stepwell_contract::event::Verdict {
    refusal::failed(
        "CouldntGetPipeline",
        format!(
            "Error retrieving pipeline for pipelinerun {}/{}: pipelines.tekton.dev {name:?} not found",
            run.namespace, run.name
        ),
    )
}
