//! The TaskRun and the Task's spec as a cluster would store them, defaults written out.

use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

use crate::document::Document;
use crate::document::task::TaskSpec;
use crate::document::taskrun::{TaskRunSpec, TaskSource};
use crate::duration;
use crate::fields::Text;
use crate::request::Identity;
use crate::resolve::workspaces::folder_binding;
use crate::run::DEFAULT_TIMEOUT;
use crate::substitute::Scope;
use crate::value;

/// What the TaskRun is made from.
pub(crate) struct Origin<'a> {
    pub(crate) name: &'a str,
    pub(crate) identity: &'a Identity,
    /// `None` where a Task is run by itself.
    pub(crate) run: Option<&'a Document<TaskRunSpec>>,
    /// `None` where the Task is inline.
    pub(crate) task: Option<&'a Document<TaskSpec>>,
    /// Params that the command line gives, with the values they got.
    pub(crate) params: Vec<(&'a str, Json)>,
    pub(crate) workspaces: &'a [(String, PathBuf)],
}

/// The TaskRun.
pub(crate) fn task_run(origin: &Origin<'_>) -> Json {
    let api_version = origin.run.map_or("tekton.dev/v1", |run| &run.api_version);
    json!({
        "apiVersion": api_version,
        "kind": "TaskRun",
        "metadata": metadata(origin),
        "spec": spec(origin),
    })
}

fn metadata(origin: &Origin<'_>) -> Json {
    let mut labels = Map::new();
    let mut annotations = Map::new();
    let put = |map: &mut Map<String, Json>, pairs: &[(Text, Text)]| {
        for (key, value) in pairs {
            map.insert(key.value.clone(), value.value.clone().into());
        }
    };
    labels.insert("app.kubernetes.io/managed-by".to_owned(), "stepwell".into());
    // What a Task carries goes on to its TaskRun, which may say otherwise.
    if let Some(task) = origin.task {
        put(&mut labels, &task.metadata.labels);
        put(&mut annotations, &task.metadata.annotations);
        labels.insert("tekton.dev/task".to_owned(), task.metadata.title().into());
    }
    if let Some(run) = origin.run {
        put(&mut labels, &run.metadata.labels);
        put(&mut annotations, &run.metadata.annotations);
    }
    let mut metadata =
        json!({ "name": origin.name, "namespace": namespace(origin), "uid": origin.identity.uid });
    let given = origin
        .run
        .and_then(|run| run.metadata.generate_name.as_ref());
    if let Some(prefix) = given {
        metadata["generateName"] = prefix.value.as_str().into();
    }
    metadata["labels"] = labels.into();
    if !annotations.is_empty() {
        metadata["annotations"] = annotations.into();
    }
    metadata
}

/// The namespace that the run is said to be in.
pub(crate) fn namespace<'a>(origin: &Origin<'a>) -> &'a str {
    let given = origin.run.and_then(|run| run.metadata.namespace.as_ref());
    given.map_or("default", |namespace| &namespace.value)
}

fn spec(origin: &Origin<'_>) -> Json {
    let mut spec = match origin.run {
        Some(run) => run.spec.node.to_json(),
        None => json!({}),
    };
    let given = origin.run.map_or(&[][..], |run| &run.spec.params);
    let mut params: Vec<(&str, Json)> = given
        .iter()
        .map(|param| {
            (
                param.name.value.as_str(),
                value::to_json(&param.value.value),
            )
        })
        .collect();
    for (name, value) in &origin.params {
        match params.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.clone_from(value),
            None => params.push((name, value.clone())),
        }
    }
    if !params.is_empty() {
        let params = params
            .into_iter()
            .map(|(name, value)| json!({"name": name, "value": value}));
        spec["params"] = params.collect();
    }
    if let Some(task) = origin.task {
        spec["taskRef"]["kind"] = "Task".into();
        spec["taskRef"]["name"] = task.metadata.title().into();
    }
    if let Some(TaskSource::Inline(task)) = origin.run.map(|run| &run.spec.task) {
        spec["taskSpec"] = task_spec(task);
    }
    add_default(&mut spec, "serviceAccountName", || "default".into());
    let timeout = origin
        .run
        .and_then(|run| run.spec.timeout.as_ref())
        .map_or(DEFAULT_TIMEOUT, |timeout| timeout.value);
    spec["timeout"] = duration::show(timeout).into();
    let mut workspaces = match &mut spec["workspaces"] {
        Json::Array(workspaces) => std::mem::take(workspaces),
        _ => Vec::new(),
    };
    for (name, _) in origin.workspaces {
        if !workspaces
            .iter()
            .any(|workspace| workspace["name"] == **name)
        {
            workspaces.push(folder_binding(name));
        }
    }
    match workspaces.is_empty() {
        true => spec
            .as_object_mut()
            .and_then(|spec| spec.remove("workspaces")),
        false => spec
            .as_object_mut()
            .and_then(|spec| spec.insert("workspaces".to_owned(), workspaces.into())),
    };
    spec
}

fn add_default(json: &mut Json, field: &str, value: impl FnOnce() -> Json) {
    if let Some(fields) = json.as_object_mut() {
        fields.entry(field).or_insert_with(value);
    }
}

/// A Task's spec with the fields that Go always writes and the types that Tekton fills in.
fn task_spec(task: &TaskSpec) -> Json {
    let mut spec = task.node.to_json();
    let properties = |declared: &mut Json| {
        for (_, property) in declared["properties"].as_object_mut().into_iter().flatten() {
            if property.is_null() {
                *property = json!({});
            }
            add_default(property, "type", || "string".into());
        }
    };
    for (json, param) in items(&mut spec, "params").zip(&task.params) {
        json["type"] = param.param_type.as_str().into();
        if json.get("properties").is_some() {
            properties(json);
        }
        if let Some(default) = &param.default {
            json["default"] = value::to_json(&default.value);
        }
    }
    for (json, result) in items(&mut spec, "results").zip(&task.results) {
        json["type"] = result.result_type.as_str().into();
        if json.get("properties").is_some() {
            properties(json);
        }
    }
    for step in items(&mut spec, "steps") {
        add_default(step, "name", || "".into());
        add_default(step, "computeResources", || json!({}));
    }
    spec
}

fn items<'a>(spec: &'a mut Json, list: &str) -> impl Iterator<Item = &'a mut Json> {
    let items = spec.get_mut(list).and_then(Json::as_array_mut);
    items.into_iter().flatten()
}

/// A Task's spec with its references filled in: Tekton's `status.taskSpec`.
pub(crate) fn filled_task_spec(task: &TaskSpec, scope: &Scope<'_>) -> Json {
    let mut spec = task_spec(task);
    scope.restart();
    for field in ["steps", "stepTemplate"] {
        if let Some(json) = spec.get_mut(field) {
            scope.json(json, task.node.span);
        }
    }
    for workspace in items(&mut spec, "workspaces") {
        if let Some(path) = workspace.get_mut("mountPath") {
            scope.json(path, task.node.span);
        }
    }
    spec
}
