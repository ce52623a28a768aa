//! The params of a plugin as a JSON Schema, for editors and forms.

use serde_json::{Map, Value, json};
use stepwell_contract::{DescribedParam, Description, ParamType};

/// A JSON Schema (draft 2020-12) of an object that holds the params of `description`.
pub(crate) fn schema(description: &Description) -> Value {
    let params = description.params.iter();
    let required: Vec<_> = params
        .clone()
        .filter(|param| param.default.is_none())
        .map(|param| &param.name)
        .collect();
    let properties: Map<_, _> = params
        .map(|param| (param.name.clone(), property(param)))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("{} {}", description.name, description.version),
        "description": description.documentation,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(param: &DescribedParam) -> Value {
    let mut fields = Map::new();
    let mut put = |field: &str, value: Value| fields.insert(field.to_owned(), value);
    put("type", json!(param.param_type));
    put("description", json!(param.description));
    match param.param_type {
        ParamType::String => {}
        ParamType::Array => {
            put("items", json!({"type": "string"}));
        }
        ParamType::Object => {
            let keys = param.properties.iter();
            let keys: Map<_, _> = keys
                .map(|key| (key.clone(), json!({"type": "string"})))
                .collect();
            put("properties", Value::Object(keys));
            put("required", json!(param.properties));
            put("additionalProperties", json!({"type": "string"}));
        }
    }
    if let Some(default) = &param.default {
        put("default", json!(default));
    }
    Value::Object(fields)
}
