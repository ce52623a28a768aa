//! A Task on its own: its declarations, its steps, its sidecars.

use std::collections::HashSet;

use super::RENAME;
use super::container::{check_container, check_usages, check_volumes};
use super::param::{check_params, check_results};
use super::references::check_declared;
use super::results::check_task_results;
use super::scope::Declared;
use super::step::{OwnNames, check_own_references, check_step};
use crate::document::container::Place;
use crate::document::sidecar::SidecarDecl;
use crate::document::step::StepDecl;
use crate::document::task::TaskSpec;
use crate::document::volume::VolumeDecl;
use crate::document::workspace::WorkspaceDecl;
use crate::fields::Text;
use crate::name::{self, Case, check_unique};
use crate::problem::{Problems, TaskProblem};
use crate::reference;
use crate::source::Sources;

/// The sidecar that Tekton itself adds to a pod, and its container.
const RESERVED_SIDECARS: [&str; 2] = ["tekton-log-results", "sidecar-tekton-log-results"];

/// Checks a Task on its own.
pub(crate) fn check_task(spec: &TaskSpec, sources: &Sources, problems: &Problems) {
    check_params(&spec.params, problems);
    check_results(&spec.results, problems);
    check_workspaces(&spec.workspaces, problems);
    check_volumes(&spec.volumes, problems);
    let declared = declared(spec);
    check_steps(spec, &declared, sources, problems);
    check_sidecars(&spec.sidecars, &declared, problems);
}

fn declared(spec: &TaskSpec) -> Declared<'_> {
    let workspaces = spec.workspaces.iter().map(|workspace| &workspace.name);
    Declared::new("the Task", &spec.params, Some(workspaces))
}

fn check_workspaces(workspaces: &[WorkspaceDecl], problems: &Problems) {
    for workspace in workspaces {
        name::WORKSPACE.check(&workspace.name, problems);
    }
    let names = workspaces.iter().map(|workspace| &workspace.name);
    check_unique(names, "workspaces", RENAME, Case::Matters, problems);
    let mut taken = HashSet::new();
    for workspace in workspaces {
        let own = workspace.mount_path.as_ref();
        let default = || format!("/workspace/{}", workspace.name.value);
        let path = own.map_or_else(default, |path| path.value.clone());
        if reference::is_in(&path) {
            continue;
        }
        // Two of one name, and so of one place, were noted already.
        if let (false, Some(text)) = (taken.insert(path.trim_end_matches('/').to_owned()), own) {
            problems.push(TaskProblem::BadMountPath {
                rule: "another workspace of the Task is mounted there",
                span: text.span,
                path,
            });
        }
    }
}

fn check_steps(spec: &TaskSpec, declared: &Declared<'_>, sources: &Sources, problems: &Problems) {
    if spec.steps.is_empty() {
        problems.push(TaskProblem::NoSteps {
            span: spec.node.span,
        });
    }
    let named = || spec.steps.iter().filter_map(|step| step.name.as_ref());
    for name in named() {
        name::STEP.check(name, problems);
    }
    check_unique(named(), "steps", RENAME, Case::Matters, problems);
    let names = spec.step_names();
    let own = OwnNames::of(spec, &names);
    let steps = spec.steps.iter().zip(spec.merged_steps()).zip(&names);
    for (at, ((step, merged), name)) in steps.enumerate() {
        check_step(step, &merged, name, declared, problems);
        check_own_references(&merged, at, &own, sources, problems);
    }
    check_task_results(&spec.results, &own, sources, problems);
}

fn check_sidecars(sidecars: &[SidecarDecl], declared: &Declared<'_>, problems: &Problems) {
    for sidecar in sidecars {
        let name = sidecar.name.as_ref();
        if let Some(name) = name {
            if RESERVED_SIDECARS.contains(&name.value.as_str()) {
                problems.push(TaskProblem::ReservedName {
                    name: name.value.clone(),
                    what: "the sidecar",
                    span: name.span,
                });
            } else if !reference::is_in(&name.value) {
                name::SIDECAR.check(name, problems);
            }
        }
        let name = name.map_or("unnamed", |name| &name.value);
        if sidecar.container.image.is_none() {
            problems.push(TaskProblem::NoImage {
                step: name.to_owned(),
                span: sidecar.container.span,
            });
        }
        check_container(&sidecar.container, sidecar.script.as_ref(), name, problems);
        let user = format!("the sidecar `{name}`");
        check_usages(&sidecar.workspaces, &user, declared, problems);
    }
    let names = sidecars.iter().filter_map(|sidecar| sidecar.name.as_ref());
    check_unique(names, "sidecars", RENAME, Case::Matters, problems);
}

/// Checks that a Task that stands alone refers only to params and workspaces that it declares, and to each as what it
/// is. An inline Task may also refer to those of its run, which is known later.
pub(crate) fn check_references(spec: &TaskSpec, sources: &Sources, problems: &Problems) {
    let declared = declared(spec);
    let check = |text: &Text, place| check_declared(text, place, &declared, sources, problems);
    for step in &spec.steps {
        check_step_texts(step, &check);
    }
    let template = spec.step_template.iter();
    let sidecars = spec.sidecars.iter().flat_map(SidecarDecl::texts);
    for (text, place) in template
        .flat_map(|template| template.texts())
        .chain(sidecars)
    {
        check(text, place);
    }
    let mounts = spec.workspaces.iter();
    let mounts = mounts.filter_map(|workspace| workspace.mount_path.as_ref());
    for text in spec
        .volumes
        .iter()
        .flat_map(VolumeDecl::texts)
        .chain(mounts)
    {
        check(text, Place::Text);
    }
}

/// Checks every text of a step, with `check`.
fn check_step_texts(step: &StepDecl, check: &impl Fn(&Text, Place)) {
    for (text, place) in step.texts() {
        check(text, place);
    }
    let action = step.action.iter().flat_map(|action| &action.params);
    for param in step.params.iter().chain(action) {
        super::param::each_text(&param.value, check);
    }
    for when in &step.when {
        super::param::each_when_text(when, check);
    }
}
