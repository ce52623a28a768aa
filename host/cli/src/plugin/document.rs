//! A description as the Task that it is.

use serde_json::{Map, Value, json};
use stepwell_contract::{Description, ParamType};

/// What a plugin may be handed without anybody's decision: sockets that it imports, none of which reaches anything.
pub(crate) const NO_POWER: &str = "network=none";

/// The Task, in YAML, whose one step is `image`. What the plugin wants to be granted is not in it: that is for whoever
/// runs it to decide. Only what is no power is.
///
/// # Errors
///
/// It cannot be written as YAML.
pub(crate) fn task(description: &Description, image: &str) -> anyhow::Result<String> {
    Ok(serde_saphyr::to_string(&task_value(description, image))?)
}

/// The same Task, not written yet.
pub(crate) fn task_value(description: &Description, image: &str) -> Value {
    let params = description.params.iter().map(|param| {
        let mut fields = named(&param.name, Some(param.param_type), &param.description);
        put_properties(&mut fields, param.param_type, &param.properties);
        if let Some(default) = &param.default {
            fields.insert("default".to_owned(), json!(default));
        }
        Value::Object(fields)
    });
    let workspaces = description.workspaces.iter().map(|workspace| {
        let mut fields = named(&workspace.name, None, &workspace.description);
        if workspace.read_only {
            fields.insert("readOnly".to_owned(), json!(true));
        }
        if workspace.optional {
            fields.insert("optional".to_owned(), json!(true));
        }
        Value::Object(fields)
    });
    let results = description.results.iter().map(|result| {
        let mut fields = named(&result.name, Some(result.result_type), &result.description);
        put_properties(&mut fields, result.result_type, &result.properties);
        Value::Object(fields)
    });
    let mut spec = Map::new();
    spec.insert("description".to_owned(), json!(description.documentation));
    let lists: [(&str, Vec<Value>); 3] = [
        ("params", params.collect()),
        ("workspaces", workspaces.collect()),
        ("results", results.collect()),
    ];
    for (field, items) in lists {
        if !items.is_empty() {
            spec.insert(field.to_owned(), Value::Array(items));
        }
    }
    let step = json!({"name": description.name, "image": image});
    spec.insert("steps".to_owned(), json!([step]));
    let mut metadata = json!({
        "name": description.name,
        "labels": {"app.kubernetes.io/version": description.version},
    });
    let mut wants = description.capabilities.iter();
    if wants.any(|want| want.grant == NO_POWER) {
        metadata["annotations"] = json!({"stepwell.dev/grants": NO_POWER});
    }
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": metadata,
        "spec": spec,
    })
}

fn named(name: &str, kind: Option<ParamType>, description: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(name));
    if let Some(kind) = kind {
        fields.insert("type".to_owned(), json!(kind));
    }
    if !description.is_empty() {
        fields.insert("description".to_owned(), json!(description));
    }
    fields
}

/// An object has to have its keys; Tekton wants a map of them.
fn put_properties(fields: &mut Map<String, Value>, kind: ParamType, properties: &[String]) {
    if kind == ParamType::Object {
        let keys = properties.iter();
        let keys: Map<_, _> = keys
            .map(|key| (key.clone(), json!({"type": "string"})))
            .collect();
        fields.insert("properties".to_owned(), Value::Object(keys));
    }
}
