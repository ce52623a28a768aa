//! Opens the folders behind a task's mounts, and writes its scripts into theirs.
//!
//! What a guest may write to is touched through the handles opened here, never by path again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use stepwell_contract::{Access, StepName, Volume};
use stepwell_spec::{TaskRun, VolumeSource};
use stepwell_store::{StoreError, TaskScratch};

use crate::error::EngineError;
use crate::plan::layout::{
    ARTIFACTS, Layout, Owner, PlannedVolume, RESULTS, SCRIPTS, STEPS, Source,
};
use crate::plan::script_file;
use crate::task::Tools;

/// The folders of one try of a task, open.
pub(crate) struct Volumes {
    open: BTreeMap<Arc<str>, Volume>,
    scratch: TaskScratch,
}

impl Volumes {
    pub(crate) fn open(tools: &Tools, run: &TaskRun, layout: &Layout) -> Result<Self, EngineError> {
        let scratch = tools.scratch.task();
        let mut volumes = Self {
            open: BTreeMap::new(),
            scratch: scratch.map_err(folder("task"))?,
        };
        for PlannedVolume { name, source } in &layout.volumes {
            let (dir, path) = volumes.open_one(name, source)?;
            let name = Arc::clone(name);
            let volume = Volume {
                name: Arc::clone(&name),
                dir,
                path,
            };
            volumes.open.insert(name, volume);
        }
        if let Some(dir) = volumes.dir(SCRIPTS) {
            for (index, step) in run.steps.iter().enumerate() {
                let Some(text) = &step.script else { continue };
                let file = script_file(index);
                write_script(&dir, &file, text)
                    .map_err(|source| EngineError::Script { file, source })?;
            }
        }
        Ok(volumes)
    }

    fn open_one(
        &mut self,
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
                        Ok((Arc::new(dir), outer.path.join(path)))
                    })
                    .map_err(|source| EngineError::Volume {
                        owner: Owner::Volume(Arc::clone(name)).to_string(),
                        path: path.into(),
                        source,
                    })
            }
            Source::Given {
                owner,
                source: VolumeSource::Folder { path, sub_path },
                access,
            } => {
                let whole = match sub_path {
                    Some(sub_path) => path.join(sub_path),
                    None => path.clone(),
                };
                open_folder(path, sub_path.as_deref(), *access)
                    .map(|dir| (Arc::new(dir), whole.clone()))
                    .map_err(|source| EngineError::Volume {
                        owner: owner.to_string(),
                        path: whole,
                        source,
                    })
            }
            Source::Given { .. } => self.scratch.folder(name).map_err(folder(name)),
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

    pub(crate) fn list(&self) -> Vec<Volume> {
        self.open.values().cloned().collect()
    }

    /// Gives the task's own folders back.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let Self { open, scratch } = self;
        drop(open);
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

/// Opens a folder of the user's. A folder below it is reached from its handle, so that a link in it leads nowhere else.
fn open_folder(path: &Path, sub_path: Option<&str>, access: Access) -> io::Result<Dir> {
    let dir = Dir::open_ambient_dir(path, ambient_authority())?;
    match sub_path {
        Some(sub_path) => open_inside(&dir, sub_path, access == Access::ReadWrite),
        None => Ok(dir),
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
    io::Write::write_all(&mut dir.open_with(file, &options)?, text.as_bytes())
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
