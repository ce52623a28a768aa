//! Steps with everything filled in.

use std::collections::BTreeMap;

use stepwell_contract::{Grants, Limit, Limits, StepName};

use crate::check::list;
use crate::document::settings::{self, Annotation, Kind};
use crate::document::step::StepDecl;
use crate::document::task::TaskSpec;
use crate::problem::{Problems, RequestProblem, RunProblem};
use crate::reference::{self, Subject};
use crate::request::Request;
use crate::resolve::workspaces::{bad_substitution, normalise};
use crate::run::{OnError, Step};
use crate::source::Span;
use crate::substitute::Scope;

/// What a script starts with that does not say what runs it.
const DEFAULT_SHEBANG: &str = "#!/bin/sh\nset -e\n";

/// Folders that every step sees, beside the workspaces.
const OWN_MOUNTS: [&str; 3] = ["/workspace", "/tekton/home", "/tekton/results"];

/// What bounds steps, beside what they say themselves.
pub(crate) struct Bounds<'a> {
    /// Of the Task, then of the TaskRun.
    pub(crate) annotations: &'a [&'a [Annotation]],
    /// Memory by step, from the TaskRun.
    pub(crate) memory: BTreeMap<&'a str, u64>,
    pub(crate) request: &'a Request,
}

/// Fills in every step of `spec`.
pub(crate) fn resolve(
    spec: &TaskSpec,
    scope: &Scope<'_>,
    bounds: &Bounds<'_>,
    problems: &Problems,
) -> Vec<Step> {
    check_flags(bounds.request, problems);
    let steps = spec.merged_steps().zip(scope.steps);
    steps
        .filter_map(|(step, name)| resolve_step(&step, name, scope, bounds, problems))
        .collect()
}

fn resolve_step(
    step: &StepDecl,
    name: &str,
    scope: &Scope<'_>,
    bounds: &Bounds<'_>,
    problems: &Problems,
) -> Option<Step> {
    let script = step.script.as_ref().map(|text| {
        let script = scope.text(text, problems);
        match script.starts_with("#!") {
            true => script,
            false => format!("{DEFAULT_SHEBANG}{script}"),
        }
    });
    let env = step.container.plain_env();
    let env = env.map(|(name, value)| (name.value.clone(), scope.text(value, problems)));
    let env = env.collect();
    let (limits, grants) = bounds.of_step(step, name);
    let command = scope.items(&step.container.command, problems);
    let args = scope.items(&step.container.args, problems);
    let working_dir = working_dir(step, name, scope, problems);
    let on_error = on_error(step, scope, problems);
    let (image, image_span) = image(step, scope, problems)?;
    Some(Step {
        name: StepName::new(name),
        image: image.into(),
        image_span,
        command,
        args,
        script,
        env,
        working_dir,
        timeout: step
            .timeout
            .as_ref()
            .map(|timeout| timeout.value)
            .filter(|timeout| !timeout.is_zero()),
        on_error,
        workspaces: Vec::new(),
        mounts: Vec::new(),
        results: Vec::new(),
        stdout: None,
        stderr: None,
        when: Vec::new(),
        is_late: false,
        limits,
        grants,
    })
}

fn image(step: &StepDecl, scope: &Scope<'_>, problems: &Problems) -> Option<(String, Span)> {
    let text = step.container.image.as_ref()?;
    let image = scope.text(text, problems);
    if image.trim().is_empty() {
        bad_substitution(text, &image, "image", "a path or a reference", problems);
        return None;
    }
    Some((image, text.span))
}

fn on_error(step: &StepDecl, scope: &Scope<'_>, problems: &Problems) -> OnError {
    let Some(text) = &step.on_error else {
        return OnError::default();
    };
    let value = scope.text(text, problems);
    match value.as_str() {
        "continue" => OnError::Continue,
        "stopAndFail" => OnError::StopAndFail,
        _ => {
            bad_substitution(text, &value, "onError", "continue or stopAndFail", problems);
            OnError::default()
        }
    }
}

fn working_dir(
    step: &StepDecl,
    name: &str,
    scope: &Scope<'_>,
    problems: &Problems,
) -> Option<String> {
    let text = step.container.working_dir.as_ref()?;
    let path = scope.text(text, problems);
    let bound = scope.workspaces.values().map(|facts| facts.path.as_str());
    let mounts = || {
        OWN_MOUNTS
            .into_iter()
            .chain(bound.clone().filter(|path| !path.is_empty()))
    };
    let below = |path: &str, mount: &str| {
        path.strip_prefix(mount)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let normal = normalise(&path).filter(|path| mounts().any(|mount| below(path, mount)));
    if normal.is_none() {
        problems.push(RunProblem::WorkingDir {
            step: name.to_owned(),
            path,
            mounts: list(mounts()),
            span: text.span,
        });
    }
    normal
}

fn check_flags(request: &Request, problems: &Problems) {
    for (flag, kind, settings) in [
        ("--limit", Kind::Limits, &request.limits),
        ("--grant", Kind::Grants, &request.grants),
    ] {
        for setting in settings {
            if let Err(message) =
                kind.apply(setting, &mut Limits::default(), &mut Grants::default())
            {
                problems.push(RequestProblem::BadSetting {
                    flag,
                    setting: setting.clone(),
                    message,
                    example: kind.example(),
                });
            }
        }
    }
}

impl Bounds<'_> {
    /// What bounds a step, and what it is granted.
    fn of_step(&self, step: &StepDecl, name: &str) -> (Limits, Grants) {
        let (mut limits, mut grants) = (Limits::default(), Grants::default());
        settings::apply(self.annotations, name, &mut limits, &mut grants);
        if let Some(memory) = self.memory.get(name).copied().or(step
            .container
            .resources
            .as_ref()
            .and_then(|resources| resources.memory))
        {
            // Memory can be set; only a limit that is part of the sandbox refuses.
            let _ = limits.set(Limit::Memory, memory);
        }
        // Settings that cannot be meant were noted in `check_flags`.
        for setting in &self.request.limits {
            let _ = limits.apply(setting);
        }
        for setting in &self.request.grants {
            let _ = grants.apply(setting);
        }
        (limits, grants)
    }
}

/// Whether any step looks at the exit code of another.
pub(crate) fn read_exit_codes(spec: &TaskSpec) -> bool {
    spec.steps
        .iter()
        .flat_map(StepDecl::texts)
        .any(|(text, _)| {
            text.value.contains("/tekton/steps/")
                || reference::find(&text.value)
                    .any(|found| matches!(found.subject(), Subject::ExitCode(_)))
        })
}
