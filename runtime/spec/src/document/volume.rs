//! Volumes: what a container can mount beside workspaces.

use std::sync::Arc;

use crate::document::env::read_field_ref;
use crate::document::files::{DownwardApi, KeyedFiles, Projected};
use crate::document::shape::CLAIM_TEMPLATE;
use crate::fields::{Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::source::Span;
use crate::yaml::Node;

/// A volume.
#[derive(Debug, Clone)]
pub(crate) struct VolumeDecl {
    pub(crate) name: Text,
    pub(crate) source: VolumeSource,
}

/// What is in a volume.
#[derive(Debug, Clone)]
pub(crate) enum VolumeSource {
    /// A new, empty folder; also where nothing is said.
    EmptyDir,
    /// Files of a ConfigMap.
    ConfigMap(KeyedFiles),
    /// Files of a Secret.
    Secret(KeyedFiles),
    /// Files of several.
    Projected(Projected),
    /// The pod's own fields.
    DownwardApi(DownwardApi),
    /// A folder or a file of the host's.
    HostPath {
        path: Text,
        kind: Option<Text>,
        span: Span,
    },
    /// A claim by name.
    Claim { name: Text, read_only: bool },
    /// A claim made for the pod: `ephemeral.volumeClaimTemplate`.
    Ephemeral(Arc<Node>),
    /// Something that only a cluster has.
    Cluster { field: &'static str, span: Span },
}

/// Sources that mean something to a cluster alone.
const CLUSTER: [&str; 22] = [
    "csi",
    "nfs",
    "image",
    "iscsi",
    "fc",
    "cephfs",
    "cinder",
    "glusterfs",
    "rbd",
    "flexVolume",
    "flocker",
    "gitRepo",
    "quobyte",
    "storageos",
    "portworxVolume",
    "scaleIO",
    "azureDisk",
    "azureFile",
    "awsElasticBlockStore",
    "gcePersistentDisk",
    "photonPersistentDisk",
    "vsphereVolume",
];

impl VolumeDecl {
    /// Reads a volume.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a volume", problems)?;
        let name = fields.need_text("name");
        let mut sources: Vec<Option<VolumeSource>> = Vec::new();
        if let Some(entry) = fields.take("emptyDir") {
            read_empty_dir(&entry.value, problems);
            sources.push(Some(VolumeSource::EmptyDir));
        }
        let mut add = |field, read: &dyn Fn(&Arc<Node>) -> Option<VolumeSource>| {
            if let Some(entry) = fields.take(field) {
                sources.push(read(&entry.value));
            }
        };
        add("configMap", &|node| {
            KeyedFiles::read(node, "name", problems).map(VolumeSource::ConfigMap)
        });
        add("secret", &|node| {
            KeyedFiles::read(node, "secretName", problems).map(VolumeSource::Secret)
        });
        add("projected", &|node| {
            Projected::read(node, problems).map(VolumeSource::Projected)
        });
        add("downwardAPI", &|node| {
            DownwardApi::read(node, problems).map(VolumeSource::DownwardApi)
        });
        add("hostPath", &|node| read_host_path(node, problems));
        add("persistentVolumeClaim", &|node| {
            let (name, read_only) = read_claim(node, problems)?;
            Some(VolumeSource::Claim { name, read_only })
        });
        add("ephemeral", &|node| read_ephemeral(node, problems));
        for field in CLUSTER {
            if let Some(entry) = fields.take(field) {
                let span = entry.key.span;
                sources.push(Some(VolumeSource::Cluster { field, span }));
            }
        }
        fields.finish();
        if sources.len() > 1 {
            problems.push(FieldProblem::ExactlyOne {
                owner: "a volume",
                found: "several sources".to_owned(),
                choices: "the sources that a volume can have",
                help: "write one volume for each source",
                span: node.span,
            });
        }
        let source = match sources.into_iter().next() {
            Some(source) => source?,
            None => VolumeSource::EmptyDir,
        };
        Some(Self {
            name: name?,
            source,
        })
    }

    /// The texts in which references are filled in.
    pub(crate) fn texts(&self) -> Vec<&Text> {
        let mut texts = vec![&self.name];
        match &self.source {
            VolumeSource::ConfigMap(files) | VolumeSource::Secret(files) => {
                texts.extend(files.texts());
            }
            VolumeSource::Projected(projected) => texts.extend(projected.texts()),
            VolumeSource::Claim { name, .. } => texts.push(name),
            VolumeSource::HostPath { path, .. } => texts.push(path),
            VolumeSource::EmptyDir
            | VolumeSource::DownwardApi(_)
            | VolumeSource::Ephemeral(_)
            | VolumeSource::Cluster { .. } => {}
        }
        texts
    }
}

/// Reads `emptyDir`; its size and medium bound nothing here.
pub(crate) fn read_empty_dir(node: &Node, problems: &Problems) {
    if let Some(fields) = Fields::open(node, "an empty folder", problems) {
        fields.ignore(&["medium", "sizeLimit"]);
        fields.finish();
    }
}

/// Reads `persistentVolumeClaim`: the claim's name, and whether it can only be read.
pub(crate) fn read_claim(node: &Node, problems: &Problems) -> Option<(Text, bool)> {
    let fields = Fields::open(node, "a claim", problems)?;
    let name = fields.need_text("claimName");
    let read_only = fields.flag("readOnly");
    fields.finish();
    Some((name?, read_only))
}

fn read_host_path(node: &Node, problems: &Problems) -> Option<VolumeSource> {
    let fields = Fields::open(node, "a path of the host", problems)?;
    let (path, kind) = (fields.need_text("path"), fields.word("type"));
    fields.finish();
    Some(VolumeSource::HostPath {
        path: path?,
        kind,
        span: node.span,
    })
}

fn read_ephemeral(node: &Node, problems: &Problems) -> Option<VolumeSource> {
    let fields = Fields::open(node, "an ephemeral volume", problems)?;
    let template = fields.need("volumeClaimTemplate");
    fields.finish();
    let template = template?;
    CLAIM_TEMPLATE.check(&template.value, "volumeClaimTemplate", problems);
    Some(VolumeSource::Ephemeral(Arc::clone(&template.value)))
}

impl DownwardApi {
    /// Reads `downwardAPI`, as a volume or as a source of a projected one.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "the pod's own fields", problems)?;
        let default_mode = fields.number("defaultMode");
        let items = fields.each("items", |node, problems| {
            let fields = Fields::open(node, "one of the pod's own fields", problems)?;
            let path = fields.need_text("path");
            let field = fields.one("fieldRef", read_field_ref);
            fields.ignore(&["resourceFieldRef"]);
            let mode = fields.number("mode");
            fields.finish();
            Some((path?, field, mode))
        });
        fields.finish();
        Some(Self {
            items,
            default_mode,
        })
    }
}
