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
            "metadata.labels" => Some(lines(&self.labels())),
            "metadata.annotations" => Some(lines(&self.metadata["annotations"])),
            "spec.serviceAccountName" => Some(self.service_account.to_owned()),
            other => ["labels", "annotations"].into_iter().find_map(|map| {
                let key = other.strip_prefix("metadata.")?.strip_prefix(map)?;
                let key = key.strip_prefix("['")?.strip_suffix("']")?;
                let values = match map {
                    "labels" => self.labels(),
                    _ => self.metadata[map].clone(),
                };
                Some(values[key].as_str().unwrap_or_default().to_owned())
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

    /// Those of the TaskRun, and Tekton's own.
    fn labels(&self) -> Json {
        let mut labels = self.metadata["labels"].clone();
        if !labels.is_object() {
            labels = Json::Object(serde_json::Map::new());
        }
        labels["tekton.dev/taskRun"] = self.task_run.name.into();
        labels["tekton.dev/taskRunUID"] = self.task_run.uid.into();
        labels
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::source::{Sources, Span};

    #[test]
    fn labels_are_those_of_the_run_and_those_that_tekton_gives_its_pods() {
        let metadata = json!({"labels": {"team": "blue"}});
        let pod = Pod {
            task_run: Identified {
                name: "build",
                namespace: "default",
                uid: "1",
            },
            service_account: "default",
            metadata: &metadata,
        };
        let source = Sources::new().add("a.yaml", "x");
        let (start, len) = (0, 1);
        let problems = Problems::default();
        let field = |path: &str| {
            let span = Span { source, start, len };
            let value = path.to_owned();
            pod.field(&Text { value, span }, &problems)
        };
        let label = |name: &str| field(&format!("metadata.labels['{name}']"));
        assert_eq!(label("team").as_deref(), Some("blue"));
        assert_eq!(label("tekton.dev/taskRun").as_deref(), Some("build"));
        assert_eq!(label("other").as_deref(), Some(""));
        let all = "team=\"blue\"\ntekton.dev/taskRun=\"build\"\ntekton.dev/taskRunUID=\"1\"";
        assert_eq!(field("metadata.labels").as_deref(), Some(all));
        assert_eq!(field("spec.nodeName"), None);
    }
}
