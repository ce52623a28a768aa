//! Params and results: declared, and given.

use std::sync::Arc;

use stepwell_contract::{ParamType, ParamValue};

use crate::fields::{At, Fields, Text, entries};
use crate::problem::{FieldProblem, Problems};
use crate::value;
use crate::yaml::Node;

/// A declared param.
#[derive(Debug)]
pub(crate) struct ParamDecl {
    pub(crate) name: Text,
    /// As declared, or what `properties` and `default` tell of it.
    pub(crate) param_type: ParamType,
    /// The keys that an object has to have, if it says so: it may say that there are none.
    pub(crate) properties: Option<Vec<Text>>,
    pub(crate) default: Option<At<ParamValue>>,
    /// The values that a string may have; empty for any.
    pub(crate) allowed: Vec<Text>,
}

/// A result that a Task, a step or a Pipeline declares.
#[derive(Debug, Clone)]
pub(crate) struct ResultDecl {
    pub(crate) name: Text,
    /// As declared, or what `properties` and `value` tell of it.
    pub(crate) result_type: ParamType,
    /// As for a param.
    pub(crate) properties: Option<Vec<Text>>,
    /// Where it comes from: a step's result for a Task, tasks' results for a Pipeline.
    pub(crate) value: Option<At<ParamValue>>,
}

/// A param with its value.
#[derive(Debug, Clone)]
pub(crate) struct GivenParam {
    pub(crate) name: Text,
    pub(crate) value: At<ParamValue>,
}

/// The list `params` of declarations, from a mapping that has one.
pub(crate) fn declared(fields: &Fields<'_>) -> Vec<ParamDecl> {
    fields.each("params", ParamDecl::read)
}

/// The list `params` of values, from a mapping that has one.
pub(crate) fn given(fields: &Fields<'_>) -> Vec<GivenParam> {
    fields.each("params", GivenParam::read)
}

/// Reads `type`, one of string, array and object.
fn read_type(fields: &Fields<'_>, problems: &Problems) -> Option<ParamType> {
    let text = fields.word("type")?;
    match text.value.as_str() {
        "string" => Some(ParamType::String),
        "array" => Some(ParamType::Array),
        "object" => Some(ParamType::Object),
        _ => {
            problems.push(FieldProblem::BadValue {
                field: "type".to_owned(),
                value: text.value,
                expected: "string, array or object".to_owned(),
                span: text.span,
            });
            None
        }
    }
}

/// Reads the keys of an object; Tekton knows string properties only.
fn read_properties(fields: &Fields<'_>, problems: &Problems) -> Option<Vec<Text>> {
    let entry = fields.take("properties")?;
    let keys = entries(&entry.value, "properties", problems)
        .iter()
        .map(|property| {
            if !property.value.is_null()
                && let Some(fields) = Fields::open(&property.value, "a property", problems)
            {
                if let Some(text) = fields.word("type").filter(|text| text.value != "string") {
                    problems.push(FieldProblem::BadValue {
                        field: "type".to_owned(),
                        value: text.value,
                        expected: "string, the one type that a property can have".to_owned(),
                        span: text.span,
                    });
                }
                fields.finish();
            }
            At {
                value: property.key.text.clone(),
                span: property.key.span,
            }
        });
    Some(keys.collect())
}

fn read_value(node: &Node) -> At<ParamValue> {
    At {
        value: value::read(node),
        span: node.span,
    }
}

impl ParamDecl {
    /// The keys that an object has to have.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Text> {
        self.properties.iter().flatten()
    }

    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a param", problems)?;
        fields.ignore(&["description"]);
        let name = fields.need_text("name");
        let declared = read_type(&fields, problems);
        let properties = read_properties(&fields, problems);
        let default = fields.take("default").map(|entry| read_value(&entry.value));
        let inferred = || match (&properties, &default) {
            (Some(_), _) => ParamType::Object,
            (None, Some(default)) => default.value.param_type(),
            (None, None) => ParamType::String,
        };
        let param_type = declared.unwrap_or_else(inferred);
        let allowed = fields.texts("enum");
        fields.finish();
        Some(Self {
            name: name?,
            param_type,
            properties,
            default,
            allowed,
        })
    }
}

impl ResultDecl {
    /// Reads a result that a Task, a step or a Pipeline declares.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a result", problems)?;
        fields.ignore(&["description"]);
        let name = fields.need_text("name");
        let declared = read_type(&fields, problems);
        let properties = read_properties(&fields, problems);
        let value = fields.take("value").map(|entry| read_value(&entry.value));
        fields.finish();
        let inferred = || match (&properties, &value) {
            (Some(_), _) => ParamType::Object,
            (None, Some(value)) => value.value.param_type(),
            (None, None) => ParamType::String,
        };
        Some(Self {
            name: name?,
            result_type: declared.unwrap_or_else(inferred),
            properties,
            value,
        })
    }
}

impl GivenParam {
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a param", problems)?;
        let name = fields.need_text("name");
        // `null` is a value like any other here: its own text.
        let value = fields.take_even_null("value");
        if value.is_none() {
            fields.missing("value");
        }
        fields.finish();
        let value = read_value(&value?.value);
        Some(Self { name: name?, value })
    }
}
