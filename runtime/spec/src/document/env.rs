//! The environment of a step: `env` and `envFrom`.

use std::sync::Arc;

use crate::fields::{At, Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::yaml::Node;

/// One variable.
#[derive(Debug, Clone)]
pub(crate) struct EnvDecl {
    pub(crate) name: Text,
    pub(crate) value: EnvValue,
}

/// What a variable is set to.
#[derive(Debug, Clone)]
pub(crate) enum EnvValue {
    /// `value`, or nothing.
    Text(Text),
    /// `valueFrom.configMapKeyRef`
    ConfigMap(KeyRef),
    /// `valueFrom.secretKeyRef`
    Secret(KeyRef),
    /// `valueFrom.fieldRef`: a field of the pod, such as `metadata.name`.
    Field(Text),
    /// `valueFrom.resourceFieldRef`: what the container may use, such as `limits.memory`.
    Resource { resource: Text },
}

/// A key of a ConfigMap or a Secret.
#[derive(Debug, Clone)]
pub(crate) struct KeyRef {
    pub(crate) name: Text,
    pub(crate) key: Text,
    pub(crate) optional: bool,
}

/// All keys of a ConfigMap or a Secret as variables.
#[derive(Debug, Clone)]
pub(crate) struct EnvFrom {
    pub(crate) prefix: Option<Text>,
    pub(crate) secret: bool,
    pub(crate) name: Text,
    pub(crate) optional: bool,
}

impl EnvDecl {
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "an environment variable", problems)?;
        let name = fields.need_text("name");
        let text = fields.text("value");
        let from = fields.take("valueFrom");
        fields.finish();
        let given = text.as_ref().is_some_and(|text| !text.value.is_empty());
        if let (true, Some(entry)) = (given, from) {
            problems.push(FieldProblem::ExactlyOne {
                owner: "an environment variable",
                found: "both `value` and `valueFrom`".to_owned(),
                choices: "`value` and `valueFrom`",
                help: "keep one of the two",
                span: entry.key.span,
            });
        }
        let value = match from {
            Some(entry) => EnvValue::read(&entry.value, problems)?,
            None => EnvValue::Text(text.unwrap_or(At {
                value: String::new(),
                span: node.span,
            })),
        };
        Some(Self { name: name?, value })
    }

    /// The texts in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        let (first, second) = match &self.value {
            EnvValue::Text(text) | EnvValue::Field(text) => (Some(text), None),
            EnvValue::ConfigMap(key) | EnvValue::Secret(key) => (Some(&key.name), Some(&key.key)),
            EnvValue::Resource { .. } => (None, None),
        };
        first.into_iter().chain(second)
    }
}

impl EnvValue {
    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "the source of a variable", problems)?;
        let mut sources = Vec::new();
        let mut known = 0;
        let key_ref = |entry: &Arc<Node>| KeyRef::read(entry, problems);
        if let Some(entry) = fields.take("configMapKeyRef") {
            known += 1;
            sources.extend(key_ref(&entry.value).map(Self::ConfigMap));
        }
        if let Some(entry) = fields.take("secretKeyRef") {
            known += 1;
            sources.extend(key_ref(&entry.value).map(Self::Secret));
        }
        if let Some(entry) = fields.take("fieldRef") {
            known += 1;
            sources.extend(read_field_ref(&entry.value, problems).map(Self::Field));
        }
        if let Some(entry) = fields.take("resourceFieldRef") {
            known += 1;
            sources.extend(read_resource(&entry.value, problems));
        }
        fields.finish();
        if known != 1 {
            let found = if known == 0 { "none" } else { "several" };
            problems.push(FieldProblem::ExactlyOne {
                owner: "the source of a variable",
                found: format!("{found} of its sources"),
                choices: "`configMapKeyRef`, `secretKeyRef`, `fieldRef` and `resourceFieldRef`",
                help: "keep the one that is meant",
                span: node.span,
            });
        }
        sources.into_iter().next()
    }
}

/// Reads `fieldRef`: the path of the field.
pub(crate) fn read_field_ref(node: &Arc<Node>, problems: &Problems) -> Option<Text> {
    let fields = Fields::open(node, "a reference to a field", problems)?;
    fields.ignore(&["apiVersion"]);
    let path = fields.need_text("fieldPath");
    fields.finish();
    path
}

fn read_resource(node: &Arc<Node>, problems: &Problems) -> Option<EnvValue> {
    let fields = Fields::open(node, "a reference to a resource", problems)?;
    fields.ignore(&["containerName", "divisor"]);
    let resource = fields.need_text("resource");
    fields.finish();
    Some(EnvValue::Resource {
        resource: resource?,
    })
}

impl KeyRef {
    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a reference to a key", problems)?;
        let (name, key) = (fields.need_text("name"), fields.need_text("key"));
        let optional = fields.flag("optional");
        fields.finish();
        Some(Self {
            name: name?,
            key: key?,
            optional,
        })
    }
}

impl EnvFrom {
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "an item of `envFrom`", problems)?;
        let prefix = fields.word("prefix");
        let (config_map, secret) = (fields.take("configMapRef"), fields.take("secretRef"));
        fields.finish();
        let (entry, is_secret) = match (config_map, secret) {
            (Some(entry), None) => (entry, false),
            (None, Some(entry)) => (entry, true),
            (first, _) => {
                let found = first.map_or("neither of the two", |_| "both");
                problems.push(FieldProblem::ExactlyOne {
                    owner: "an item of `envFrom`",
                    found: found.to_owned(),
                    choices: "`configMapRef` and `secretRef`",
                    help: "write one item for each source",
                    span: node.span,
                });
                return None;
            }
        };
        let fields = Fields::open(&entry.value, "a reference to all keys", problems)?;
        let name = fields.need_text("name");
        let optional = fields.flag("optional");
        fields.finish();
        Some(Self {
            prefix,
            secret: is_secret,
            name: name?,
            optional,
        })
    }
}
