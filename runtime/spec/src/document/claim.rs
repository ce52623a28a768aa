//! A PersistentVolumeClaim: a folder that outlives the run.

use std::sync::Arc;

use crate::fields::Fields;
use crate::problem::Problems;
use crate::yaml::Node;

/// What a claim asks for. How large it may be and who may mount it is a cluster's business.
#[derive(Debug)]
pub(crate) struct Claim {
    /// Its `spec` as it is written.
    pub(crate) node: Option<Arc<Node>>,
}

impl Claim {
    /// Takes what it asks for out of the document's fields.
    pub(crate) fn take(fields: &Fields<'_>, problems: &Problems) -> Self {
        let node = fields.node("spec");
        if let Some(node) = &node {
            crate::document::shape::CLAIM.check(node, "spec", problems);
        }
        Self { node }
    }
}
