//! A node as the value of a param: Tekton's union of string, array and object.

use serde_json::Value as Json;
use stepwell_contract::{ParamType, ParamValue};

use crate::scalar::ScalarKind;
use crate::yaml::{Node, Value};

/// A list of strings is an array, a mapping to strings an object; everything else is a string: its own text, or where
/// it has none, its JSON form.
pub(crate) fn read(node: &Node) -> ParamValue {
    match &node.value {
        Value::Scalar { text, .. } => ParamValue::String(text.clone()),
        Value::Sequence(items) => match items.iter().map(|item| string(item)).collect() {
            Some(items) => ParamValue::Array(items),
            None => raw(node),
        },
        Value::Mapping(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| Some((entry.key.text.clone(), string(&entry.value)?)));
            match pairs.collect() {
                Some(pairs) => ParamValue::Object(pairs),
                None => raw(node),
            }
        }
    }
}

fn string(node: &Node) -> Option<String> {
    match &node.value {
        Value::Scalar {
            kind: ScalarKind::Text,
            text,
        } => Some(text.clone()),
        _ => None,
    }
}

fn raw(node: &Node) -> ParamValue {
    let mut json = node.to_json();
    json.sort_all_objects();
    ParamValue::String(json.to_string())
}

/// The value as JSON, bare.
pub(crate) fn to_json(value: &ParamValue) -> Json {
    match value {
        ParamValue::String(text) => Json::String(text.clone()),
        ParamValue::Array(items) => items.iter().cloned().collect(),
        ParamValue::Object(pairs) => pairs
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    }
}

/// A type with its article, for messages.
pub(crate) fn with_article(param_type: ParamType) -> &'static str {
    match param_type {
        ParamType::String => "a string",
        ParamType::Array => "an array",
        ParamType::Object => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problems;
    use crate::source::Sources;
    use crate::yaml;

    #[test]
    fn values_are_what_tekton_makes_of_them() {
        for (text, json) in [
            ("a: hello", r#""hello""#),
            ("a: 8080", r#""8080""#),
            ("a: 1.10", r#""1.1""#),
            ("a: yes", r#""true""#),
            ("a: ~", r#""null""#),
            ("a: [x, z]", r#"["x","z"]"#),
            ("a: []", "[]"),
            ("a: [x, 1]", r#""[\"x\",1]""#),
            ("a: {k: v}", r#"{"k":"v"}"#),
            ("a: {z: 1, b: [c]}", r#""{\"b\":[\"c\"],\"z\":1}""#),
        ] {
            let mut sources = Sources::new();
            let source = sources.add("t.yaml", text);
            let documents = yaml::read(&sources, source, &Problems::default());
            let Value::Mapping(entries) = &documents[0].value else {
                panic!("not a mapping")
            };
            assert_eq!(
                to_json(&read(&entries[0].value)).to_string(),
                json,
                "{text}"
            );
        }
    }
}
