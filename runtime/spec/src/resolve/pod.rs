//! What a TaskRun's pod would say of itself (`fieldRef`).

use serde_json::Value as Json;

use crate::fields::Text;
use crate::problem::{Problems, RunProblem};
use crate::resolve::stored::Identified;

/// The pod of a TaskRun.
pub(crate) struct Pod<'a> {
    pub(crate) task_run: Identified<'a>,
    pub(crate) service_account: &'a str,
    /// Of the TaskRun.
    pub(crate) metadata: &'a Json,
}

/// The fields that have an answer without a cluster.
const KNOWN: &str = "`metadata.name`, `metadata.namespace`, `metadata.uid`, `metadata.labels['KEY']`, \
     `metadata.annotations['KEY']` and `spec.serviceAccountName`";

impl Pod<'_> {
    /// What is in a field; `None`, and a problem, where only a cluster knows.
    pub(crate) fn field(&self, path: &Text, problems: &Problems) -> Option<String> {
        let run = self.task_run;
        let found = match path.value.as_str() {
            "metadata.name" => Some(format!("{}-pod", run.name)),
            "metadata.namespace" => Some(run.namespace.to_owned()),
            "metadata.uid" => Some(run.uid.to_owned()),
            "metadata.labels" => Some(lines(&self.metadata["labels"])),
            "metadata.annotations" => Some(lines(&self.metadata["annotations"])),
            "spec.serviceAccountName" => Some(self.service_account.to_owned()),
            other => ["labels", "annotations"].into_iter().find_map(|map| {
                let key = other.strip_prefix("metadata.")?.strip_prefix(map)?;
                let key = key.strip_prefix("['")?.strip_suffix("']")?;
                let value = self.metadata[map][key].as_str();
                Some(value.unwrap_or_default().to_owned())
            }),
        };
        if found.is_none() {
            problems.push(RunProblem::FieldNotKnown {
                field: path.value.clone(),
                known: KNOWN,
                span: path.span,
            });
        }
        found
    }
}

/// As the downward API writes a whole map.
fn lines(map: &Json) -> String {
    let entries = map.as_object().into_iter().flatten();
    let lines: Vec<String> = entries
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    lines.join("\n")
}
