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
use stepwell_store::Scratch;

use crate::error::EngineError;
use crate::plan::{PlannedVolume, RESULTS, SCRIPTS, STEPS, Script, VolumeSource};

/// The folders of one task, open.
pub(crate) struct Volumes(BTreeMap<Arc<str>, Volume>);

impl Volumes {
    pub(crate) fn open(
        planned: Vec<PlannedVolume>,
        scripts: &[Script],
        scratch: Option<&Scratch>,
    ) -> Result<Self, EngineError> {
        let mut volumes = BTreeMap::new();
        for PlannedVolume { name, source } in planned {
            let (dir, path) = match source {
                VolumeSource::Scratch => {
                    // It is taken away from a run that was given up meanwhile.
                    let scratch = scratch.ok_or_else(|| EngineError::Stuck {
                        doing: format!("make the task's folder `{name}` in time"),
                    })?;
                    scratch
                        .folder(&name)
                        .map_err(|source| EngineError::Folder {
                            folder: Arc::clone(&name),
                            source,
                        })?
                }
                VolumeSource::Folder {
                    workspace,
                    path,
                    sub_path,
                    access,
                } => {
                    let whole = match &sub_path {
                        Some(sub_path) => path.join(sub_path),
                        None => path.clone(),
                    };
                    open_folder(&path, sub_path.as_deref(), access)
                        .map(|dir| (Arc::new(dir), whole.clone()))
                        .map_err(|source| EngineError::Workspace {
                            workspace,
                            path: whole,
                            source,
                        })?
                }
            };
            let volume = Volume {
                name: Arc::clone(&name),
                dir,
                path,
            };
            volumes.insert(name, volume);
        }
        let volumes = Self(volumes);
        if let Some(dir) = volumes.dir(SCRIPTS) {
            for Script { file, text } in scripts {
                write_script(&dir, file, text).map_err(|source| EngineError::Script {
                    file: file.clone(),
                    source,
                })?;
            }
        }
        Ok(volumes)
    }

    fn dir(&self, name: &str) -> Option<Arc<Dir>> {
        self.0.get(name).map(|volume| Arc::clone(&volume.dir))
    }

    /// The folder behind `/tekton/results`.
    pub(crate) fn results(&self) -> Option<Arc<Dir>> {
        self.dir(RESULTS)
    }

    /// The folder behind `/tekton/steps`, where exit codes are asked for.
    pub(crate) fn exit_codes(&self) -> Option<Arc<Dir>> {
        self.dir(STEPS)
    }

    pub(crate) fn into_list(self) -> Vec<Volume> {
        self.0.into_values().collect()
    }
}

/// Opens a folder of the user's. A folder below it is reached from its handle, so that a link in it leads nowhere else.
fn open_folder(path: &Path, sub_path: Option<&str>, access: Access) -> io::Result<Dir> {
    let dir = Dir::open_ambient_dir(path, ambient_authority())?;
    let Some(sub_path) = sub_path else {
        return Ok(dir);
    };
    if access == Access::ReadWrite {
        dir.create_dir_all(sub_path)?;
    }
    dir.open_dir(sub_path)
}

fn write_script(dir: &Dir, file: &str, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o755);
    io::Write::write_all(&mut dir.open_with(file, &options)?, text.as_bytes())
}

/// Writes the exit code of `step` to where `$(steps.step-<step>.exitCode.path)` points.
pub(crate) fn write_exit_code(steps: &Dir, step: &StepName, code: i32) -> io::Result<()> {
    let folder = PathBuf::from(format!("step-{step}"));
    steps.create_dir(&folder)?;
    steps.write(folder.join("exitCode"), code.to_string())
}
