//! What stands behind every workspace, and where the steps see it.

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use stepwell_contract::Access;

use crate::document::step::StepDecl;
use crate::document::task::TaskSpec;
use crate::document::workspace::{Binding, BindingSource, WorkspaceDecl};
use crate::fields::Text;
use crate::nearest::suggest;
use crate::problem::{Problems, RequestProblem, RunProblem, TaskProblem};
use crate::reference::{self, Subject};
use crate::run::{VolumeSource, Workspace};
use crate::source::Span;
use crate::substitute::{Scope, WorkspaceFacts};

/// Workspaces as they are bound, from both sides.
pub(crate) struct Given<'a> {
    /// By the TaskRun.
    pub(crate) run: &'a [Binding],
    /// By the command line.
    pub(crate) flags: &'a [(String, PathBuf)],
    /// Whether the TaskRun's workspaces reach the steps without being declared: its Task is inline.
    pub(crate) propagate: bool,
}

/// Binds every workspace. What references can ask of them goes into `scope`.
pub(crate) fn resolve(
    spec: &TaskSpec,
    given: &Given<'_>,
    scope: &mut Scope<'_>,
    problems: &Problems,
) -> Vec<Workspace> {
    let mut bound: Vec<Workspace> = Vec::new();
    let propagated = propagated(spec, given);
    for declared in spec.workspaces.iter().chain(&propagated) {
        let name = declared.name.value.as_str();
        let binding = given.run.iter().find(|binding| binding.name.value == name);
        let flag = given
            .flags
            .iter()
            .find(|(flag, _)| flag == name)
            .map(|(_, path)| path);
        let source = source(declared, binding, flag, scope, problems);
        let mount_path = mount_path(declared, &bound, scope, problems);
        let (Some(source), Some(mount_path)) = (source, mount_path) else {
            scope
                .workspaces
                .insert(name.to_owned(), WorkspaceFacts::default());
            continue;
        };
        let source_of = binding.map(|binding| &binding.source);
        let read_only = source_of.is_some_and(BindingSource::is_read_only);
        let claim = match source_of {
            Some(BindingSource::Claim { name, .. }) => Some(name.value.clone()),
            _ => None,
        };
        let facts = WorkspaceFacts {
            path: mount_path.clone(),
            claim: claim.unwrap_or_default(),
        };
        scope.workspaces.insert(name.to_owned(), facts);
        bound.push(Workspace {
            name: name.into(),
            mount_path: mount_path.into(),
            access: match declared.read_only || read_only {
                true => Access::ReadOnly,
                false => Access::ReadWrite,
            },
            isolated: false,
            source,
        });
    }
    let known: Vec<&str> = spec
        .workspaces
        .iter()
        .chain(&propagated)
        .map(|workspace| workspace.name.value.as_str())
        .collect();
    check_known(given, &known, problems);
    bound
}

/// Workspaces that an inline Task uses and leaves to its TaskRun to name.
fn propagated(spec: &TaskSpec, given: &Given<'_>) -> Vec<WorkspaceDecl> {
    if !given.propagate {
        return Vec::new();
    }
    let mut found: Vec<WorkspaceDecl> = Vec::new();
    for (text, _) in spec.steps.iter().flat_map(StepDecl::texts) {
        for reference in reference::find(&text.value) {
            let Subject::Workspace { name, .. } = reference.subject() else {
                continue;
            };
            let mut declared = spec.workspaces.iter().chain(&found);
            let bound = given.run.iter().any(|binding| binding.name.value == name)
                || given.flags.iter().any(|(flag, _)| *flag == name);
            if bound && !declared.any(|workspace| workspace.name.value == name) {
                found.push(WorkspaceDecl {
                    name: Text {
                        value: name,
                        span: text.span,
                    },
                    mount_path: None,
                    read_only: false,
                    optional: false,
                });
            }
        }
    }
    found
}

/// What is bound: by the command line, else by the TaskRun. `None` where nothing is, or what is bound cannot be used.
fn source(
    declared: &WorkspaceDecl,
    binding: Option<&Binding>,
    flag: Option<&PathBuf>,
    scope: &Scope<'_>,
    problems: &Problems,
) -> Option<VolumeSource> {
    if let Some(path) = flag {
        let sub_path = binding.and_then(|binding| binding.sub_path.as_ref());
        return Some(VolumeSource::Folder {
            path: path.clone(),
            sub_path: sub_path.and_then(|text| sub_path_of(text, scope, problems)),
        });
    }
    match binding.map(|binding| &binding.source) {
        Some(BindingSource::EmptyDir) => Some(VolumeSource::EmptyDir),
        Some(source) => {
            problems.push(RunProblem::WorkspaceSource {
                workspace: declared.name.value.clone(),
                source_field: source.field(),
                span: binding.map_or(declared.name.span, |binding| binding.span),
            });
            None
        }
        None => {
            if !declared.optional {
                problems.push(RunProblem::MissingWorkspace {
                    workspace: declared.name.value.clone(),
                    span: declared.name.span,
                });
            }
            None
        }
    }
}

fn sub_path_of(text: &Text, scope: &Scope<'_>, problems: &Problems) -> Option<String> {
    let path = scope.text(text, problems);
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if path.starts_with('/') || parts.contains(&"..") {
        bad_substitution(
            text,
            &path,
            "subPath",
            "a relative path without `..`",
            problems,
        );
        return None;
    }
    Some(parts.join("/")).filter(|path| !path.is_empty())
}

/// Notes a text that became something it cannot be. One without references was checked when it was read.
pub(crate) fn bad_substitution(
    text: &Text,
    value: &str,
    field: &'static str,
    expected: &str,
    problems: &Problems,
) {
    if text.value != value {
        problems.push(RunProblem::BadSubstitution {
            text: text.value.clone(),
            value: value.to_owned(),
            field,
            expected: expected.to_owned(),
            span: text.span,
        });
    }
}

/// Where the steps see the workspace.
fn mount_path(
    declared: &WorkspaceDecl,
    bound: &[Workspace],
    scope: &Scope<'_>,
    problems: &Problems,
) -> Option<String> {
    let (path, span) = match &declared.mount_path {
        Some(text) => (scope.text(text, problems), text.span),
        None => (
            format!("/workspace/{}", declared.name.value),
            declared.name.span,
        ),
    };
    let bad = |rule| bad_mount_path(path.clone(), rule, span, problems);
    let Some(normal) = normalise(&path) else {
        return bad("a mount path is absolute and has no `..`");
    };
    let below_tekton = normal == "/tekton" || normal.starts_with("/tekton/");
    if below_tekton || matches!(normal.as_str(), "/" | "/workspace") {
        return bad("`/`, `/workspace` and everything below `/tekton` belong to the task itself");
    }
    if bound.iter().any(|other| *other.mount_path == *normal) {
        return bad("another workspace of the Task is mounted there");
    }
    Some(normal)
}

fn bad_mount_path(
    path: String,
    rule: &'static str,
    span: Span,
    problems: &Problems,
) -> Option<String> {
    problems.push(TaskProblem::BadMountPath { path, rule, span });
    None
}

/// An absolute path without `.`, empty parts and a slash at its end; `None` where it is relative or goes up.
pub(crate) fn normalise(path: &str) -> Option<String> {
    let parts: Vec<&str> = path
        .strip_prefix('/')?
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let usable = !parts.contains(&"..") && !path.contains('\0');
    usable.then(|| format!("/{}", parts.join("/")))
}

fn check_known(given: &Given<'_>, known: &[&str], problems: &Problems) {
    for binding in given.run.iter().filter(|_| !given.propagate) {
        let name = &binding.name;
        if !known.contains(&name.value.as_str()) {
            problems.push(RunProblem::UnknownWorkspace {
                workspace: name.value.clone(),
                help: suggest(&name.value, known, "workspaces"),
                span: name.span,
            });
        }
    }
    for (index, (name, _)) in given.flags.iter().enumerate() {
        if given.flags[..index]
            .iter()
            .any(|(earlier, _)| earlier == name)
        {
            problems.push(RequestProblem::Twice {
                flag: "-w",
                name: name.clone(),
            });
        } else if !known.contains(&name.as_str()) {
            problems.push(RequestProblem::UnknownWorkspace {
                name: name.clone(),
                help: suggest(name, known, "workspaces"),
            });
        }
    }
}

/// A folder of the user's as a TaskRun would bind it: a cluster has no such folder, and a claim is what comes nearest.
pub(crate) fn folder_binding(name: &str) -> Json {
    json!({"name": name, "persistentVolumeClaim": {"claimName": name}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_and_never_go_up() {
        assert_eq!(normalise("/a//b/./c/").as_deref(), Some("/a/b/c"));
        assert_eq!(normalise("/").as_deref(), Some("/"));
        for path in ["", "a/b", "/a/../b", "./a", "/a\0b"] {
            assert_eq!(normalise(path), None, "{path:?}");
        }
    }
}
