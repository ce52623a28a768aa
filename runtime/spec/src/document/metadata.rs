//! Who a document is: `metadata`.

use crate::document::settings::{self, Annotation};
use crate::fields::{Fields, Text};
use crate::name;
use crate::problem::{FieldProblem, Problems};
use crate::source::{Sources, Span};

/// Who a document is.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) name: Option<Text>,
    pub(crate) generate_name: Option<Text>,
    pub(crate) namespace: Option<Text>,
    pub(crate) labels: Vec<(Text, Text)>,
    pub(crate) annotations: Vec<(Text, Text)>,
    /// Ours among the annotations.
    pub(crate) settings: Vec<Annotation>,
}

/// What a cluster fills in.
const OF_A_CLUSTER: [&str; 10] = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "selfLink",
    "finalizers",
    "managedFields",
    "ownerReferences",
];

impl Metadata {
    /// Takes `metadata` out of a document that starts at `at`. One that runs may have a prefix for a name instead.
    pub(crate) fn take(
        document: &Fields<'_>,
        (kind, runs): (&'static str, bool),
        at: Span,
        sources: &Sources,
        problems: &Problems,
    ) -> Option<Self> {
        let Some(entry) = document.take("metadata") else {
            document.missing("metadata");
            return None;
        };
        let fields = Fields::open(&entry.value, "the metadata", problems)?;
        let given = |name: Option<Text>| name.filter(|name| !name.value.is_empty());
        let name = match runs {
            true => fields.word("name"),
            false => given(fields.need_text("name")),
        };
        let generate_name = fields.word("generateName");
        if let Some(name) = &name {
            let rule = match kind {
                "ConfigMap" | "Secret" | "PersistentVolumeClaim" | "ServiceAccount" => {
                    &name::OBJECT
                }
                _ => &name::DOCUMENT,
            };
            rule.check(name, problems);
        }
        if let Some(prefix) = &generate_name {
            name::DOCUMENT_PREFIX.check(prefix, problems);
        }
        if runs && name.is_none() && generate_name.is_none() {
            problems.push(FieldProblem::ExactlyOne {
                owner: match kind {
                    "TaskRun" => "a TaskRun",
                    _ => "a PipelineRun",
                },
                found: "neither `name` nor `generateName`".to_owned(),
                choices: "`metadata.name` and `metadata.generateName`",
                help: "write `name: NAME`, or `generateName: PREFIX-` for a new name with each run",
                span: if fields.is_empty() { at } else { fields.span() },
            });
        }
        let labels = fields.text_map("labels");
        let annotations = fields.text_map("annotations");
        let namespace = fields.word("namespace");
        fields.ignore(&OF_A_CLUSTER);
        fields.finish();
        Some(Self {
            name,
            generate_name,
            namespace,
            settings: settings::read(&annotations, sources, problems),
            labels,
            annotations,
        })
    }

    /// What the document is called by someone who has to choose one; a `generateName` as it is written.
    pub(crate) fn title(&self) -> &str {
        self.name
            .as_ref()
            .or(self.generate_name.as_ref())
            .map_or("", |name| &name.value)
    }
}
