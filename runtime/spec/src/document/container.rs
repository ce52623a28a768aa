//! What steps, step templates, sidecars and StepActions have in common.

use std::sync::Arc;

use crate::document::env::{EnvDecl, EnvFrom, EnvValue};
use crate::document::resources::Resources;
use crate::document::security::SecurityDecl;
use crate::document::shape::{self, SECURITY_CONTEXT, VOLUME_DEVICES};
use crate::fields::{Fields, Text};
use crate::problem::Problems;
use crate::source::Span;
use crate::yaml::Node;

/// A container, before anything is known of where it runs.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    /// Where it starts.
    pub(crate) span: Span,
    pub(crate) image: Option<Text>,
    pub(crate) image_pull_policy: Option<Text>,
    pub(crate) command: Vec<Text>,
    pub(crate) args: Vec<Text>,
    pub(crate) working_dir: Option<Text>,
    pub(crate) env: Vec<EnvDecl>,
    pub(crate) env_from: Vec<EnvFrom>,
    pub(crate) volume_mounts: Vec<VolumeMount>,
    pub(crate) resources: Option<Resources>,
    /// Who it is, and what it may do.
    pub(crate) security: SecurityDecl,
}

/// A volume where a container sees it.
#[derive(Debug, Clone)]
pub(crate) struct VolumeMount {
    pub(crate) span: Span,
    /// The volume's name.
    pub(crate) name: Text,
    pub(crate) mount_path: Text,
    pub(crate) sub_path: Option<Text>,
    /// `subPathExpr`, in which `$(VARIABLE)` stands for a variable of the environment.
    pub(crate) sub_path_expr: Option<Text>,
    pub(crate) read_only: bool,
}

/// Where a text stands: what may be filled in there differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// One item of `command` or `args`, which an array may stand for.
    Item,
    /// The whole value of a param, which may be a whole array or object.
    Value,
    /// Anything else.
    Text,
}

impl Container {
    /// Takes the shared fields out of `fields`.
    pub(crate) fn read(fields: &Fields<'_>, problems: &Problems) -> Self {
        shape::check_rows(fields, &[("volumeDevices", VOLUME_DEVICES)], problems);
        let security_context = fields.node("securityContext");
        if let Some(node) = &security_context {
            SECURITY_CONTEXT.check(node, "securityContext", problems);
        }
        Self {
            span: fields.span(),
            image: fields.word("image"),
            image_pull_policy: fields.word("imagePullPolicy"),
            command: fields.texts("command"),
            args: fields.texts("args"),
            working_dir: fields.word("workingDir"),
            env: fields.each("env", EnvDecl::read),
            env_from: fields.each("envFrom", EnvFrom::read),
            volume_mounts: fields.each("volumeMounts", VolumeMount::read),
            resources: Resources::take(fields, problems),
            security: security_context
                .map(|node| SecurityDecl::read(&node, problems))
                .unwrap_or_default(),
        }
    }

    /// Takes what it does not say itself from `template`. With a script, the command is not the template's: a script is
    /// run by itself.
    pub(crate) fn merge(&mut self, template: &Self, has_script: bool) {
        let or = |own: &mut Option<Text>, other: &Option<Text>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        or(&mut self.image, &template.image);
        or(&mut self.image_pull_policy, &template.image_pull_policy);
        or(&mut self.working_dir, &template.working_dir);
        if self.command.is_empty() && !has_script {
            self.command.clone_from(&template.command);
        }
        if self.args.is_empty() {
            self.args.clone_from(&template.args);
        }
        if self.resources.is_none() {
            self.resources.clone_from(&template.resources);
        }
        self.security = std::mem::take(&mut self.security).or(&template.security);
        let own = std::mem::take(&mut self.env);
        self.env = with_inherited(own, &template.env, |variable| &variable.name.value);
        let own = std::mem::take(&mut self.volume_mounts);
        self.volume_mounts = with_inherited(own, &template.volume_mounts, |mount| {
            &mount.mount_path.value
        });
        self.env_from
            .splice(0..0, template.env_from.iter().cloned());
    }

    /// Every text in which references are filled in.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Text, Place)> {
        let items = self.command.iter().chain(&self.args);
        let single = [&self.image, &self.image_pull_policy, &self.working_dir];
        let env = self.env.iter().flat_map(EnvDecl::texts);
        let env_from = self
            .env_from
            .iter()
            .flat_map(|from| from.prefix.iter().chain([&from.name]));
        let mounts = self.volume_mounts.iter().flat_map(|mount| {
            [&mount.name, &mount.mount_path]
                .into_iter()
                .chain(&mount.sub_path)
        });
        let texts = single.into_iter().flatten().chain(env);
        let texts = texts.chain(env_from).chain(mounts);
        items
            .map(|text| (text, Place::Item))
            .chain(texts.map(|text| (text, Place::Text)))
    }

    /// The value of a variable that has one of its own.
    pub(crate) fn plain_env(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.env
            .iter()
            .filter_map(|variable| match &variable.value {
                EnvValue::Text(value) => Some((&variable.name, value)),
                _ => None,
            })
    }
}

/// What is inherited and not written anew, then what is written.
fn with_inherited<T: Clone>(own: Vec<T>, inherited: &[T], key: impl Fn(&T) -> &str) -> Vec<T> {
    let named: std::collections::BTreeSet<&str> = own.iter().map(&key).collect();
    let kept: Vec<T> = inherited
        .iter()
        .filter(|item| !named.contains(key(item)))
        .cloned()
        .collect();
    kept.into_iter().chain(own).collect()
}

impl VolumeMount {
    fn read(node: &Arc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, "a volume mount", problems)?;
        let (name, mount_path) = (fields.need_text("name"), fields.need_text("mountPath"));
        let (sub_path, sub_path_expr) = (fields.word("subPath"), fields.word("subPathExpr"));
        let read_only = fields.flag("readOnly");
        for field in ["mountPropagation", "recursiveReadOnly"] {
            fields.text(field);
        }
        fields.finish();
        Some(Self {
            span: node.span,
            name: name?,
            mount_path: mount_path?,
            sub_path,
            sub_path_expr,
            read_only,
        })
    }
}
