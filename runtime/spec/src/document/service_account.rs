//! A ServiceAccount: which Secrets a run has credentials in.

use std::sync::Arc;

use crate::fields::{Fields, Text};
use crate::problem::Problems;
use crate::yaml::Node;

/// What a ServiceAccount names.
#[derive(Debug)]
pub(crate) struct ServiceAccount {
    /// The names of Secrets with credentials.
    pub(crate) secrets: Vec<Text>,
    /// The names of Secrets with credentials for registries.
    pub(crate) image_pull_secrets: Vec<Text>,
}

impl ServiceAccount {
    /// Takes what it names out of the document's fields.
    pub(crate) fn take(fields: &Fields<'_>) -> Self {
        fields.flag("automountServiceAccountToken");
        Self {
            secrets: fields.each("secrets", read_name),
            image_pull_secrets: fields.each("imagePullSecrets", read_name),
        }
    }
}

fn read_name(node: &Arc<Node>, problems: &Problems) -> Option<Text> {
    let fields = Fields::open(node, "a reference to a Secret", problems)?;
    fields.ignore(&[
        "apiVersion",
        "kind",
        "namespace",
        "uid",
        "resourceVersion",
        "fieldPath",
    ]);
    let name = fields.need_text("name");
    fields.finish();
    name
}
