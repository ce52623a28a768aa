//! What steps, sidecars and StepActions have in common: a script or a command, an environment, mounts, volumes.

use stepwell_contract::ImagePullPolicy;

use super::scope::Declared;
use super::{KEEP_ONE, RENAME};
use crate::document::container::Container;
use crate::document::env::EnvDecl;
use crate::document::volume::VolumeDecl;
use crate::document::workspace::WorkspaceUsage;
use crate::fields::Text;
use crate::name::{self, Case, check_unique};
use crate::problem::{FieldProblem, Problems, TaskProblem};
use crate::reference;

/// Names of volumes that start so are Tekton's.
const INTERNAL: &str = "tekton-internal-";

/// Checks a container that `step` is the name of.
pub(super) fn check_container(
    container: &Container,
    script: Option<&Text>,
    step: &str,
    problems: &Problems,
) {
    if let (Some(_), Some(command)) = (script, container.command.first()) {
        problems.push(TaskProblem::ScriptAndCommand {
            step: step.to_owned(),
            span: command.span,
        });
    }
    if let Some(policy) = &container.image_pull_policy {
        check_pull_policy(policy, problems);
    }
    check_env(&container.env, problems);
}

/// Notes a value of `imagePullPolicy` that means nothing.
fn check_pull_policy(text: &Text, problems: &Problems) {
    let known = text.value.is_empty() || ImagePullPolicy::from_name(&text.value).is_some();
    if !known && !reference::is_in(&text.value) {
        problems.push(FieldProblem::BadValue {
            field: "imagePullPolicy".to_owned(),
            value: text.value.clone(),
            expected: "Always, IfNotPresent or Never".to_owned(),
            span: text.span,
        });
    }
}

/// Checks what a step mounts. A sidecar sees nothing of Tekton's folders, and may have what it likes there.
pub(super) fn check_mounts(container: &Container, problems: &Problems) {
    for mount in &container.volume_mounts {
        check_mount(&mount.name, &mount.mount_path, problems);
    }
    let paths = container
        .volume_mounts
        .iter()
        .map(|mount| &mount.mount_path);
    let help = "mount each volume of a step at a place of its own";
    check_unique(paths, "volume mounts", help, Case::Matters, problems);
}

/// Checks the names of variables.
pub(super) fn check_env(env: &[EnvDecl], problems: &Problems) {
    for variable in env {
        name::ENVIRONMENT.check(&variable.name, problems);
    }
    let variables = env.iter().map(|variable| &variable.name);
    check_unique(
        variables,
        "environment variables",
        KEEP_ONE,
        Case::Matters,
        problems,
    );
}

fn check_mount(name: &Text, path: &Text, problems: &Problems) {
    if name.value.starts_with(INTERNAL) {
        problems.push(TaskProblem::ReservedName {
            name: name.value.clone(),
            what: "the volume",
            span: name.span,
        });
    }
    let below = |path: &str, folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let bad = |rule| {
        problems.push(TaskProblem::BadMountPath {
            path: path.value.clone(),
            rule,
            span: path.span,
        });
    };
    if below(&path.value, "/tekton") && !below(&path.value, "/tekton/home") {
        bad("everything below `/tekton` but `/tekton/home` belongs to the task itself");
    } else if path.value.contains(':') && !reference::is_in(&path.value) {
        bad("a mount path has no `:`");
    }
}

/// Checks the volumes of a Task or a pod template.
pub(super) fn check_volumes(volumes: &[VolumeDecl], problems: &Problems) {
    for volume in volumes {
        let name = &volume.name;
        if name.value.starts_with(INTERNAL) {
            problems.push(TaskProblem::ReservedName {
                name: name.value.clone(),
                what: "the volume",
                span: name.span,
            });
        } else if !reference::is_in(&name.value) {
            name::VOLUME.check(name, problems);
        }
    }
    let names = volumes.iter().map(|volume| &volume.name);
    check_unique(names, "volumes", RENAME, Case::Matters, problems);
}

/// Checks the workspaces that `user` asks for by name.
pub(super) fn check_usages(
    usages: &[WorkspaceUsage],
    user: &str,
    declared: &Declared<'_>,
    problems: &Problems,
) {
    for usage in usages {
        let name = &usage.name;
        if declared.lacks_workspace(&name.value) {
            problems.push(TaskProblem::UndeclaredWorkspace {
                user: user.to_owned(),
                workspace: name.value.clone(),
                owner: declared.owner,
                help: declared.suggest_workspace(&name.value),
                span: name.span,
            });
        }
    }
    let names = usages.iter().map(|usage| &usage.name);
    check_unique(names, "workspaces", KEEP_ONE, Case::Matters, problems);
}
