//! Containers with everything filled in: a step's own part, its StepAction's, and that of the template.

use std::collections::HashSet;

use stepwell_contract::ImagePullPolicy;

use crate::document::container::{Container, VolumeMount};
use crate::document::env::{EnvDecl, EnvFrom, EnvValue, KeyRef};
use crate::document::resources::Amounts;
use crate::document::security::SecurityDecl;
use crate::fields::Text;
use crate::name;
use crate::problem::RunProblem;
use crate::resolve::files::Files;
use crate::resolve::workspaces::bad_substitution;
use crate::source::Span;

/// A container, filled in.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) image: Option<(String, Text)>,
    pub(crate) image_pull_policy: Option<ImagePullPolicy>,
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) working_dir: Option<(String, Span)>,
    /// Of `envFrom`; a later one wins.
    pub(crate) env_from: Vec<(String, String)>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) amounts: Amounts,
    pub(crate) security: SecurityDecl,
}

/// A volume mount, filled in.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) volume: String,
    pub(crate) path: String,
    pub(crate) sub_path: Option<Text>,
    /// `subPathExpr`, with `$(VARIABLE)` in it.
    pub(crate) sub_path_expr: Option<Text>,
    pub(crate) read_only: bool,
    pub(crate) span: Span,
}

impl Filled {
    /// Fills in `container`.
    pub(crate) fn new(container: &Container, files: &Files<'_>) -> Self {
        let (scope, problems) = (files.scope, files.problems);
        let texts = |texts: &[Text]| scope.items(texts, problems);
        Self {
            image: container
                .image
                .as_ref()
                .map(|text| (scope.text(text, problems), text.clone())),
            image_pull_policy: container
                .image_pull_policy
                .as_ref()
                .and_then(|text| pull_policy(text, files)),
            command: texts(&container.command),
            args: texts(&container.args),
            working_dir: container
                .working_dir
                .as_ref()
                .map(|text| (scope.text(text, problems), text.span)),
            env_from: container
                .env_from
                .iter()
                .flat_map(|from| all_keys(from, files))
                .collect(),
            env: variables(&container.env, files),
            mounts: container
                .volume_mounts
                .iter()
                .map(|mount| Mount::new(mount, files))
                .collect(),
            amounts: container
                .resources
                .as_ref()
                .map(|resources| resources.amounts)
                .unwrap_or_default(),
            security: container.security.clone(),
        }
    }

    /// What it does not say itself, taken from `template`. With a script, the command is not the template's: a script is
    /// run by itself.
    pub(crate) fn or(mut self, template: Self, has_script: bool) -> Self {
        self.image = self.image.or(template.image);
        self.image_pull_policy = self.image_pull_policy.or(template.image_pull_policy);
        self.working_dir = self.working_dir.or(template.working_dir);
        self.amounts = self.amounts.or(template.amounts);
        self.security = self.security.or(&template.security);
        if self.command.is_empty() && !has_script {
            self.command = template.command;
        }
        if self.args.is_empty() {
            self.args = template.args;
        }
        self.env_from.splice(0..0, template.env_from);
        self.env = over(template.env, self.env);
        let own: HashSet<String> = self.mounts.iter().map(|mount| mount.path.clone()).collect();
        let inherited = template
            .mounts
            .into_iter()
            .filter(|mount| !own.contains(&mount.path));
        let inherited: Vec<Mount> = inherited.collect();
        self.mounts.splice(0..0, inherited);
        self
    }

    /// Every variable once.
    pub(crate) fn environment(&mut self) -> Vec<(String, String)> {
        let all = over(Vec::new(), std::mem::take(&mut self.env_from));
        over(all, std::mem::take(&mut self.env))
    }
}

/// `below` with `above` over it: of two with one name, the later one stays.
pub(crate) fn over(
    below: Vec<(String, String)>,
    above: Vec<(String, String)>,
) -> Vec<(String, String)> {
    if above.is_empty() {
        return below;
    }
    let mut seen = HashSet::new();
    let mut kept: Vec<(String, String)> = below
        .into_iter()
        .chain(above)
        .rev()
        .filter(|(name, _)| seen.insert(name.clone()))
        .collect();
    kept.reverse();
    kept
}

/// When the image is pulled; nothing where its reference decides.
fn pull_policy(text: &Text, files: &Files<'_>) -> Option<ImagePullPolicy> {
    let value = files.scope.text(text, files.problems);
    let policy = ImagePullPolicy::from_name(&value);
    if policy.is_none() && !value.is_empty() {
        let expected = "Always, IfNotPresent or Never";
        bad_substitution(text, &value, "imagePullPolicy", expected, files.problems);
    }
    policy
}

/// The variables of a list, filled in.
pub(crate) fn variables(env: &[EnvDecl], files: &Files<'_>) -> Vec<(String, String)> {
    env.iter()
        .filter_map(|variable| {
            let value = variable_value(&variable.value, files)?;
            Some((variable.name.value.clone(), value))
        })
        .collect()
}

fn variable_value(value: &EnvValue, files: &Files<'_>) -> Option<String> {
    match value {
        EnvValue::Text(text) => Some(files.scope.text(text, files.problems)),
        EnvValue::ConfigMap(key) => key_value(key, false, files),
        EnvValue::Secret(key) => key_value(key, true, files),
        EnvValue::Field(path) => files.pod.field(path, files.problems),
        EnvValue::Resource { resource, .. } => {
            files.problems.push(RunProblem::NotHere {
                what: "resourceFieldRef",
                span: resource.span,
            });
            None
        }
    }
}

fn key_value(reference: &KeyRef, secret: bool, files: &Files<'_>) -> Option<String> {
    let name = files.scope.text(&reference.name, files.problems);
    let key = files.scope.text(&reference.key, files.problems);
    let kind = if secret { "Secret" } else { "ConfigMap" };
    let found = match secret {
        true => files.library.secret(&name).map(|secret| {
            let bytes = secret.values.get(&key);
            bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        }),
        false => files
            .library
            .config_map(&name)
            .map(|map| map.texts.get(&key).map(|text| text.to_string())),
    };
    if reference.optional {
        return found.flatten();
    }
    match found {
        Some(Some(value)) => return Some(value),
        Some(None) => files.problems.push(RunProblem::KeyNotFound {
            kind,
            name,
            key,
            span: reference.key.span,
        }),
        None => files.problems.push(RunProblem::DocumentNotFound {
            kind,
            help: files.library.suggest_source(secret, &name),
            name,
            span: reference.name.span,
        }),
    }
    None
}

/// Every key of a ConfigMap or Secret that can be the name of a variable.
fn all_keys(from: &EnvFrom, files: &Files<'_>) -> Vec<(String, String)> {
    let name = files.scope.text(&from.name, files.problems);
    let prefix = from.prefix.as_ref().map_or(String::new(), |prefix| {
        files.scope.text(prefix, files.problems)
    });
    let texts: Option<Vec<(String, String)>> = match from.secret {
        true => files.library.secret(&name).map(|secret| {
            let values = secret.values.iter();
            values
                .map(|(key, bytes)| (key.clone(), String::from_utf8_lossy(bytes).into_owned()))
                .collect()
        }),
        false => files.library.config_map(&name).map(|map| {
            let texts = map.texts.iter();
            texts
                .map(|(key, text)| (key.clone(), text.to_string()))
                .collect()
        }),
    };
    let Some(texts) = texts else {
        if !from.optional {
            files.problems.push(RunProblem::DocumentNotFound {
                kind: if from.secret { "Secret" } else { "ConfigMap" },
                help: files.library.suggest_source(from.secret, &name),
                name,
                span: from.name.span,
            });
        }
        return Vec::new();
    };
    texts
        .into_iter()
        .map(|(key, value)| (format!("{prefix}{key}"), value))
        .filter(|(name, _)| name::ENVIRONMENT.allows(name))
        .collect()
}

impl Mount {
    fn new(mount: &VolumeMount, files: &Files<'_>) -> Self {
        let text = |text: &Text| files.scope.text(text, files.problems);
        let sub_path = mount.sub_path.as_ref();
        Self {
            volume: text(&mount.name),
            path: text(&mount.mount_path),
            sub_path: sub_path.map(|own| Text {
                value: text(own),
                span: own.span,
            }),
            sub_path_expr: mount.sub_path_expr.clone(),
            read_only: mount.read_only,
            span: mount.span,
        }
    }
}
