//! Steps with everything filled in that is known before their task runs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value as Json;
use stepwell_contract::{Access, Grants, Limit, Limits, Resources, ResultDecl, StepName};

use crate::document::param::{GivenParam, ResultDecl as DeclaredResult};
use crate::document::resources::Amounts;
use crate::document::security::SecurityDecl;
use crate::document::settings::{self, Annotation, Kind};
use crate::document::step::StepDecl;
use crate::document::step_action::StepActionSpec;
use crate::document::task::TaskSpec;
use crate::document::workspace::WorkspaceUsage;
use crate::fields::{At, Text};
use crate::problem::{Problems, RequestProblem};
use crate::request::Request;
use crate::resolve::container::{Filled, over};
use crate::resolve::files::Files;
use crate::resolve::late;
use crate::resolve::library::{Library, Nowhere};
use crate::resolve::params;
use crate::resolve::params::Lack;
use crate::resolve::pod::Pod;
use crate::resolve::volumes::Volumes;
use crate::resolve::when;
use crate::resolve::workspaces::{bad_substitution, normalise};
use crate::run::{OnError, RemoteRef, Step, Tee, Workspace};
use crate::substitute::{Params, Scope, StepScope};

/// What a script starts with that does not say what runs it.
const DEFAULT_SHEBANG: &str = "#!/bin/sh\nset -e\n";

/// What bounds steps, beside what they say themselves.
pub(crate) struct Bounds<'a> {
    /// Of the Task, then of the run.
    pub(crate) annotations: &'a [&'a [Annotation]],
    /// By step (`stepSpecs`).
    pub(crate) amounts: BTreeMap<&'a str, Amounts>,
    /// By sidecar (`sidecarSpecs`).
    pub(crate) sidecar_amounts: BTreeMap<&'a str, Amounts>,
    /// Of every step (`computeResources` of the TaskRun).
    pub(crate) amounts_of_all: Amounts,
    pub(crate) request: &'a Request,
}

/// What makes the steps of one TaskRun.
pub(crate) struct Maker<'a> {
    pub(crate) spec: &'a TaskSpec,
    pub(crate) names: &'a [String],
    pub(crate) library: &'a Library,
    pub(crate) scope: &'a Scope<'a>,
    pub(crate) pod: &'a Pod<'a>,
    pub(crate) bounds: &'a Bounds<'a>,
    pub(crate) workspaces: &'a [Workspace],
    /// Variables that the pod gives to every step, whatever it says itself.
    pub(crate) pod_env: &'a [(String, String)],
    /// Who every step is that does not say so itself.
    pub(crate) pod_security: &'a SecurityDecl,
    /// Whether the Task stands inside its run.
    pub(crate) inline: bool,
    pub(crate) problems: &'a Problems,
    /// What StepActions make of steps, as JSON, by the step's name.
    pub(crate) action_specs: &'a RefCell<BTreeMap<String, Json>>,
    /// References that have to be fetched first.
    pub(crate) needs: &'a RefCell<Vec<RemoteRef>>,
}

impl Maker<'_> {
    /// The steps. The volumes that they mount are noted in `volumes`.
    pub(crate) fn steps(&self, volumes: &mut Volumes<'_>) -> Vec<Step> {
        let steps = self.spec.steps.iter().zip(self.names);
        steps
            .filter_map(|(step, name)| self.step(step, name, volumes))
            .collect()
    }

    fn step(&self, decl: &StepDecl, name: &str, volumes: &mut Volumes<'_>) -> Option<Step> {
        let problems = self.problems;
        let paths = self.paths(&decl.workspaces);
        let scope = Scope {
            step: Some(StepScope {
                name,
                results: &decl.results,
                paths: &paths,
            }),
            ..*self.scope
        };
        let (mut filled, script, results) = match &decl.action {
            Some(_) => self.of_action(decl, &scope)?,
            None => {
                let script = decl.script.as_ref().map(|text| scope.text(text, problems));
                let filled = Filled::new(&decl.container, &self.files(&scope));
                (filled, script, results(&decl.results))
            }
        };
        if let Some(template) = &self.spec.step_template {
            let template = Filled::new(template, &self.files(&scope));
            filled = filled.or(template, script.is_some());
        }
        let on_error = on_error(decl.on_error.as_ref(), self.scope, problems);
        let amounts = self.bounds.amounts(name, filled.amounts);
        let mut step = Step {
            timeout: decl
                .timeout
                .as_ref()
                .map(|timeout| timeout.value)
                .filter(|timeout| !timeout.is_zero()),
            on_error,
            results,
            stdout: self.tee(decl.stdout.as_ref(), name, decl),
            stderr: self.tee(decl.stderr.as_ref(), name, decl),
            when: decl
                .when
                .iter()
                .map(|when| when::filled(when, self.scope, problems))
                .collect(),
            workspaces: self.isolated(&decl.workspaces, &paths),
            ..self.of_container(name, filled, script, self.pod_env, amounts, volumes)?
        };
        step.is_late = late::is_late(&step);
        Some(step)
    }

    /// What a step has in common with a sidecar: a container that is filled in.
    pub(super) fn of_container(
        &self,
        name: &str,
        mut filled: Filled,
        script: Option<String>,
        pod_env: &[(String, String)],
        amounts: Amounts,
        volumes: &mut Volumes<'_>,
    ) -> Option<Step> {
        let problems = self.problems;
        let mut env = filled.environment();
        if !pod_env.is_empty() {
            env = over(env, pod_env.to_vec());
        }
        let (image, image_text) = filled.image?;
        if image.trim().is_empty() {
            bad_substitution(
                &image_text,
                &image,
                "image",
                "a path or a reference",
                problems,
            );
            return None;
        }
        let (limits, grants) = self.bounds.of_step(name, amounts);
        Some(Step {
            image_pull_policy: filled.image_pull_policy,
            command: filled.command,
            args: filled.args,
            script: script.map(as_file),
            working_dir: filled
                .working_dir
                .map(|(path, _)| normalise(&path).unwrap_or(path)),
            mounts: volumes.mounts(filled.mounts, &env),
            retry_count: self.inline,
            env,
            limits,
            grants,
            security: filled.security.or(self.pod_security).into(),
            resources: Resources {
                memory: amounts.memory,
                cpu_millis: amounts.cpu_millis,
                pids: None,
            },
            ..Step::new(StepName::new(name), image.into(), image_text.span)
        })
    }

    /// A step's own part over that of its StepAction; `None` where that is not there.
    fn of_action(
        &self,
        decl: &StepDecl,
        scope: &Scope<'_>,
    ) -> Option<(Filled, Option<String>, Vec<ResultDecl>)> {
        let reference = decl.action.as_ref()?;
        let looked = self
            .library
            .look_up::<StepActionSpec>(reference, scope, self.problems);
        let action = match looked {
            Ok(looked) => looked.document,
            Err(Nowhere::Needs(wanted)) => {
                self.needs.borrow_mut().push(*wanted);
                return None;
            }
            Err(Nowhere::Missing) => return None,
        };
        let own = Filled::new(&decl.container, &self.files(scope));
        let params = self.action_params(decl, &action.spec, scope);
        let inner = Scope {
            params: &params,
            outer: None,
            tasks: None,
            step: scope.step.map(|step| StepScope {
                results: &action.spec.results,
                ..step
            }),
            ..*scope
        };
        let filled = Filled::new(&action.spec.container, &self.files(&inner));
        let script = action.spec.script.as_ref();
        let script = script.map(|text| inner.text(text, self.problems));
        let filled = own.or(filled, script.is_some());
        if let Some(step) = scope.step {
            let mut json = action.spec.node.to_json();
            if let Some(fields) = json.as_object_mut() {
                fields.remove("params");
                fields.remove("description");
            }
            inner.json(&mut json, "steps", action.spec.node.span);
            self.action_specs
                .borrow_mut()
                .insert(step.name.to_owned(), json);
        }
        Some((filled, script, results(&action.spec.results)))
    }

    /// The values of a StepAction's params: the step's, else the defaults.
    fn action_params(&self, decl: &StepDecl, action: &StepActionSpec, scope: &Scope<'_>) -> Params {
        let given: Vec<GivenParam> = decl
            .params
            .iter()
            .map(|param| GivenParam {
                name: param.name.clone(),
                value: At {
                    value: scope.value(&param.value, self.problems),
                    span: param.value.span,
                },
            })
            .collect();
        let lack = Lack::Declared(decl.span);
        params::of_child(&action.params, &given, None, lack, self.problems)
    }

    pub(super) fn files<'f>(&'f self, scope: &'f Scope<'f>) -> Files<'f> {
        Files {
            library: self.library,
            scope,
            pod: self.pod,
            problems: self.problems,
        }
    }

    /// The workspaces that a step or a sidecar sees at a path of its own.
    pub(super) fn paths(&self, usages: &[WorkspaceUsage]) -> Vec<(String, String)> {
        let usages = usages.iter().filter_map(|usage| {
            let path = self.scope.text(usage.mount_path.as_ref()?, self.problems);
            Some((usage.name.value.clone(), normalise(&path).unwrap_or(path)))
        });
        usages.collect()
    }

    /// The isolated workspaces that a step or a sidecar asks for, and where it sees them.
    pub(super) fn isolated(
        &self,
        usages: &[WorkspaceUsage],
        paths: &[(String, String)],
    ) -> Vec<(std::sync::Arc<str>, std::sync::Arc<str>)> {
        let usages = usages.iter().filter_map(|usage| {
            let name = &usage.name.value;
            let workspace = self.workspaces.iter().find(|bound| *bound.name == **name)?;
            let own = paths.iter().find(|(known, _)| known == name);
            let path = own.map_or(std::sync::Arc::clone(&workspace.mount_path), |(_, path)| {
                path.as_str().into()
            });
            Some((std::sync::Arc::clone(&workspace.name), path))
        });
        usages.collect()
    }

    fn tee(&self, path: Option<&Text>, name: &str, decl: &StepDecl) -> Option<Tee> {
        let scope = Scope {
            step: Some(StepScope {
                name,
                results: &decl.results,
                paths: &[],
            }),
            ..*self.scope
        };
        let path = scope.text(path?, self.problems);
        Some(Tee {
            path: normalise(&path).unwrap_or(path),
        })
    }
}

/// A script as the file that it becomes.
fn as_file(script: String) -> String {
    match script.starts_with("#!") {
        true => script,
        false => format!("{DEFAULT_SHEBANG}{script}"),
    }
}

/// What results are declared.
pub(crate) fn results(declared: &[DeclaredResult]) -> Vec<ResultDecl> {
    let results = declared.iter().map(|result| ResultDecl {
        name: result.name.value.as_str().into(),
        result_type: result.result_type,
        properties: result
            .properties
            .iter()
            .flatten()
            .map(|key| key.value.clone())
            .collect(),
    });
    results.collect()
}

/// What a failure means for what comes after.
pub(crate) fn on_error(text: Option<&Text>, scope: &Scope<'_>, problems: &Problems) -> OnError {
    let Some(text) = text else {
        return OnError::default();
    };
    let value = scope.text(text, problems);
    match value.as_str() {
        "continue" => OnError::Continue,
        "stopAndFail" | "" => OnError::StopAndFail,
        _ => {
            bad_substitution(text, &value, "onError", "continue or stopAndFail", problems);
            OnError::default()
        }
    }
}

/// Notes settings of the command line that cannot be meant.
pub(crate) fn check_flags(request: &Request, problems: &Problems) {
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
    /// How much a step may use: what the run says goes over what the step says.
    fn amounts(&self, name: &str, own: Amounts) -> Amounts {
        let of_step = self.amounts.get(name).copied().unwrap_or_default();
        self.amounts_of_all.or(of_step).or(own)
    }

    /// How much a sidecar may use.
    pub(super) fn amounts_of_sidecar(&self, name: &str, own: Amounts) -> Amounts {
        let said = self.sidecar_amounts.get(name).copied();
        said.unwrap_or_default().or(own)
    }

    /// What bounds a step, and what it is granted.
    fn of_step(&self, name: &str, amounts: Amounts) -> (Limits, Grants) {
        let (mut limits, mut grants) = (Limits::default(), Grants::default());
        settings::apply(self.annotations, name, &mut limits, &mut grants);
        if let Some(memory) = amounts.memory {
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

/// What a step may do with a volume.
pub(crate) fn access(read_only: bool) -> Access {
    match read_only {
        true => Access::ReadOnly,
        false => Access::ReadWrite,
    }
}
