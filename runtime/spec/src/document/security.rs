//! `securityContext` of a container and of a pod: who runs, and what the kernel lets it do.
//!
//! What Linux alone knows is read here; the rest (`seLinuxOptions`, `windowsOptions`, profiles) is only known to be
//! well-formed.

use std::sync::Arc;

use stepwell_contract::Security;

use crate::problem::{FieldProblem, Problems};
use crate::scalar::ScalarKind;
use crate::yaml::{Node, Value};

/// The largest number that Kubernetes takes for a user or a group.
const MOST: u32 = i32::MAX as u32;

/// A security context, before it is known what others say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SecurityDecl {
    user: Option<u32>,
    group: Option<u32>,
    non_root: Option<bool>,
    read_only_root: Option<bool>,
    add: Option<Vec<String>>,
    drop: Option<Vec<String>>,
    privileged: Option<bool>,
    escalation: Option<bool>,
    /// A pod's alone.
    groups: Vec<u32>,
}

impl SecurityDecl {
    /// Reads the context at `node`, whose shape was checked.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Self {
        let own = |name| id(node.entry(name)?, name, problems);
        let flag = |name| match node.entry(name)?.to_json() {
            serde_json::Value::Bool(flag) => Some(flag),
            _ => None,
        };
        let capabilities = node.entry("capabilities");
        let named = |name| Some(texts(capabilities?.entry(name)?));
        let groups = node.entry("supplementalGroups").map(|node| &node.value);
        let groups = match groups {
            Some(Value::Sequence(items)) => items.as_slice(),
            _ => &[],
        };
        let groups = groups
            .iter()
            .filter_map(|item| id(item, "supplementalGroups", problems));
        Self {
            user: own("runAsUser"),
            group: own("runAsGroup"),
            non_root: flag("runAsNonRoot"),
            read_only_root: flag("readOnlyRootFilesystem"),
            add: named("add"),
            drop: named("drop"),
            privileged: flag("privileged"),
            escalation: flag("allowPrivilegeEscalation"),
            groups: groups.chain(own("fsGroup")).collect(),
        }
    }

    /// What it does not say itself, taken from `below`.
    pub(crate) fn or(self, below: &Self) -> Self {
        let either = |own: Vec<u32>, other: &[u32]| match own.is_empty() {
            true => other.to_vec(),
            false => own,
        };
        Self {
            user: self.user.or(below.user),
            group: self.group.or(below.group),
            non_root: self.non_root.or(below.non_root),
            read_only_root: self.read_only_root.or(below.read_only_root),
            add: self.add.or_else(|| below.add.clone()),
            drop: self.drop.or_else(|| below.drop.clone()),
            privileged: self.privileged.or(below.privileged),
            escalation: self.escalation.or(below.escalation),
            groups: either(self.groups, &below.groups),
        }
    }
}

impl From<SecurityDecl> for Security {
    fn from(decl: SecurityDecl) -> Self {
        Self {
            run_as_user: decl.user,
            run_as_group: decl.group,
            groups: decl.groups,
            run_as_non_root: decl.non_root.unwrap_or(false),
            read_only_root: decl.read_only_root,
            add_capabilities: decl.add.unwrap_or_default(),
            drop_capabilities: decl.drop.unwrap_or_default(),
            privileged: decl.privileged.unwrap_or(false),
            allow_privilege_escalation: decl.escalation,
        }
    }
}

/// The number of a user or a group. What is no number at all was told with the shape.
fn id(node: &Node, field: &str, problems: &Problems) -> Option<u32> {
    let Value::Scalar {
        kind: ScalarKind::Number,
        text,
    } = &node.value
    else {
        return None;
    };
    let id = text.parse().ok().filter(|id| *id <= MOST);
    if id.is_none() {
        problems.push(FieldProblem::BadValue {
            field: field.to_owned(),
            value: text.clone(),
            expected: format!("a whole number from 0 to {MOST}"),
            span: node.span,
        });
    }
    id
}

fn texts(node: &Node) -> Vec<String> {
    let Value::Sequence(items) = &node.value else {
        return Vec::new();
    };
    let items = items.iter().filter_map(|item| match &item.value {
        Value::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    });
    items.collect()
}
