//! Workspaces: declared by a Task or a Pipeline, used by a step or a pipeline task, bound by a run.

use std::sync::Arc;

use crate::document::files::{KeyedFiles, Projected};
use crate::document::shape::CLAIM_TEMPLATE;
use crate::document::volume::{read_claim, read_empty_dir};
use crate::fields::{Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::source::Span;
use crate::yaml::Node;

/// A workspace that a Task declares.
#[derive(Debug)]
pub(crate) struct WorkspaceDecl {
    pub(crate) name: Text,
    pub(crate) mount_path: Option<Text>,
    pub(crate) read_only: bool,
    pub(crate) optional: bool,
}

/// A workspace that a Pipeline declares.
#[derive(Debug)]
pub(crate) struct PipelineWorkspaceDecl {
    pub(crate) name: Text,
    pub(crate) optional: bool,
}

/// A workspace of the Task that one step or sidecar sees, and others only if they say so too.
#[derive(Debug, Clone)]
pub(crate) struct WorkspaceUsage {
    pub(crate) name: Text,
    pub(crate) mount_path: Option<Text>,
}

/// A workspace of a pipeline task, and the Pipeline's that it is given.
#[derive(Debug)]
pub(crate) struct PipelineTaskWorkspace {
    /// Its name in the task.
    pub(crate) name: Text,
    /// Its name in the Pipeline, where that is another one.
    pub(crate) workspace: Option<Text>,
    pub(crate) sub_path: Option<Text>,
}

/// A workspace of a run and what is bound to it.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: Text,
    /// Where the binding is written.
    pub(crate) span: Span,
    pub(crate) sub_path: Option<Text>,
    pub(crate) source: BindingSource,
}

/// What is bound to a workspace.
#[derive(Debug)]
pub(crate) enum BindingSource {
    /// A new, empty folder.
    EmptyDir,
    /// A claim by name.
    Claim { name: Text, read_only: bool },
    /// A claim made for the run: the claim as it is written.
    ClaimTemplate(Arc<Node>),
    /// Files of a ConfigMap.
    ConfigMap(KeyedFiles),
    /// Files of a Secret.
    Secret(KeyedFiles),
    /// Files of several.
    Projected(Projected),
    /// Something that only a cluster has.
    Cluster { field: &'static str, span: Span },
}

impl WorkspaceDecl {
    /// Reads a workspace that a Task declares.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a workspace", problems)?;
        fields.ignore(&["description"]);
        let name = fields.need_text("name");
        let mount_path = fields.word("mountPath");
        let (read_only, optional) = (fields.flag("readOnly"), fields.flag("optional"));
        fields.finish();
        Some(Self {
            name: name?,
            mount_path,
            read_only,
            optional,
        })
    }
}

impl PipelineWorkspaceDecl {
    /// Reads a workspace that a Pipeline declares.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a Pipeline's workspace", problems)?;
        fields.ignore(&["description"]);
        let name = fields.need_text("name");
        let optional = fields.flag("optional");
        fields.finish();
        Some(Self {
            name: name?,
            optional,
        })
    }
}

impl WorkspaceUsage {
    /// Reads a workspace that a step or a sidecar asks for.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a workspace of a step", problems)?;
        let name = fields.need_text("name");
        let mount_path = fields.word("mountPath");
        fields.finish();
        Some(Self {
            name: name?,
            mount_path,
        })
    }
}

impl PipelineTaskWorkspace {
    /// Reads a workspace that a pipeline task hands on.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a workspace of a pipeline task", problems)?;
        let name = fields.need_text("name");
        let workspace = fields.word("workspace");
        let sub_path = fields.word("subPath");
        fields.finish();
        if let Some(path) = &sub_path {
            check_sub_path(path, problems);
        }
        Some(Self {
            name: name?,
            workspace,
            sub_path,
        })
    }

    /// The name of the Pipeline's workspace.
    pub(crate) fn source(&self) -> &Text {
        self.workspace.as_ref().unwrap_or(&self.name)
    }
}

impl Binding {
    /// Reads a workspace of a run.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a workspace binding", problems)?;
        let name = fields.need_text("name");
        let sub_path = fields.word("subPath");
        if let Some(path) = &sub_path {
            check_sub_path(path, problems);
        }
        let mut sources: Vec<Option<BindingSource>> = Vec::new();
        if let Some(entry) = fields.take("emptyDir") {
            read_empty_dir(&entry.value, problems);
            sources.push(Some(BindingSource::EmptyDir));
        }
        if let Some(entry) = fields.take("persistentVolumeClaim") {
            let claim = read_claim(&entry.value, problems);
            sources.push(claim.map(|(name, read_only)| BindingSource::Claim { name, read_only }));
        }
        if let Some(node) = fields.node("volumeClaimTemplate") {
            CLAIM_TEMPLATE.check(&node, "volumeClaimTemplate", problems);
            sources.push(Some(BindingSource::ClaimTemplate(node)));
        }
        if let Some(entry) = fields.take("configMap") {
            let files = KeyedFiles::read(&entry.value, "name", problems);
            sources.push(files.map(BindingSource::ConfigMap));
        }
        if let Some(entry) = fields.take("secret") {
            let files = KeyedFiles::read(&entry.value, "secretName", problems);
            sources.push(files.map(BindingSource::Secret));
        }
        if let Some(entry) = fields.take("projected") {
            let projected = Projected::read(&entry.value, problems);
            sources.push(projected.map(BindingSource::Projected));
        }
        if let Some(entry) = fields.take("csi") {
            sources.push(Some(BindingSource::Cluster {
                field: "csi",
                span: entry.key.span,
            }));
        }
        fields.finish();
        let found = match sources.len() {
            1 => {
                return Some(Self {
                    name: name?,
                    span: node.span,
                    sub_path,
                    source: sources.remove(0)?,
                });
            }
            0 => "none",
            _ => "several",
        };
        problems.push(FieldProblem::ExactlyOne {
            owner: "a workspace binding",
            found: format!("{found} of its sources"),
            choices: "`emptyDir`, `persistentVolumeClaim`, `volumeClaimTemplate`, `configMap`, `secret`, `projected` and `csi`",
            help: "`emptyDir: {}` is a new folder for this run; a folder of yours is bound with `-w NAME=PATH`",
            span: node.span,
        });
        None
    }
}

impl Binding {
    /// The texts in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        let (name, keyed, projected) = match &self.source {
            BindingSource::Claim { name, .. } => (Some(name), None, None),
            BindingSource::ConfigMap(files) | BindingSource::Secret(files) => {
                (None, Some(files), None)
            }
            BindingSource::Projected(projected) => (None, None, Some(projected)),
            BindingSource::EmptyDir
            | BindingSource::ClaimTemplate(_)
            | BindingSource::Cluster { .. } => (None, None, None),
        };
        let keyed = keyed.into_iter().flat_map(KeyedFiles::texts);
        let projected = projected.into_iter().flat_map(Projected::texts);
        let texts = self.sub_path.iter().chain(name);
        texts.chain(keyed).chain(projected)
    }
}

impl BindingSource {
    /// Whether nothing can be written there.
    pub(crate) fn is_read_only(&self) -> bool {
        match self {
            Self::ConfigMap(_) | Self::Secret(_) | Self::Projected(_) => true,
            Self::Claim { read_only, .. } => *read_only,
            Self::EmptyDir | Self::ClaimTemplate(_) | Self::Cluster { .. } => false,
        }
    }
}

fn check_sub_path(path: &Text, problems: &Problems) {
    let inside = !path.value.starts_with('/') && path.value.split('/').all(|part| part != "..");
    if !inside {
        problems.push(FieldProblem::BadValue {
            field: "subPath".to_owned(),
            value: path.value.clone(),
            expected: "a relative path without `..`".to_owned(),
            span: path.span,
        });
    }
}
