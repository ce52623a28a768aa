//! TaskRuns, PipelineRuns and specs as a cluster would store them, defaults written out.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use stepwell_contract::ParamValue;

use crate::document::Metadata;
use crate::document::param::{ParamDecl, ResultDecl};
use crate::document::task::TaskSpec;
use crate::duration;
use crate::fields::Text;
use crate::resolve::offers::Offer;
use crate::value;

/// What a run is called and where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identified<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) uid: &'a str,
}

/// Words and what they are set to.
pub(crate) type Words = Map<String, Json>;

/// Adds the pairs of a document; one that is there already is set anew.
pub(crate) fn put(words: &mut Words, pairs: &[(Text, Text)]) {
    for (key, value) in pairs {
        words.insert(key.value.clone(), value.value.as_str().into());
    }
}

/// The labels that every run here starts with.
pub(crate) fn labels() -> Words {
    let ours = ("app.kubernetes.io/managed-by".to_owned(), "stepwell".into());
    Words::from_iter([ours])
}

/// `metadata` of a run.
pub(crate) fn metadata(
    run: Identified<'_>,
    document: Option<&Metadata>,
    labels: Words,
    annotations: Words,
) -> Json {
    // With room for what is added: each TaskRun has one of these.
    let mut metadata = Words::with_capacity(6);
    metadata.insert("name".to_owned(), run.name.into());
    metadata.insert("namespace".to_owned(), run.namespace.into());
    metadata.insert("uid".to_owned(), run.uid.into());
    if let Some(prefix) = document.and_then(|document| document.generate_name.as_ref()) {
        metadata.insert("generateName".to_owned(), prefix.value.as_str().into());
    }
    metadata.insert("labels".to_owned(), labels.into());
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), annotations.into());
    }
    metadata.into()
}

/// Says whose child an object is.
pub(crate) fn owned_by(metadata: &mut Json, owner: Identified<'_>) {
    let mut reference = Words::with_capacity(6);
    for (field, value) in [
        ("apiVersion", "tekton.dev/v1".into()),
        ("kind", "PipelineRun".into()),
        ("name", owner.name.into()),
        ("uid", owner.uid.into()),
        ("controller", true.into()),
        ("blockOwnerDeletion", true.into()),
    ] {
        reference.insert(field.to_owned(), value);
    }
    metadata["ownerReferences"] = Json::Array(vec![reference.into()]);
}

/// An object.
pub(crate) fn object(api_version: &str, kind: &str, metadata: Json, spec: Json) -> Json {
    let mut object = Words::with_capacity(4);
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    object.insert("metadata".to_owned(), metadata);
    object.insert("spec".to_owned(), spec);
    object.into()
}

/// `params` of a run.
pub(crate) fn params<'a>(params: impl Iterator<Item = (&'a str, &'a ParamValue)>) -> Json {
    params
        .map(|(name, value)| {
            let mut param = Words::new();
            param.insert("name".to_owned(), name.into());
            param.insert("value".to_owned(), value::to_json(value));
            Json::Object(param)
        })
        .collect()
}

/// Sets the list `field` of a spec; an empty one is left out.
pub(crate) fn set_list(spec: &mut Json, field: &str, list: Json) {
    let empty = list.as_array().is_none_or(Vec::is_empty);
    if let Some(fields) = spec.as_object_mut() {
        match empty {
            true => fields.remove(field),
            false => fields.insert(field.to_owned(), list),
        };
    }
}

/// `workspaces` of a run: those of its document, with what the command line binds beside them.
pub(crate) fn workspaces(written: Option<&Json>, offers: &[Offer]) -> Json {
    let mut list = written
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    for offer in offers {
        if !list.iter().any(|binding| binding["name"] == *offer.name) {
            list.push(offer.to_json());
        }
    }
    list.into()
}

/// A time-out as Go writes it; no bound is zero.
pub(crate) fn timeout(timeout: Option<Duration>) -> Json {
    duration::show(timeout.unwrap_or_default()).into()
}

pub(crate) fn add_default(json: &mut Json, field: &str, value: impl FnOnce() -> Json) {
    if let Some(fields) = json.as_object_mut() {
        fields.entry(field).or_insert_with(value);
    }
}

/// A Task's spec with the fields that Go always writes and the types that Tekton fills in.
pub(crate) fn task_spec(task: &TaskSpec) -> Json {
    let mut spec = task.node.to_json();
    if let Some(fields) = spec.as_object_mut() {
        // What a Pipeline says beside the spec of an inline Task.
        for beside in ["apiVersion", "kind", "metadata"] {
            fields.remove(beside);
        }
    }
    declare_params(&mut spec, &task.params);
    declare_results(&mut spec, &task.results);
    for step in items(&mut spec, "steps") {
        add_default(step, "name", || "".into());
        add_default(step, "computeResources", || json!({}));
    }
    spec
}

fn declare_properties(declared: &mut Json) {
    for (_, property) in declared["properties"].as_object_mut().into_iter().flatten() {
        if property.is_null() {
            *property = json!({});
        }
        add_default(property, "type", || "string".into());
    }
}

/// Writes the types and defaults of params as Tekton does.
pub(crate) fn declare_params(spec: &mut Json, params: &[ParamDecl]) {
    for (json, param) in items(spec, "params").zip(params) {
        json["type"] = param.param_type.as_str().into();
        if json.get("properties").is_some() {
            declare_properties(json);
        }
        if let Some(default) = &param.default {
            json["default"] = value::to_json(&default.value);
        }
    }
}

/// Writes the types of results as Tekton does.
pub(crate) fn declare_results(spec: &mut Json, results: &[ResultDecl]) {
    for (json, result) in items(spec, "results").zip(results) {
        json["type"] = result.result_type.as_str().into();
        if json.get("properties").is_some() {
            declare_properties(json);
        }
    }
}

/// The items of a list of `spec`.
pub(crate) fn items<'a>(
    spec: &'a mut Json,
    list: &str,
) -> impl Iterator<Item = &'a mut Json> + use<'a> {
    let items = spec.get_mut(list).and_then(Json::as_array_mut);
    items.into_iter().flatten()
}

/// Whether there may be a reference anywhere below.
pub(crate) fn has_references(json: &Json) -> bool {
    match json {
        Json::String(text) => crate::reference::is_in(text),
        Json::Array(items) => items.iter().any(has_references),
        Json::Object(entries) => entries.values().any(has_references),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}
