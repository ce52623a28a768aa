//! Volumes: what a Task, a pod template and workspaces offer to mount, and what steps mount of it.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use crate::document::volume::{VolumeDecl, VolumeSource as Declared};
use crate::nearest::suggest;
use crate::problem::RunProblem;
use crate::resolve::container::Mount;
use crate::resolve::files::inside;
use crate::resolve::offers::Binder;
use crate::resolve::steps::access;
use crate::resolve::workspaces::{bad_mount_path, normalise};
use crate::run::{MountedVolume, TaskVolume, VolumeSource, Workspace};

/// The volumes of one TaskRun.
pub(crate) struct Volumes<'a> {
    binder: &'a Binder<'a>,
    declared: BTreeMap<String, &'a VolumeDecl>,
    workspaces: &'a [Workspace],
    mounted: BTreeMap<String, TaskVolume>,
}

impl<'a> Volumes<'a> {
    /// Those that are declared, of which a later one of the same name wins, and those behind workspaces.
    pub(crate) fn new(
        declared: impl Iterator<Item = &'a VolumeDecl>,
        workspaces: &'a [Workspace],
        binder: &'a Binder<'a>,
    ) -> Self {
        let text =
            |volume: &VolumeDecl| binder.files.scope.text(&volume.name, binder.files.problems);
        Self {
            binder,
            declared: declared.map(|volume| (text(volume), volume)).collect(),
            workspaces,
            mounted: BTreeMap::new(),
        }
    }

    /// The mounts of one step, whose variables `subPathExpr` can name.
    pub(crate) fn mounts(
        &mut self,
        mounts: Vec<Mount>,
        env: &[(String, String)],
    ) -> Vec<MountedVolume> {
        let mut paths = HashSet::new();
        let mut made = Vec::with_capacity(mounts.len());
        for mount in mounts {
            let problems = self.binder.files.problems;
            let Some(path) = normalise(&mount.path) else {
                bad_mount_path(
                    mount.path,
                    "a mount path is absolute and has no `..`",
                    mount.span,
                    problems,
                );
                continue;
            };
            if !paths.insert(path.clone()) {
                // Where it is written so, that was noted when the step was read.
                if problems.is_empty() {
                    let rule = "another volume of the step is mounted there";
                    bad_mount_path(path, rule, mount.span, problems);
                }
                continue;
            }
            let Some(source) = self.mount(&mount) else {
                continue;
            };
            let files = matches!(source, VolumeSource::Files(_));
            let declared = self
                .declared
                .get(&mount.volume)
                .map(|volume| &volume.source);
            let claim = matches!(
                declared,
                Some(Declared::Claim {
                    read_only: true,
                    ..
                })
            );
            made.push(MountedVolume {
                sub_path: self.sub_path(&mount, env),
                volume: mount.volume.into(),
                mount_path: path.into(),
                access: access(mount.read_only || files || claim),
            });
        }
        made
    }

    /// The volumes that were mounted.
    pub(crate) fn finish(self) -> Vec<TaskVolume> {
        self.mounted.into_values().collect()
    }

    fn mount(&mut self, mount: &Mount) -> Option<&VolumeSource> {
        let name = &mount.volume;
        if !self.mounted.contains_key(name) {
            let source = match self.declared.get(name) {
                Some(volume) => self.source(volume),
                None => self.of_workspace(name),
            };
            let Some(source) = source else {
                let known: Vec<&str> = self.declared.keys().map(String::as_str).collect();
                self.binder.files.problems.push(RunProblem::NoSuchVolume {
                    volume: name.clone(),
                    help: suggest(name, &known, "volumes"),
                    span: mount.span,
                });
                return None;
            };
            let volume = TaskVolume {
                name: name.as_str().into(),
                source,
            };
            self.mounted.insert(name.clone(), volume);
        }
        self.mounted.get(name).map(|volume| &volume.source)
    }

    /// `$(workspaces.NAME.volume)`
    fn of_workspace(&self, volume: &str) -> Option<VolumeSource> {
        let name = volume.strip_prefix("ws-")?;
        let workspace = self.workspaces.iter().find(|bound| *bound.name == *name)?;
        Some(workspace.source.clone())
    }

    fn source(&self, volume: &VolumeDecl) -> Option<VolumeSource> {
        let files = &self.binder.files;
        let text = |text| files.scope.text(text, files.problems);
        let claim = |name: String, of_run| VolumeSource::Claim {
            name: name.into(),
            namespace: self.binder.namespace.into(),
            of_run,
            sub_path: None,
        };
        Some(match &volume.source {
            Declared::EmptyDir => VolumeSource::EmptyDir,
            Declared::ConfigMap(keys) => VolumeSource::Files(files.config_map(keys)),
            Declared::Secret(keys) => VolumeSource::Files(files.secret(keys)),
            Declared::Projected(projected) => VolumeSource::Files(files.projected(projected)),
            Declared::DownwardApi(fields) => VolumeSource::Files(files.downward_api(fields)),
            Declared::HostPath { path, kind, span } => VolumeSource::HostPath {
                path: PathBuf::from(text(path)),
                kind: kind
                    .as_ref()
                    .map_or(String::new(), |kind| kind.value.clone()),
                span: *span,
            },
            Declared::Claim { name, .. } => claim(text(name), false),
            Declared::Ephemeral(template) => {
                claim(self.binder.made_claim(template, &volume.name.value), true)
            }
            Declared::Cluster { field, span } => VolumeSource::Cluster {
                what: field,
                span: *span,
            },
        })
    }

    fn sub_path(&self, mount: &Mount, env: &[(String, String)]) -> Option<String> {
        let problems = self.binder.files.problems;
        let (written, path) = match (&mount.sub_path, &mount.sub_path_expr) {
            (Some(text), _) => (text, text.value.clone()),
            (None, Some(text)) => (text, expand(&text.value, env)),
            (None, None) => return None,
        };
        if path.is_empty() {
            return None;
        }
        let usable = inside(&path);
        if usable.is_none() {
            problems.push(RunProblem::BadFilePath {
                path,
                span: written.span,
            });
        }
        usable
    }
}

/// Fills in `$(VARIABLE)` as Kubernetes does; what is unknown stays.
fn expand(text: &str, env: &[(String, String)]) -> String {
    let mut filled = text.to_owned();
    for (name, value) in env {
        if !value.contains("$(") {
            filled = filled.replace(&format!("$({name})"), value);
        }
    }
    filled
}
