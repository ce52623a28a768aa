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
    /// What of it bounds a step.
    pub(crate) amounts: Amounts,
}

/// `limits` of `computeResources`, as far as they bound a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    /// `memory` in bytes.
    pub(crate) memory: Option<u64>,
    /// `cpu` in thousandths of a processor.
    pub(crate) cpu_millis: Option<u64>,
}

impl Amounts {
    /// What it does not say itself, taken from `below`.
    pub(crate) fn or(self, below: Self) -> Self {
        Self {
            memory: self.memory.or(below.memory),
            cpu_millis: self.cpu_millis.or(below.cpu_millis),
        }
    }
}

impl Resources {
    /// Takes `computeResources`, which v1beta1 calls `resources`.
    pub(crate) fn take(fields: &Fields<'_>, problems: &Problems) -> Option<Self> {
        let entry = fields.take_renamed("computeResources", "resources")?;
        Self::read(&entry.value, problems)
    }

    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        RESOURCES.check(node, "computeResources", problems);
        let limit = |name| {
            let node = node.entry("limits")?.entry(name)?;
            match &node.value {
                Value::Scalar { text, .. } => Some((text, node.span)),
                _ => None,
            }
        };
        let amounts = Amounts {
            memory: limit("memory").and_then(|(text, span)| read_memory(text, span, problems)),
            cpu_millis: limit("cpu").and_then(|(text, span)| read_cpu(text, span, problems)),
        };
        matches!(node.value, Value::Mapping(_)).then(|| Self {
            node: Arc::clone(node),
            amounts,
        })
    }
}

/// Reads the limit of processors: `2`, `0.5`, `500m`.
fn read_cpu(text: &str, span: Span, problems: &Problems) -> Option<u64> {
    let millis = millis(text).filter(|millis| *millis > 0);
    if millis.is_none() && !text.contains("$(") {
        problems.push(FieldProblem::BadValue {
            field: "cpu".to_owned(),
            value: text.to_owned(),
            expected:
                "a positive number of processors, in steps of a thousandth: `2`, `0.5`, `500m`"
                    .to_owned(),
            span,
        });
    }
    millis
}

fn millis(text: &str) -> Option<u64> {
    if let Some(millis) = text.strip_suffix('m') {
        return millis.parse().ok();
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(part)
}

/// Reads the limit of memory.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_in_thousandths() {
        for (text, expected) in [
            ("2", Some(2000)),
            ("0.5", Some(500)),
            (".25", Some(250)),
            ("1.", Some(1000)),
            ("500m", Some(500)),
            ("0.0001", None),
            ("", None),
            (".", None),
            ("-1", None),
            ("1e3", None),
            ("99999999999999999999", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
    }
}
