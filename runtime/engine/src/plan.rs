//! Plans a run: gives every step its code, its arguments, what it sees, and the seed that follows from its key.
//!
//! Pure: it names folders and opens none. What a step sees:
//!
//! | path | what | access |
//! |---|---|---|
//! | `/workspace` | a scratch folder of the task; steps start here | read and write |
//! | `/workspace/<name>`, or the workspace's `mountPath` | a workspace | as declared |
//! | `/tekton/home` | a scratch folder of the task | read and write |
//! | `/tekton/results` | one file per result | read and write |
//! | `/tekton/scripts` | scripts, where a step of the task has one | read only |
//! | `/tekton/steps` | exit codes, where a step asks for one | read only |

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stepwell_contract::{
    Access, Ambient, Fingerprint, Image, Mount, ResultDecl, RunName, StepName, StepSpec, TaskName,
};
use stepwell_spec::{OnError, Span, Step, TaskRun};

use crate::key;

/// The volume behind `/workspace`.
pub const WORKSPACE: &str = "workspace";
/// The volume behind `/tekton/results`.
pub const RESULTS: &str = "results";
/// The volume behind `/tekton/scripts`.
pub const SCRIPTS: &str = "scripts";
/// The volume behind `/tekton/steps`.
pub const STEPS: &str = "steps";
const HOME: &str = "home";

const SCRIPTS_PATH: &str = "/tekton/scripts";
const WORKSPACE_PATH: &str = "/workspace";

/// One run of one task, ready to be admitted.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The run.
    pub run: RunName,
    /// Its task.
    pub task: TaskName,
    /// The TaskRun as it would be stored.
    pub document: Arc<Value>,
    /// The Task's spec, substituted.
    pub task_spec: Arc<Value>,
    /// How long the task may take.
    pub timeout: Option<Duration>,
    /// The results that the task declares.
    pub results: Arc<[ResultDecl]>,
    /// The folders behind the mounts of its steps.
    pub volumes: Vec<PlannedVolume>,
    /// The files of the volume [`SCRIPTS`].
    pub scripts: Vec<Script>,
    /// Whether exit codes are written to the volume [`STEPS`].
    pub exit_codes: bool,
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
}

/// A folder that steps of the task share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedVolume {
    /// Its name; for a scratch folder also that of the folder.
    pub name: Arc<str>,
    /// Where it comes from.
    pub source: VolumeSource,
}

/// Where a volume comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// A new folder in the run's scratch.
    Scratch,
    /// A folder of the user's.
    Folder {
        /// The workspace that it is bound to.
        workspace: Arc<str>,
        /// As given: relative to where the command was started.
        path: PathBuf,
        /// A folder below it; made where it is missing and may be written to.
        sub_path: Option<String>,
        /// What steps may do with it.
        access: Access,
    },
}

/// A script, as the file that it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The name of the file.
    pub file: String,
    /// What is in it.
    pub text: String,
}

/// One step, ready to be admitted.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// What the backend is given.
    pub spec: StepSpec,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// What its failure means for the task.
    pub on_error: OnError,
    /// Where the document names its code.
    pub image_span: Span,
}

/// A run that cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Two things are mounted at one path.
    #[error("naming conflict: {first} and {second} are both mounted at `{path}`")]
    MountConflict {
        /// The path.
        path: Arc<str>,
        /// What is mounted there.
        first: String,
        /// What else is.
        second: String,
    },
    /// A step starts where it sees nothing.
    #[error("step `{step}` starts in `{path}`, which is in no workspace and no folder of the task")]
    WorkingDir {
        /// The step.
        step: StepName,
        /// Where it starts.
        path: String,
    },
    /// Nobody resolved what `image:` names.
    #[error("failed to plan step `{step}`: no code was given for `{reference}`")]
    NoImage {
        /// The step.
        step: StepName,
        /// What `image:` says.
        reference: Arc<str>,
    },
}

/// Plans `run`. `images` has the code for every `image:`, by what the document says; `epoch_seconds` is what a virtual
/// wall clock shows.
///
/// # Errors
///
/// What contradicts itself.
pub fn plan(
    run: TaskRun,
    images: &BTreeMap<Arc<str>, Image>,
    fingerprint: Fingerprint,
    epoch_seconds: u64,
) -> Result<Plan, PlanError> {
    let layout = Layout::of(&run)?;
    let scripts = run.steps.iter().enumerate().filter_map(|(index, step)| {
        let text = step.script.clone()?;
        let file = script_file(index);
        Some(Script { file, text })
    });
    let scripts = scripts.collect();
    let steps = run.steps.iter().enumerate().map(|(index, step)| {
        let image = images
            .get(&step.image)
            .ok_or_else(|| PlanError::NoImage {
                step: step.name.clone(),
                reference: Arc::clone(&step.image),
            })?
            .clone();
        let mut spec = StepSpec {
            name: step.name.clone(),
            image,
            argv: argv(index, step),
            env: step.env.clone(),
            working_dir: layout.working_dir(step)?,
            mounts: layout.mounts.clone(),
            params: run.params.clone(),
            workspaces: layout.workspaces.clone(),
            results: run.results.clone(),
            attempt: 0,
            limits: step.limits.clone(),
            grants: step.grants.clone(),
            ambient: Ambient {
                epoch_seconds,
                seed: [0; 32],
            },
        };
        spec.ambient.seed = key::seed(key::static_key(&spec, fingerprint));
        Ok(PlannedStep {
            spec,
            timeout: step.timeout,
            on_error: step.on_error,
            image_span: step.image_span,
        })
    });
    let steps = steps.collect::<Result<_, _>>()?;
    Ok(Plan {
        run: run.name,
        task: run.task,
        document: run.document,
        task_spec: run.task_spec,
        timeout: run.timeout,
        results: run.results.into(),
        volumes: layout.volumes,
        scripts,
        exit_codes: run.reads_exit_codes,
        steps,
    })
}

/// `command` and `args` after the program's own name, or after the script that it is to interpret.
fn argv(index: usize, step: &Step) -> Vec<String> {
    let mut argv = step.command.clone();
    if argv.is_empty() {
        argv.push(file_name(&step.image).to_owned());
    }
    if step.script.is_some() {
        argv.push(format!("{SCRIPTS_PATH}/{}", script_file(index)));
    }
    argv.extend(step.args.iter().cloned());
    argv
}

fn script_file(index: usize) -> String {
    format!("script-{index}")
}

/// What a program at `reference` would call itself: the last part of a path.
fn file_name(reference: &str) -> &str {
    let path = reference.strip_prefix("file:").unwrap_or(reference);
    path.rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or(reference)
}

/// What every step of the task sees.
#[derive(Default)]
struct Layout {
    volumes: Vec<PlannedVolume>,
    mounts: Vec<Mount>,
    workspaces: BTreeMap<String, Arc<str>>,
    /// What is mounted at each path, in words.
    owners: BTreeMap<Arc<str>, String>,
}

impl Layout {
    fn of(run: &TaskRun) -> Result<Self, PlanError> {
        let mut layout = Self::default();
        let has_script = run.steps.iter().any(|step| step.script.is_some());
        for (name, path, access, wanted) in [
            (WORKSPACE, WORKSPACE_PATH, Access::ReadWrite, true),
            (HOME, "/tekton/home", Access::ReadWrite, true),
            (RESULTS, "/tekton/results", Access::ReadWrite, true),
            (SCRIPTS, SCRIPTS_PATH, Access::ReadOnly, has_script),
            (
                STEPS,
                "/tekton/steps",
                Access::ReadOnly,
                run.reads_exit_codes,
            ),
        ] {
            if wanted {
                let owner = format!("the task's own folder `{path}`");
                layout.add(
                    name.into(),
                    VolumeSource::Scratch,
                    path.into(),
                    access,
                    owner,
                )?;
            }
        }
        for workspace in &run.workspaces {
            let source = match &workspace.source {
                stepwell_spec::VolumeSource::Folder { path, sub_path } => VolumeSource::Folder {
                    workspace: Arc::clone(&workspace.name),
                    path: path.clone(),
                    sub_path: sub_path.clone(),
                    access: workspace.access,
                },
                _ => VolumeSource::Scratch,
            };
            layout.add(
                format!("workspace-{}", workspace.name).into(),
                source,
                Arc::clone(&workspace.mount_path),
                workspace.access,
                format!("workspace `{}`", workspace.name),
            )?;
            layout.workspaces.insert(
                workspace.name.to_string(),
                Arc::clone(&workspace.mount_path),
            );
        }
        layout.mounts.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(layout)
    }

    fn add(
        &mut self,
        volume: Arc<str>,
        source: VolumeSource,
        path: Arc<str>,
        access: Access,
        owner: String,
    ) -> Result<(), PlanError> {
        if let Some(first) = self.owners.get(&path) {
            return Err(PlanError::MountConflict {
                path,
                first: first.clone(),
                second: owner,
            });
        }
        self.owners.insert(Arc::clone(&path), owner);
        self.volumes.push(PlannedVolume {
            name: Arc::clone(&volume),
            source,
        });
        self.mounts.push(Mount {
            volume,
            path,
            access,
        });
        Ok(())
    }

    /// Where `step` starts: `/workspace` unless it says otherwise, and a relative path starts there too.
    fn working_dir(&self, step: &Step) -> Result<Arc<str>, PlanError> {
        let said = step.working_dir.as_deref().unwrap_or_default();
        let lost = || PlanError::WorkingDir {
            step: step.name.clone(),
            path: said.to_owned(),
        };
        let start = if said.starts_with('/') {
            ""
        } else {
            WORKSPACE_PATH
        };
        let mut path = start.to_owned();
        for part in said.split('/') {
            match part {
                "" | "." => {}
                // What `..` means depends on links that only the step sees.
                ".." => return Err(lost()),
                part => {
                    path.push('/');
                    path.push_str(part);
                }
            }
        }
        let mounted = self.mounts.iter().any(|mount| {
            path.strip_prefix(&*mount.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || &*mount.path == "/")
        });
        if mounted {
            Ok(path.into())
        } else {
            Err(lost())
        }
    }
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
