//! A ServiceAccount: which Secrets a run has credentials in.

use std::sync::Arc;

use crate::fields::{Fields, Text};
use crate::problem::Problems;
use crate::yaml::Node;

/// A ServiceAccount, which has nobody to speak for here.
#[derive(Debug)]
pub(crate) struct ServiceAccount;

impl ServiceAccount {
    /// Checks what it names among the document's fields.
    pub(crate) fn take(fields: &Fields<'_>) -> Self {
        fields.flag("automountServiceAccountToken");
        for list in ["secrets", "imagePullSecrets"] {
            fields.each(list, read_name);
        }
        Self
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
