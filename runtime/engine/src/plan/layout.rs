//! What the steps of a task see, and the folders that stand behind it.
//!
//! | path | what | access |
//! |---|---|---|
//! | `/workspace` | a scratch folder of the task; steps start here | read and write |
//! | `/workspace/<name>`, or the workspace's `mountPath` | a workspace | as declared |
//! | `/tekton/home` | a scratch folder of the task | read and write |
//! | `/tekton/results` | one file per result | read and write |
//! | `/tekton/scripts` | scripts, where a step of the task has one | read only |
//! | `/tekton/steps` | what the steps leave: exit codes, their results and artifacts; where one asks | read only |
//! | `/tekton/steps/step-<name>/results` | the step's own results, where it declares any | read and write |
//! | `/tekton/steps/step-<name>/artifacts` | the step's own artifacts, where the task uses any | read and write |
//! | `/tekton/artifacts` | the task's artifacts, where it uses any | read and write |
//! | a `mountPath` of the step's own | a volume, or an isolated workspace | as declared |
//!
//! A sidecar sees the workspaces, its script and its volumes alone.
//!
//! As in Tekton, something of the task's at `/workspace` or `/tekton/home` is seen instead of the scratch folder there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use stepwell_contract::{Access, Mount, StepName};
use stepwell_spec::{File, FileSet, MountedVolume, Step, TaskRun, VolumeSource};

use super::PlanError;

/// The volume behind `/workspace`.
pub(crate) const WORKSPACE: &str = "workspace";
const HOME: &str = "home";
/// The volume behind `/tekton/results`.
pub(crate) const RESULTS: &str = "results";
/// The volume behind `/tekton/scripts`.
pub(crate) const SCRIPTS: &str = "scripts";
/// The volume behind `/tekton/steps`.
pub(crate) const STEPS: &str = "steps";
/// The volume behind `/tekton/artifacts`.
pub(crate) const ARTIFACTS: &str = "artifacts";

pub(crate) const SCRIPTS_PATH: &str = "/tekton/scripts";
pub(crate) const WORKSPACE_PATH: &str = "/workspace";
const HOME_PATH: &str = "/tekton/home";
const STEPS_PATH: &str = "/tekton/steps";

/// What the steps of a task see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The folders behind the mounts, each after the one that it is in.
    pub(crate) volumes: Vec<PlannedVolume>,
    /// One for each step.
    pub(crate) steps: Vec<StepLayout>,
    /// One for each sidecar.
    pub(crate) sidecars: Vec<StepLayout>,
}

/// A folder behind a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedVolume {
    /// Its name; for a scratch folder also that of the folder.
    pub(crate) name: Arc<str>,
    /// Where it comes from.
    pub(crate) source: Source,
}

/// Where the folder behind a mount comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A folder of the task's own scratch.
    Scratch,
    /// A folder inside another volume.
    Inside {
        /// The name of the other.
        of: Arc<str>,
        /// Relative, without `..`.
        path: String,
        /// Whether it is made where it is missing.
        made: bool,
    },
    /// What the document says.
    Given {
        /// Who asks for it.
        owner: Owner,
        /// What the document says.
        source: VolumeSource,
        /// What the most permitted step may do with it.
        access: Access,
    },
}

/// Who wants something mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Every task has it: at which path.
    Task(Arc<str>),
    /// A workspace.
    Workspace(Arc<str>),
    /// A volume.
    Volume(Arc<str>),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(path) => write!(f, "the task's own folder `{path}`"),
            Self::Workspace(name) => write!(f, "workspace `{name}`"),
            Self::Volume(name) => write!(f, "volume `{name}`"),
        }
    }
}

/// What one step or sidecar sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct StepLayout {
    /// In the order of their paths, which are unique.
    pub(crate) mounts: Vec<Mount>,
    /// The paths of the workspaces among them, by name.
    pub(crate) workspaces: BTreeMap<String, Arc<str>>,
}

/// The name of the volume with the own `folder` of `step`.
pub(crate) fn own_volume(step: &StepName, folder: &str) -> String {
    format!("step-{step}-{folder}")
}

impl Layout {
    /// Whether a folder of the machine's is behind one of the mounts.
    pub(crate) fn has_host_path(&self) -> bool {
        let mut sources = self.volumes.iter().map(|volume| &volume.source);
        sources.any(|source| {
            let Source::Given { source, .. } = source else {
                return false;
            };
            matches!(source, VolumeSource::HostPath { .. })
        })
    }

    /// What the steps of `run` see.
    ///
    /// # Errors
    ///
    /// Two things at one path.
    pub(crate) fn of(run: &TaskRun) -> Result<Self, PlanError> {
        let mut layout = Building {
            run,
            volumes: Vec::with_capacity(4),
        };
        let everybodys = layout.everybodys();
        let steps = run
            .steps
            .iter()
            .map(|step| layout.step(step, &everybodys))
            .collect::<Result<_, _>>()?;
        let sidecars = run
            .sidecars
            .iter()
            .map(|sidecar| layout.sidecar(&sidecar.step))
            .collect::<Result<_, _>>()?;
        // What no step sees any more, for it has something else there, is not made.
        let mut volumes = layout.volumes;
        let steps: Vec<StepLayout> = steps;
        for name in [WORKSPACE, HOME] {
            let seen = |step: &StepLayout| step.mounts.iter().any(|mount| &*mount.volume == name);
            if !steps.iter().any(seen) {
                volumes.retain(|volume| &*volume.name != name);
            }
        }
        Ok(Self {
            volumes,
            steps,
            sidecars,
        })
    }
}

struct Building<'a> {
    run: &'a TaskRun,
    volumes: Vec<PlannedVolume>,
}

type Owned = (Mount, Owner);

impl Building<'_> {
    /// What every step sees.
    fn everybodys(&mut self) -> Vec<Owned> {
        let run = self.run;
        let has_script = run.steps.iter().any(|step| step.script.is_some());
        let has_results = run.steps.iter().any(|step| !step.results.is_empty());
        let leaves = run.reads_exit_codes || run.uses_artifacts || has_results;
        let mut mounts = Vec::with_capacity(4 + run.workspaces.len());
        for (name, path, access, wanted) in [
            (WORKSPACE, WORKSPACE_PATH, Access::ReadWrite, true),
            (HOME, HOME_PATH, Access::ReadWrite, true),
            (RESULTS, "/tekton/results", Access::ReadWrite, true),
            (SCRIPTS, SCRIPTS_PATH, Access::ReadOnly, has_script),
            (STEPS, STEPS_PATH, Access::ReadOnly, leaves),
            (
                ARTIFACTS,
                "/tekton/artifacts",
                Access::ReadWrite,
                run.uses_artifacts,
            ),
        ] {
            if wanted {
                mounts.push(self.scratch(name, path, access));
            }
        }
        mounts.extend(self.shared_workspaces());
        mounts
    }

    /// A scratch folder of the task's at `path`.
    fn scratch(&mut self, name: &str, path: &str, access: Access) -> Owned {
        let path: Arc<str> = path.into();
        let volume = self.volume(name, || Source::Scratch);
        let owner = Owner::Task(Arc::clone(&path));
        let mount = Mount {
            volume,
            path,
            access,
        };
        (mount, owner)
    }

    /// The workspaces that everybody sees.
    fn shared_workspaces(&mut self) -> Vec<Owned> {
        let run = self.run;
        let shared = run.workspaces.iter().filter(|found| !found.isolated);
        shared
            .map(|workspace| self.workspace(&workspace.name, &workspace.mount_path))
            .collect()
    }

    /// What a sidecar sees that runs what `step` says.
    fn sidecar(&mut self, step: &Step) -> Result<StepLayout, PlanError> {
        let mut mounts = self.shared_workspaces();
        if step.script.is_some() {
            mounts.push(self.scratch(SCRIPTS, SCRIPTS_PATH, Access::ReadOnly));
        }
        self.of_its_own(step, &mut mounts);
        seen(mounts)
    }

    /// The volume called `name`, which comes from `source` where it is new.
    fn volume(&mut self, name: &str, source: impl FnOnce() -> Source) -> Arc<str> {
        if let Some(known) = self.volumes.iter().find(|known| &*known.name == name) {
            return Arc::clone(&known.name);
        }
        let name: Arc<str> = name.into();
        self.volumes.push(PlannedVolume {
            name: Arc::clone(&name),
            source: source(),
        });
        name
    }

    fn workspace(&mut self, name: &Arc<str>, path: &Arc<str>) -> Owned {
        let owner = Owner::Workspace(Arc::clone(name));
        let found = self.run.workspaces.iter().find(|known| known.name == *name);
        let access = found.map_or(Access::ReadOnly, |workspace| workspace.access);
        let volume = self.volume(&format!("workspace-{name}"), || Source::Given {
            owner: owner.clone(),
            source: found.map_or(VolumeSource::EmptyDir, |found| found.source.clone()),
            access,
        });
        let path = Arc::clone(path);
        let mount = Mount {
            volume,
            path,
            access,
        };
        (mount, owner)
    }

    /// What `step` sees, with what everybody sees.
    fn step(&mut self, step: &Step, everybodys: &[Owned]) -> Result<StepLayout, PlanError> {
        let mut mounts = everybodys.to_vec();
        self.of_its_own(step, &mut mounts);
        let own = [
            ("results", !step.results.is_empty()),
            ("artifacts", self.run.uses_artifacts),
        ];
        for (folder, _) in own.into_iter().filter(|(_, wanted)| *wanted) {
            let path: Arc<str> = format!("{STEPS_PATH}/step-{}/{folder}", step.name).into();
            let volume = self.volume(&own_volume(&step.name, folder), || Source::Inside {
                of: STEPS.into(),
                path: format!("step-{}/{folder}", step.name),
                made: true,
            });
            let owner = Owner::Task(Arc::clone(&path));
            let access = Access::ReadWrite;
            mounts.push((
                Mount {
                    volume,
                    path,
                    access,
                },
                owner,
            ));
        }
        seen(mounts)
    }

    /// What a step or a sidecar asks for itself: isolated workspaces, and volumes.
    fn of_its_own(&mut self, step: &Step, mounts: &mut Vec<Owned>) {
        for (name, path) in &step.workspaces {
            mounts.push(self.workspace(name, path));
        }
        let mut files = BTreeMap::<&str, (Owner, Vec<File>)>::new();
        for mounted in &step.mounts {
            match self.one_file(mounted) {
                Some((folder, file)) => {
                    let owner = Owner::Volume(Arc::clone(&mounted.volume));
                    let (_, files) = files.entry(folder).or_insert((owner, Vec::new()));
                    files.push(file);
                }
                None => mounts.push(self.mounted(mounted)),
            }
        }
        for (path, (owner, files)) in files {
            mounts.push(self.files(path, owner, files));
        }
    }

    /// Where a `subPath` names a single file of a ConfigMap or a Secret: that file, as it is called in the folder that it is
    /// mounted in. Only folders can be mounted, so that the step sees that folder with nothing else in it.
    fn one_file<'b>(&self, mounted: &'b MountedVolume) -> Option<(&'b str, File)> {
        let path = mounted.sub_path.as_deref()?;
        let volume = self.run.volumes.iter();
        let mut volume = volume.filter(|known| known.name == mounted.volume);
        let VolumeSource::Files(set) = &volume.next()?.source else {
            return None;
        };
        let mut file = set.files.iter().find(|file| file.path == path)?.clone();
        let (folder, name) = mounted.mount_path.rsplit_once('/')?;
        file.path = name.to_owned();
        Some((if folder.is_empty() { "/" } else { folder }, file))
    }

    fn files(&mut self, path: &str, owner: Owner, files: Vec<File>) -> Owned {
        let name = format!("files-{}", self.volumes.len());
        let access = Access::ReadOnly;
        let volume = self.volume(&name, || Source::Given {
            owner: owner.clone(),
            source: VolumeSource::Files(Arc::new(FileSet { files })),
            access,
        });
        let path = path.into();
        let mount = Mount {
            volume,
            path,
            access,
        };
        (mount, owner)
    }

    fn mounted(&mut self, mounted: &MountedVolume) -> Owned {
        let name = &mounted.volume;
        let owner = Owner::Volume(Arc::clone(name));
        let run = self.run;
        let found = run.volumes.iter().find(|known| known.name == *name);
        let beside = run.sidecars.iter().map(|sidecar| &sidecar.step);
        let writers = run.steps.iter().chain(beside);
        let writers = writers.flat_map(|step| &step.mounts);
        let written = || {
            let mut writers = writers;
            writers.any(|mount| mount.volume == *name && mount.access == Access::ReadWrite)
        };
        let whole = self.volume(&format!("volume-{name}"), || Source::Given {
            owner: owner.clone(),
            source: found.map_or(VolumeSource::EmptyDir, |found| found.source.clone()),
            access: match written() {
                true => Access::ReadWrite,
                false => Access::ReadOnly,
            },
        });
        let is_files = matches!(
            found.map(|found| &found.source),
            Some(VolumeSource::Files(_))
        );
        // As in Kubernetes, such files cannot be changed however they are mounted.
        let access = match is_files {
            true => Access::ReadOnly,
            false => mounted.access,
        };
        let volume = match mounted.sub_path.as_deref() {
            None | Some("" | ".") => whole,
            Some(path) => self.volume(&format!("volume-{name}/{path}"), || Source::Inside {
                of: whole,
                path: path.to_owned(),
                made: access == Access::ReadWrite,
            }),
        };
        let path = Arc::clone(&mounted.mount_path);
        let mount = Mount {
            volume,
            path,
            access,
        };
        (mount, owner)
    }
}

/// What is seen, with nothing twice.
fn seen(mounts: Vec<Owned>) -> Result<StepLayout, PlanError> {
    let mounts = without_conflicts(mounts)?;
    let workspaces = mounts.iter().filter_map(|(mount, owner)| match owner {
        Owner::Workspace(name) => Some((name.to_string(), Arc::clone(&mount.path))),
        Owner::Task(_) | Owner::Volume(_) => None,
    });
    Ok(StepLayout {
        workspaces: workspaces.collect(),
        mounts: mounts.into_iter().map(|(mount, _)| mount).collect(),
    })
}

/// In the order of their paths. What a task says about the places that every task has is stronger.
fn without_conflicts(mut mounts: Vec<Owned>) -> Result<Vec<Owned>, PlanError> {
    mounts.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let mut seen = Vec::<Owned>::with_capacity(mounts.len());
    for (mount, owner) in mounts {
        let Some((known, first)) = seen.last().filter(|(known, _)| known.path == mount.path) else {
            seen.push((mount, owner));
            continue;
        };
        let gives_way = [WORKSPACE_PATH, HOME_PATH].contains(&&*known.path);
        if !gives_way || !matches!(first, Owner::Task(_)) {
            return Err(PlanError::MountConflict {
                path: mount.path,
                first: first.to_string(),
                second: owner.to_string(),
            });
        }
        seen.pop();
        seen.push((mount, owner));
    }
    Ok(seen)
}

/// Where `step` starts: `/workspace` unless it says otherwise, and a relative path starts there too.
pub(crate) fn working_dir(step: &Step, mounts: &[Mount]) -> Result<Arc<str>, PlanError> {
    let said = step.working_dir.as_deref().unwrap_or_default();
    let lost = || PlanError::WorkingDir {
        step: step.name.clone(),
        path: said.to_owned(),
    };
    let path = normal(said).ok_or_else(lost)?;
    match mounts
        .iter()
        .any(|mount| below(&path, &mount.path).is_some())
    {
        true => Ok(path.into()),
        false => Err(lost()),
    }
}

/// `said` without anything that says nothing; a relative path starts in `/workspace`. `None` where it has a `..`.
pub(crate) fn normal(said: &str) -> Option<Cow<'_, str>> {
    if said.is_empty() {
        return Some(WORKSPACE_PATH.into());
    }
    joined(WORKSPACE_PATH, said).map(Into::into)
}

/// `said`, from `start` where it is relative, without anything that says nothing. `None` where either has a `..`: what
/// that means depends on links that only the step sees.
pub(crate) fn joined(start: &str, said: &str) -> Option<String> {
    let start = if said.starts_with('/') { "" } else { start };
    let mut path = String::with_capacity(start.len() + 1 + said.len());
    for part in start.split('/').chain(said.split('/')) {
        match part {
            "" | "." => {}
            ".." => return None,
            part => {
                path.push('/');
                path.push_str(part);
            }
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    Some(path)
}

/// What is left of `path` below the mount at `mount`; empty where they are the same.
pub(crate) fn below<'a>(path: &'a str, mount: &str) -> Option<&'a str> {
    if mount == "/" {
        return path.strip_prefix('/');
    }
    let rest = path.strip_prefix(mount)?;
    match rest.is_empty() {
        true => Some(rest),
        false => rest.strip_prefix('/'),
    }
}
