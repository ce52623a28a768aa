//! Opens the folders behind a task's mounts, and writes its scripts into theirs.
//!
//! What a guest may write to is touched through the handles opened here, never by path again.

mod files;
mod host;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use stepwell_contract::{Access, Image, ImageKind, StepName, Volume};
use stepwell_spec::{Step, TaskRun, VolumeSource};
use stepwell_store::{StoreError, TaskScratch};

use crate::cache::{Beside, Watch};
use crate::error::EngineError;
use crate::places::WorkspacePath;
use crate::plan::layout::{
    ARTIFACTS, Layout, Owner, PlannedVolume, RESULTS, SCRIPTS, STEPS, Source, WORKSPACE,
    WORKSPACE_PATH,
};
use crate::plan::{Part, script_file};
use crate::task::Tools;

pub(crate) use host::allows;

/// The folders of one try of a task, open.
pub(crate) struct Volumes {
    open: BTreeMap<Arc<str>, Volume>,
    scratch: TaskScratch,
    /// Whether steps may run as another user than we are.
    for_anyone: bool,
    /// Who else may have them meanwhile.
    beside: Beside,
}

impl Volumes {
    /// The folders of `run`, whose steps and sidecars have these `images`.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub(crate) fn open(
        tools: &Tools,
        run: &TaskRun,
        layout: &Layout,
        images: &[Image],
    ) -> Result<Self, EngineError> {
        // In a container there may be any user, and a component is always us.
        let for_anyone = images
            .iter()
            .any(|image| image.kind() == ImageKind::Container);
        let scratch = match for_anyone {
            true => tools.scratch.task_for_anyone(),
            false => tools.scratch.task(),
        };
        let mut volumes = Self {
            open: BTreeMap::new(),
            scratch: scratch.map_err(folder("task"))?,
            for_anyone,
            beside: tools.neighbours.enter(),
        };
        for PlannedVolume { name, source } in &layout.volumes {
            let (dir, path) = volumes.open_one(tools, name, source)?;
            let name = Arc::clone(name);
            let volume = Volume {
                name: Arc::clone(&name),
                dir,
                path,
            };
            volumes.open.insert(name, volume);
        }
        let given = layout.volumes.iter().filter_map(|volume| {
            let Source::Given { source, access, .. } = &volume.source else {
                return None;
            };
            let own = matches!(source, VolumeSource::EmptyDir | VolumeSource::Files(_));
            let open = volumes.open.get(&volume.name).filter(|_| !own)?;
            Some((&*open.dir, *access))
        });
        volumes.beside.open(given);
        for (index, step) in run.steps.iter().enumerate() {
            // What is not known yet is written when it is.
            if !step.is_late {
                volumes.write_script(Part::Step(index), step)?;
            }
        }
        for (index, sidecar) in run.sidecars.iter().enumerate() {
            if !sidecar.step.is_late {
                volumes.write_script(Part::Sidecar(index), &sidecar.step)?;
            }
        }
        Ok(volumes)
    }

    /// Writes the script of `part`, where it has one.
    pub(crate) fn write_script(&self, part: Part, step: &Step) -> Result<(), EngineError> {
        let (Some(text), Some(dir)) = (&step.script, self.dir(SCRIPTS)) else {
            return Ok(());
        };
        let file = script_file(part);
        write_script(&dir, &file, text).map_err(|source| EngineError::Script { file, source })
    }

    fn open_one(
        &mut self,
        tools: &Tools,
        name: &Arc<str>,
        source: &Source,
    ) -> Result<(Arc<Dir>, PathBuf), EngineError> {
        match source {
            Source::Scratch => self.scratch.folder(name).map_err(folder(name)),
            Source::Inside { of, path, made } => {
                let outer = self.open.get(of);
                let outer = outer.ok_or(io::ErrorKind::NotFound.into());
                outer
                    .and_then(|outer| {
                        let dir = open_inside(&outer.dir, path, *made)?;
                        if self.for_anyone && **of == *STEPS {
                            // Made by us a moment ago, and no user's folder.
                            dir.set_permissions(".", Permissions::from_mode(0o777))?;
                        }
                        Ok((Arc::new(dir), outer.path.join(path)))
                    })
                    .map_err(volume(Owner::Volume(Arc::clone(name)), Path::new(path)))
            }
            Source::Given {
                owner,
                source,
                access,
            } => self.open_given(tools, name, owner, source, *access),
        }
    }

    fn open_given(
        &mut self,
        tools: &Tools,
        name: &Arc<str>,
        owner: &Owner,
        source: &VolumeSource,
        access: Access,
    ) -> Result<(Arc<Dir>, PathBuf), EngineError> {
        let failed = |path: &Path| volume(owner.clone(), path);
        let made = access == Access::ReadWrite;
        match source {
            VolumeSource::EmptyDir => self.scratch.folder(name).map_err(folder(name)),
            VolumeSource::Folder { path, sub_path } => {
                let whole = Dir::open_ambient_dir(path, ambient_authority()).map(Arc::new);
                let whole = whole.map(|dir| (dir, path.clone()));
                let full = path.join(sub_path.as_deref().unwrap_or_default());
                let shown = match sub_path {
                    Some(_) => &full,
                    None => path,
                };
                whole
                    .and_then(|whole| part(whole, sub_path.as_deref(), made))
                    .map_err(failed(shown))
            }
            VolumeSource::Claim {
                name: claim,
                namespace,
                of_run,
                sub_path,
            } => {
                let whole = match of_run {
                    true => tools.scratch.folder(&format!("claim-{claim}")),
                    false => tools.engine.state.claim(namespace, claim),
                };
                let whole = whole.map_err(|source| EngineError::Claim {
                    claim: Arc::clone(claim),
                    source,
                })?;
                let path = whole.1.join(sub_path.as_deref().unwrap_or_default());
                // The claim is ours: that a step may only read it does not keep us from making what it asks for.
                part(whole, sub_path.as_deref(), true).map_err(failed(&path))
            }
            VolumeSource::Files(set) => {
                let (dir, path) = self.scratch.folder(name).map_err(folder(name))?;
                files::write(&dir, set).map_err(failed(&path))?;
                Ok((dir, path))
            }
            VolumeSource::HostPath { path, kind, .. } => {
                let allowed = &tools.engine.options.host_paths;
                let made = kind == "DirectoryOrCreate";
                let dir = host::open(allowed, path, made).map_err(failed(path))?;
                Ok((Arc::new(dir), path.clone()))
            }
            VolumeSource::Cluster { what, .. } => {
                let none = io::Error::other("only a cluster has it");
                Err(none).map_err(failed(Path::new(what)))
            }
        }
    }

    fn dir(&self, name: &str) -> Option<Arc<Dir>> {
        self.open.get(name).map(|volume| Arc::clone(&volume.dir))
    }

    /// The folder behind `/tekton/results`.
    pub(crate) fn results(&self) -> Option<Arc<Dir>> {
        self.dir(RESULTS)
    }

    /// The folder behind `/tekton/steps`, where the task has one.
    pub(crate) fn steps(&self) -> Option<Arc<Dir>> {
        self.dir(STEPS)
    }

    /// The folder behind `/tekton/artifacts`, where the task has one.
    pub(crate) fn artifacts(&self) -> Option<Arc<Dir>> {
        self.dir(ARTIFACTS)
    }

    /// Asks whether another task could write to them.
    pub(crate) fn watch(&self) -> Watch {
        self.beside.watch()
    }

    pub(crate) fn list(&self) -> Vec<Volume> {
        self.open.values().cloned().collect()
    }

    /// The workspaces that `layout` has, and the task's own folder before them, each with where it is.
    pub(crate) fn workspaces(&self, layout: &Layout) -> Vec<WorkspacePath> {
        let named = layout.volumes.iter().filter_map(|volume| {
            let name = match &volume.source {
                Source::Scratch if *volume.name == *WORKSPACE => Arc::from(WORKSPACE_PATH),
                Source::Given {
                    owner: Owner::Workspace(name),
                    ..
                } => Arc::clone(name),
                _ => return None,
            };
            Some((name, self.open.get(&volume.name)?.path.clone()))
        });
        named.collect()
    }

    /// Gives the task's own folders back.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let Self {
            open,
            scratch,
            beside,
            for_anyone: _,
        } = self;
        drop((open, beside));
        scratch.close()
    }
}

/// Says which folder of the task could not be made; for `map_err`.
fn folder(name: &str) -> impl FnOnce(StoreError) -> EngineError {
    move |source| EngineError::Folder {
        folder: name.into(),
        source,
    }
}

/// Says which folder could not be opened, and for whom; for `map_err`.
fn volume(owner: Owner, path: &Path) -> impl FnOnce(io::Error) -> EngineError + use<> {
    let path = path.to_owned();
    move |source| EngineError::Volume {
        owner: owner.to_string(),
        path,
        source,
    }
}

/// The part of a folder that is asked for. It is reached from the folder's handle, so that a link in it leads nowhere
/// else.
fn part(
    (dir, path): (Arc<Dir>, PathBuf),
    sub_path: Option<&str>,
    made: bool,
) -> io::Result<(Arc<Dir>, PathBuf)> {
    match sub_path {
        None | Some("" | ".") => Ok((dir, path)),
        Some(sub_path) => {
            let inside = open_inside(&dir, sub_path, made)?;
            Ok((Arc::new(inside), path.join(sub_path)))
        }
    }
}

fn open_inside(dir: &Dir, path: &str, made: bool) -> io::Result<Dir> {
    if made {
        dir.create_dir_all(path)?;
    }
    dir.open_dir(path)
}

fn write_script(dir: &Dir, file: &str, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o755);
    let mut script = dir.open_with(file, &options)?;
    io::Write::write_all(&mut script, text.as_bytes())?;
    // Whatever files of ours are usually kept from others.
    script.set_permissions(Permissions::from_mode(0o755))
}

/// Writes the exit code of `step` to where `$(steps.step-<step>.exitCode.path)` points, and below its number as well.
pub(crate) fn leave_exit_code(
    steps: &Dir,
    index: usize,
    step: &StepName,
    code: i32,
) -> io::Result<()> {
    let folder = format!("step-{step}");
    steps.create_dir_all(&folder)?;
    steps.write(Path::new(&folder).join("exitCode"), code.to_string())?;
    steps.symlink(&folder, index.to_string())
}
