//! `computeResources`: what a step may use.

use std::sync::Arc;

use crate::document::shape::RESOURCES;
use crate::fields::Fields;
use crate::problem::{FieldProblem, Problems};
use crate::source::Span;
use crate::yaml::{Node, Value};

/// `computeResources`.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    /// As it is written.
    pub(crate) node: Arc<Node>,
    /// `limits.memory` in bytes.
    pub(crate) memory: Option<u64>,
}

impl Resources {
    /// Takes `computeResources`, which v1beta1 calls `resources`.
    pub(crate) fn take(fields: &Fields<'_>, problems: &Problems) -> Option<Self> {
        let entry = fields.take_renamed("computeResources", "resources")?;
        Self::read(&entry.value, problems)
    }

    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        RESOURCES.check(node, "computeResources", problems);
        let memory = entry(node, "limits").and_then(|limits| entry(limits, "memory"));
        let memory = memory.and_then(|node| match &node.value {
            Value::Scalar { text, .. } => read_memory(text, node.span, problems),
            _ => None,
        });
        matches!(node.value, Value::Mapping(_)).then(|| Self {
            node: Arc::clone(node),
            memory,
        })
    }
}

fn entry<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Mapping(entries) = &node.value else {
        return None;
    };
    let entry = entries
        .iter()
        .find(|entry| entry.key.text.eq_ignore_ascii_case(name))?;
    Some(&entry.value)
}

/// Reads the memory limit; other resources bound nothing that runs here.
fn read_memory(text: &str, span: Span, problems: &Problems) -> Option<u64> {
    let bytes = stepwell_contract::limit::parse_quantity(text).filter(|bytes| *bytes > 0);
    if bytes.is_none() && !text.contains("$(") {
        problems.push(FieldProblem::BadValue {
            field: "memory".to_owned(),
            value: text.to_owned(),
            expected:
                "a positive whole number of bytes, with an optional unit: `64Mi`, `1Gi`, `500M`"
                    .to_owned(),
            span,
        });
    }
    bytes
}
