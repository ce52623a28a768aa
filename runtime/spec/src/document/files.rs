//! Files that are made from keys: of ConfigMaps, of Secrets, of several of them, of the pod itself.

use std::sync::Arc;

use crate::fields::{At, Fields, Text};
use crate::problem::{FieldProblem, Problems};
use crate::source::Span;
use crate::yaml::Node;

/// Keys of a ConfigMap or a Secret as files.
#[derive(Debug, Clone)]
pub(crate) struct KeyedFiles {
    /// Where the source is written.
    pub(crate) span: Span,
    /// The name of the ConfigMap or Secret.
    pub(crate) name: Option<Text>,
    /// Which keys, under which names; empty for all of them under their own.
    pub(crate) items: Vec<KeyToPath>,
    pub(crate) optional: bool,
    pub(crate) default_mode: Option<At<u32>>,
}

/// One key and the file it becomes.
#[derive(Debug, Clone)]
pub(crate) struct KeyToPath {
    pub(crate) key: Text,
    pub(crate) path: Text,
    pub(crate) mode: Option<At<u32>>,
}

/// Files of several sources in one folder.
#[derive(Debug, Clone)]
pub(crate) struct Projected {
    pub(crate) sources: Vec<ProjectedSource>,
    pub(crate) default_mode: Option<At<u32>>,
}

/// One source among several.
#[derive(Debug, Clone)]
pub(crate) enum ProjectedSource {
    /// Keys of a ConfigMap.
    ConfigMap(KeyedFiles),
    /// Keys of a Secret.
    Secret(KeyedFiles),
    /// The pod's own fields.
    DownwardApi(DownwardApi),
    /// Something that only a cluster has.
    Cluster { field: &'static str, span: Span },
}

/// The pod's own fields as files.
#[derive(Debug, Clone)]
pub(crate) struct DownwardApi {
    /// The file, the field that is in it (`None` for a resource), and its mode.
    pub(crate) items: Vec<(Text, Option<Text>, Option<At<u32>>)>,
    pub(crate) default_mode: Option<At<u32>>,
}

impl KeyedFiles {
    /// Reads a source whose name is in the field `name_field`.
    pub(crate) fn read(
        node: &Arc<Node>,
        name_field: &'static str,
        problems: &Problems,
    ) -> Option<Self> {
        let fields = Fields::open(node, "files made from keys", problems)?;
        let name = fields.word(name_field);
        let items = fields.each("items", KeyToPath::read);
        let optional = fields.flag("optional");
        let default_mode = fields.number("defaultMode");
        fields.finish();
        Some(Self {
            span: node.span,
            name,
            items,
            optional,
            default_mode,
        })
    }

    /// The texts in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        let items = self.items.iter().flat_map(|item| [&item.key, &item.path]);
        self.name.iter().chain(items)
    }
}

impl KeyToPath {
    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a key and its file", problems)?;
        let (key, path) = (fields.need_text("key"), fields.need_text("path"));
        let mode = fields.number("mode");
        fields.finish();
        Some(Self {
            key: key?,
            path: path?,
            mode,
        })
    }
}

impl Projected {
    /// Reads `projected`.
    pub(crate) fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a projected volume", problems)?;
        let sources = fields.each("sources", ProjectedSource::read);
        let default_mode = fields.number("defaultMode");
        fields.finish();
        Some(Self {
            sources,
            default_mode,
        })
    }

    /// The texts in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.sources
            .iter()
            .filter_map(|source| match source {
                ProjectedSource::ConfigMap(files) | ProjectedSource::Secret(files) => Some(files),
                ProjectedSource::DownwardApi(_) | ProjectedSource::Cluster { .. } => None,
            })
            .flat_map(KeyedFiles::texts)
    }
}

impl ProjectedSource {
    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a source of a projected volume", problems)?;
        let keyed =
            |node: &Arc<Node>, problems: &Problems| KeyedFiles::read(node, "name", problems);
        let mut sources = vec![
            fields.one("configMap", keyed).map(Self::ConfigMap),
            fields.one("secret", keyed).map(Self::Secret),
            fields
                .one("downwardAPI", DownwardApi::read)
                .map(Self::DownwardApi),
        ];
        for field in [
            "serviceAccountToken",
            "clusterTrustBundle",
            "podCertificate",
        ] {
            sources.push(fields.take(field).map(|entry| Self::Cluster {
                field,
                span: entry.key.span,
            }));
        }
        let empty = fields.is_empty();
        fields.finish();
        let mut sources: Vec<Self> = sources.into_iter().flatten().collect();
        if empty || sources.len() > 1 {
            let found = if empty { "none" } else { "several" };
            problems.push(FieldProblem::ExactlyOne {
                owner: "a source of a projected volume",
                found: format!("{found} of its kinds"),
                choices: "`configMap`, `secret`, `downwardAPI` and `serviceAccountToken`",
                help: "write one item of `sources` for each",
                span: node.span,
            });
        }
        sources.drain(..).next()
    }
}
