//! What stands behind every workspace of a Task, and where its steps see it.

use std::collections::{BTreeMap, HashSet};

use stepwell_contract::Access;

use crate::document::task::TaskSpec;
use crate::document::workspace::WorkspaceDecl;
use crate::fields::{At, Text};
use crate::nearest::suggest;
use crate::problem::{Problems, RequestProblem, RunProblem, TaskProblem};
use crate::reference::{self, Subject};
use crate::request::Request;
use crate::resolve::offers::Offer;
use crate::resolve::refusal;
use crate::run::Workspace;
use crate::source::Span;
use crate::substitute::{Scope, WorkspaceFacts};

/// The workspaces of one TaskRun.
pub(crate) struct Bound {
    pub(crate) workspaces: Vec<Workspace>,
    /// What references can ask of them, also of those that are not bound.
    pub(crate) facts: BTreeMap<String, WorkspaceFacts>,
    /// Those among the offers that the Task takes, in its order.
    pub(crate) taken: Vec<Offer>,
}

/// Binds every workspace that `spec` declares, and with `propagate` those that its texts name.
pub(crate) fn bind(
    spec: &TaskSpec,
    offers: &[Offer],
    propagate: bool,
    scope: &Scope<'_>,
    problems: &Problems,
) -> Bound {
    let mut bound = Bound {
        workspaces: Vec::new(),
        facts: BTreeMap::new(),
        taken: Vec::new(),
    };
    let propagated = if propagate {
        propagated(spec, offers)
    } else {
        Vec::new()
    };
    let isolated = isolated(spec);
    let mut paths = HashSet::new();
    for declared in spec.workspaces.iter().chain(&propagated) {
        let name = declared.name.value.as_str();
        let offer = offers.iter().find(|offer| *offer.name == *name);
        if offer.is_none() && !declared.optional {
            missing(declared, problems);
        }
        let mount_path = mount_path(declared, scope, problems);
        let (Some(offer), Some(mount_path)) = (offer, mount_path) else {
            bound
                .facts
                .insert(name.to_owned(), WorkspaceFacts::default());
            continue;
        };
        if !paths.insert(mount_path.clone()) {
            let span = declared.mount_path.as_ref().unwrap_or(&declared.name).span;
            let rule = "another workspace of the Task is mounted there";
            bad_mount_path(mount_path.clone(), rule, span, problems);
        }
        let facts = WorkspaceFacts {
            path: mount_path.clone(),
            claim: offer.claim.clone(),
            bound: true,
        };
        bound.facts.insert(name.to_owned(), facts);
        bound.workspaces.push(Workspace {
            name: std::sync::Arc::clone(&offer.name),
            mount_path: mount_path.into(),
            access: match declared.read_only || offer.read_only {
                true => Access::ReadOnly,
                false => Access::ReadWrite,
            },
            isolated: isolated.contains(name),
            source: offer.source.clone(),
        });
        bound.taken.push(offer.clone());
    }
    bound
}

fn missing(declared: &WorkspaceDecl, problems: &Problems) {
    let workspace = declared.name.value.clone();
    problems.refuse(refusal::task_run(format!(
        "declared workspace {workspace:?} is required but has not been bound"
    )));
    problems.push(RunProblem::MissingWorkspace {
        workspace,
        span: declared.name.span,
    });
}

/// The workspaces that some step or sidecar asks for by name.
fn isolated(spec: &TaskSpec) -> HashSet<&str> {
    let steps = spec.steps.iter().flat_map(|step| &step.workspaces);
    let sidecars = spec.sidecars.iter().flat_map(|sidecar| &sidecar.workspaces);
    steps
        .chain(sidecars)
        .map(|usage| usage.name.value.as_str())
        .collect()
}

/// Workspaces that an inline Task uses and leaves to its run to name.
fn propagated(spec: &TaskSpec, offers: &[Offer]) -> Vec<WorkspaceDecl> {
    if offers.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<WorkspaceDecl> = Vec::new();
    let mut add = |name: &str, span: Span| {
        let mut declared = spec.workspaces.iter().chain(&found);
        let offered = offers.iter().any(|offer| *offer.name == *name);
        if offered && !declared.any(|workspace| workspace.name.value == name) {
            found.push(WorkspaceDecl {
                name: At {
                    value: name.to_owned(),
                    span,
                },
                mount_path: None,
                read_only: false,
                optional: false,
            });
        }
    };
    for (text, _) in spec.texts() {
        if !reference::is_in(&text.value) {
            continue;
        }
        for reference in reference::find(&text.value) {
            if let Subject::Workspace { name, .. } = reference.subject() {
                add(&name, text.span);
            }
        }
    }
    for usage in spec.steps.iter().flat_map(|step| &step.workspaces) {
        add(&usage.name.value, usage.name.span);
    }
    found
}

/// Where the steps see the workspace.
fn mount_path(declared: &WorkspaceDecl, scope: &Scope<'_>, problems: &Problems) -> Option<String> {
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
    Some(normal)
}

pub(crate) fn bad_mount_path(
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

/// Notes offers that a referenced Task has no workspace for.
pub(crate) fn check_offers(spec: &TaskSpec, offers: &[Offer], problems: &Problems) {
    let known = names(spec);
    for offer in offers {
        if let Some(span) = offer.span.filter(|_| !known.contains(&&*offer.name)) {
            problems.refuse(refusal::task_run(format!(
                "workspace binding {:?} does not match any declared workspace",
                &*offer.name
            )));
            problems.push(RunProblem::UnknownWorkspace {
                workspace: offer.name.to_string(),
                help: suggest(&offer.name, &known, "workspaces"),
                span,
            });
        }
    }
}

/// The names of the workspaces that `spec` declares.
pub(crate) fn names(spec: &TaskSpec) -> Vec<&str> {
    let declared = spec.workspaces.iter();
    declared
        .map(|workspace| workspace.name.value.as_str())
        .collect()
}

/// The names of the workspaces that an inline Task declares or uses.
pub(crate) fn named(spec: &TaskSpec) -> HashSet<String> {
    let mut found: HashSet<String> = names(spec).into_iter().map(str::to_owned).collect();
    for (text, _) in spec.texts() {
        if reference::is_in(&text.value) {
            found.extend(reference::find(&text.value).filter_map(|reference| {
                match reference.subject() {
                    Subject::Workspace { name, .. } => Some(name),
                    _ => None,
                }
            }));
        }
    }
    let usages = spec.steps.iter().flat_map(|step| &step.workspaces);
    found.extend(usages.map(|usage| usage.name.value.clone()));
    found
}

/// Notes `-w` for a workspace that nobody has, or twice for one.
pub(crate) fn check_flags(request: &Request, known: &[&str], problems: &Problems) {
    for (index, (name, _)) in request.workspaces.iter().enumerate() {
        let mut earlier = request.workspaces[..index].iter();
        if earlier.any(|(earlier, _)| earlier == name) {
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
