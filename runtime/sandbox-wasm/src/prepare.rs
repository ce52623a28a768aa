//! From a step's description to its sandbox: mounts become directories that are open when the guest starts.

use std::collections::HashMap;
use std::sync::Arc;

use cap_std::fs::Dir;
use stepwell_contract::{
    Access, Answer, Asker, Kind, Loopback, Mount, NoDigests, Question, Sandbox, SandboxError,
    SandboxErrorKind, StepSpec, TaskScope, TaskSpec,
};

use crate::BACKEND;
use crate::backend::WasmBackend;
use crate::fs::{FileSystem, Home, MountPoint};
use crate::guest::Seed;
use crate::meter::Meter;
use crate::place::Shown;
use crate::run::WasmSandbox;
use crate::tools::ToolBox;
use crate::typed;

/// What the steps of one task share: its volumes, and the way to its sidecars.
pub(crate) struct Scope {
    backend: WasmBackend,
    loopback: Option<Arc<dyn Loopback>>,
    volumes: HashMap<Arc<str>, Arc<Dir>>,
}

impl Scope {
    pub(crate) fn new(backend: WasmBackend, task: &TaskSpec) -> Self {
        let volumes = task.volumes.iter();
        Self {
            backend,
            loopback: task.loopback.clone(),
            volumes: volumes
                .map(|volume| (Arc::clone(&volume.name), Arc::clone(&volume.dir)))
                .collect(),
        }
    }
}

impl TaskScope for Scope {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn prepare(&self, step: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        step.check(BACKEND)?;
        let loaded = self.backend.load(&step.image, &step.limits)?;
        let entry = loaded.entry(&step.image, &step.grants)?;
        let files = file_system(&self.volumes, &step)?;
        let shown = step.mounts.iter().filter_map(|mount| {
            Some(Shown {
                path: Arc::clone(&mount.path),
                dir: Arc::clone(self.volumes.get(&mount.volume)?),
            })
        });
        let mounts = shown.collect();
        let invocation = typed::invocation(&step);
        let tools = ToolBox::of(&step, self.loopback.as_ref());
        let seed = Seed {
            meter: Meter::new(step.limits),
            files,
            grants: step.grants,
            loopback: self.loopback.clone(),
            tools,
            ambient: step.ambient,
            argv: step.argv,
            env: step.env,
            working_dir: step.working_dir,
        };
        Ok(Box::new(WasmSandbox {
            loaded,
            entry,
            seed,
            invocation,
            mounts,
        }))
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        Ok(())
    }
}

/// The directories that are open when the guest starts.
///
/// Toolchains differ in how they find the working directory: Go takes the first directory's name for it, C and Rust
/// resolve a relative path against directories with relative names. So it comes first under its own name, then every
/// mount, then, relative to it, itself and what is mounted below it.
fn file_system(
    volumes: &HashMap<Arc<str>, Arc<Dir>>,
    step: &StepSpec,
) -> Result<FileSystem, SandboxError> {
    let mut mounts = Vec::with_capacity(step.mounts.len());
    for mount in &step.mounts {
        let dir = volumes.get(&mount.volume).ok_or_else(|| {
            contradiction(
                step,
                format!("`{}` shows no volume of the task", mount.path),
            )
        })?;
        mounts.push((
            mount,
            Arc::new(MountPoint {
                access: mount.access,
                volume: Arc::clone(&mount.volume),
                dir: Arc::clone(dir),
            }),
        ));
    }
    let mut files = FileSystem::new(step.ambient.epoch_seconds);
    if mounts.is_empty() {
        return Ok(files);
    }
    let home = mounts
        .iter()
        .filter(|(mount, ..)| below(&step.working_dir, &mount.path).is_some())
        .max_by_key(|(mount, ..)| mount.path.len());
    let (mount, point) = home.ok_or_else(|| {
        contradiction(
            step,
            format!(
                "its working directory `{}` is in no mount",
                step.working_dir
            ),
        )
    })?;
    let relative: Arc<str> = below(&step.working_dir, &mount.path)
        .unwrap_or_default()
        .into();
    files.set_home(Home {
        mount: Arc::clone(point),
        way: way(&point.dir, &relative),
    });
    let working_dir = open_working_dir(step, mount, &point.dir)?;
    let add_home = |files: &mut FileSystem, name: &str| {
        files.preopen_below(
            name,
            Arc::clone(&working_dir),
            Arc::clone(point),
            Arc::clone(&step.working_dir),
            Arc::clone(&relative),
        );
    };
    add_home(&mut files, &step.working_dir);
    for (mount, point) in &mounts {
        if mount.path != step.working_dir {
            files.preopen(&*mount.path, Arc::clone(point), Arc::clone(&mount.path));
        }
    }
    add_home(&mut files, ".");
    for (mount, point) in &mounts {
        if let Some(relative) =
            below(&mount.path, &step.working_dir).filter(|path| !path.is_empty())
        {
            files.preopen(relative, Arc::clone(point), Arc::clone(&mount.path));
        }
    }
    Ok(files)
}

/// What is left of `path` below `folder`; empty where they are the same.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('/')
    }
}

/// What is at each folder on the way to `relative` below `dir`.
fn way(dir: &Dir, relative: &str) -> Vec<(String, Kind)> {
    let mut asker = Asker::new(dir, &NoDigests);
    let slashes = relative.match_indices('/').map(|(at, _)| at);
    let ends = slashes.chain((!relative.is_empty()).then_some(relative.len()));
    ends.map(|end| {
        let path = relative[..end].to_owned();
        let kind = match asker.ask(&path, Question::Kind) {
            Ok(Answer::Kind(kind)) => kind,
            _ => Kind::Unknown,
        };
        (path, kind)
    })
    .collect()
}

/// The working directory, made where a container engine would make it.
fn open_working_dir(
    step: &StepSpec,
    mount: &Mount,
    dir: &Arc<Dir>,
) -> Result<Arc<Dir>, SandboxError> {
    let relative = below(&step.working_dir, &mount.path).unwrap_or_default();
    if relative.is_empty() {
        return Ok(Arc::clone(dir));
    }
    if mount.access == Access::ReadWrite {
        // Where it exists already, or cannot be made, opening it tells.
        let _ = dir.create_dir_all(relative);
    }
    let opened = dir.open_dir(relative).map_err(|error| {
        contradiction(
            step,
            format!(
                "its working directory `{}` cannot be opened: {error}",
                step.working_dir
            ),
        )
    })?;
    Ok(Arc::new(opened))
}

fn contradiction(step: &StepSpec, cause: String) -> SandboxError {
    SandboxError::new(
        BACKEND,
        format!("prepare step `{}`", step.name),
        SandboxErrorKind::Host,
    )
    .because(cause)
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn below_is_by_whole_names() {
        assert_eq!(below("/workspace/a/b", "/workspace"), Some("a/b"));
        assert_eq!(below("/workspace", "/workspace"), Some(""));
        assert_eq!(below("/workspaces", "/workspace"), None);
    }
}
