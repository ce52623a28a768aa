//! What a run says about single steps, sidecars and pipeline tasks: `stepSpecs`, `sidecarSpecs`, `taskRunSpecs`.

use std::sync::Arc;
use std::time::Duration;

use crate::document::pod::PodTemplate;
use crate::document::resources::Resources;
use crate::fields::{At, Fields, Text};
use crate::problem::Problems;
use crate::yaml::Node;

/// Resources for one step or sidecar.
#[derive(Debug)]
pub(crate) struct ContainerOverride {
    /// The step or the sidecar.
    pub(crate) name: Text,
    pub(crate) resources: Option<Resources>,
}

/// Settings for one pipeline task.
#[derive(Debug)]
pub(crate) struct TaskRunOverride {
    /// `pipelineTaskName`
    pub(crate) task: Text,
    pub(crate) labels: Vec<(Text, Text)>,
    pub(crate) annotations: Vec<(Text, Text)>,
    pub(crate) service_account: Option<Text>,
    pub(crate) pod_template: Option<PodTemplate>,
    pub(crate) step_specs: Vec<ContainerOverride>,
    pub(crate) sidecar_specs: Vec<ContainerOverride>,
    pub(crate) resources: Option<Resources>,
    pub(crate) timeout: Option<At<Duration>>,
}

impl ContainerOverride {
    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "an override", problems)?;
        let name = fields.need_text("name");
        let resources = Resources::take(&fields, problems);
        fields.finish();
        Some(Self {
            name: name?,
            resources,
        })
    }
}

/// Takes `stepSpecs`, which v1beta1 calls `stepOverrides`.
pub(crate) fn step_specs(fields: &Fields<'_>, problems: &Problems) -> Vec<ContainerOverride> {
    take_list(fields, "stepSpecs", "stepOverrides", problems)
}

/// Takes `sidecarSpecs`, which v1beta1 calls `sidecarOverrides`.
pub(crate) fn sidecar_specs(fields: &Fields<'_>, problems: &Problems) -> Vec<ContainerOverride> {
    take_list(fields, "sidecarSpecs", "sidecarOverrides", problems)
}

fn take_list(
    fields: &Fields<'_>,
    name: &'static str,
    older: &'static str,
    problems: &Problems,
) -> Vec<ContainerOverride> {
    let Some(entry) = fields.take_renamed(name, older) else {
        return Vec::new();
    };
    let items = crate::fields::list(&entry.value, name, problems).iter();
    items
        .filter_map(|node| ContainerOverride::read(node, problems))
        .collect()
}

impl TaskRunOverride {
    /// Reads an item of `taskRunSpecs`.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "an item of `taskRunSpecs`", problems)?;
        let task = fields.need_text("pipelineTaskName");
        let service_account = fields
            .take_renamed("serviceAccountName", "taskServiceAccountName")
            .and_then(|entry| crate::fields::text(&entry.value, "serviceAccountName", problems));
        let pod_template = fields
            .take_renamed("podTemplate", "taskPodTemplate")
            .and_then(|entry| PodTemplate::read(&entry.value, problems));
        let (labels, annotations) = fields.one("metadata", read_labels).unwrap_or_default();
        let (step_specs, sidecar_specs) = (
            step_specs(&fields, problems),
            sidecar_specs(&fields, problems),
        );
        let resources = Resources::take(&fields, problems);
        let timeout = fields.duration("timeout");
        fields.finish();
        Some(Self {
            task: task?,
            labels,
            annotations,
            service_account,
            pod_template,
            step_specs,
            sidecar_specs,
            resources,
            timeout,
        })
    }
}

/// Words and what they are set to.
pub(crate) type Pairs = Vec<(Text, Text)>;

/// Reads the metadata of something that has no name of its own: labels and annotations.
pub(crate) fn read_labels(node: &Arc<Node>, problems: &Problems) -> Option<(Pairs, Pairs)> {
    let fields = Fields::open(node, "the metadata", problems)?;
    let labels = fields.text_map("labels");
    let annotations = fields.text_map("annotations");
    fields.finish();
    Some((labels, annotations))
}
