//! What a Stepwell that was killed has left in a daemon, and its removal by the next one.
//!
//! Each Stepwell holds a lock on a file of its own as long as it lives, and everything that it makes in a daemon bears the
//! file's name and that of the folder. What bears the folder's name and a file that nobody holds is left over. A daemon may
//! serve other machines and other users: what bears another folder's name is none of our business.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use rustix::fs::{FlockOperation, flock};

use super::daemon::Daemon;
use super::error::ApiError;

/// The label that names the folder of whoever made it.
pub(super) const FOLDER: &str = "dev.stepwell.folder";
/// The label that names the process that made it.
pub(super) const PROCESS: &str = "dev.stepwell.process";
/// The label that names the run that it is part of.
pub(super) const RUN: &str = "dev.stepwell.run";

/// Whose what we make is.
pub(super) struct Owner {
    folder: String,
    process: String,
    path: PathBuf,
    run: String,
    _lock: File,
}

impl Owner {
    /// Takes a name of this process' own in `folder`, which is made where it is missing.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(super) fn new(folder: &Path, run: String) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let name = folder_name(folder)?;
        let process = random()?;
        let path = folder.join(format!("{process}.lock"));
        let lock = File::create_new(&path)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self {
            folder: name,
            process,
            path,
            run,
            _lock: lock,
        })
    }

    /// What everything that this process makes bears.
    pub(super) fn labels(&self) -> HashMap<String, String> {
        HashMap::from([
            (FOLDER.to_owned(), self.folder.clone()),
            (PROCESS.to_owned(), self.process.clone()),
            (RUN.to_owned(), self.run.clone()),
        ])
    }

    /// Removes the containers, volumes and images of shells of those of this folder that live no more.
    ///
    /// # Errors
    ///
    /// What the daemon says.
    pub(super) fn sweep(&self, daemon: &Daemon) -> Result<(), ApiError> {
        let filters = HashMap::from([("label", vec![format!("{FOLDER}={}", self.folder)])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters);
        let options = options.build();
        let containers =
            daemon.ask(|docker| async move { docker.list_containers(Some(options)).await })?;
        for container in containers {
            if let (Some(id), true) = (container.id, self.is_left(container.labels.as_ref())) {
                remove_container(daemon, id)?;
            }
        }
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let images = daemon.ask(|docker| async move { docker.list_images(Some(options)).await })?;
        for image in images {
            if self.is_left(Some(&image.labels)) {
                remove_image(daemon, image.id)?;
            }
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes =
            daemon.ask(|docker| async move { docker.list_volumes(Some(options)).await })?;
        for volume in volumes.volumes.unwrap_or_default() {
            if self.is_left(Some(&volume.labels)) {
                remove_volume(daemon, volume.name)?;
            }
        }
        Ok(())
    }

    fn is_left(&self, labels: Option<&HashMap<String, String>>) -> bool {
        let process = labels.and_then(|labels| labels.get(PROCESS));
        process.is_some_and(|process| *process != self.process && !self.lives(process))
    }

    /// Whether the process of this name still holds its lock. The name came from a daemon.
    fn lives(&self, process: &str) -> bool {
        if process.len() != NAME_BYTES * 2 || !process.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return true;
        }
        let path = self.path.with_file_name(format!("{process}.lock"));
        match File::open(&path) {
            Err(error) => error.kind() != io::ErrorKind::NotFound,
            Ok(file) => match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(_) => true,
                Ok(()) => {
                    // What bears its name is removed next; should that fail, a file that is missing says the same.
                    let _ = fs::remove_file(&path);
                    false
                }
            },
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a container, running or not. One that is gone already is removed.
pub(super) fn remove_container(daemon: &Daemon, id: String) -> Result<(), ApiError> {
    let removed = try_remove(daemon, &id);
    let mut kept = daemon.kept.lock().unwrap_or_else(PoisonError::into_inner);
    match removed {
        // It goes with the last one that is in its network.
        Err(error) if error.is_kept() => kept.push(id),
        removed => removed?,
    }
    // The last may have gone before this one was known to wait for it.
    let mut first = Ok(());
    kept.retain(|id| match try_remove(daemon, id) {
        Err(error) if error.is_kept() => true,
        removed => {
            first = std::mem::replace(&mut first, Ok(())).and(removed);
            false
        }
    });
    first
}

fn try_remove(daemon: &Daemon, id: &str) -> Result<(), ApiError> {
    let options = RemoveContainerOptionsBuilder::new()
        .force(true)
        .v(true)
        .build();
    let id = id.to_owned();
    let removed =
        daemon.ask(|docker| async move { docker.remove_container(&id, Some(options)).await });
    match removed {
        Err(error) if error.is_missing() => Ok(()),
        // Somebody removes it this moment.
        Err(error) if error.is_conflict() => Ok(()),
        removed => removed,
    }
}

/// Removes an image, and none that it was made from. One that is gone already is removed.
pub(super) fn remove_image(daemon: &Daemon, id: String) -> Result<(), ApiError> {
    let options = RemoveImageOptionsBuilder::new()
        .force(true)
        .noprune(true)
        .build();
    let removed =
        daemon.ask(|docker| async move { docker.remove_image(&id, Some(options), None).await });
    match removed {
        Err(error) if error.is_missing() => Ok(()),
        removed => removed.map(drop),
    }
}

/// Removes a volume. One that is gone already is removed.
pub(super) fn remove_volume(daemon: &Daemon, name: String) -> Result<(), ApiError> {
    let options = RemoveVolumeOptionsBuilder::new().force(true).build();
    match daemon.ask(|docker| async move { docker.remove_volume(&name, Some(options)).await }) {
        Err(error) if error.is_missing() => Ok(()),
        removed => removed,
    }
}

/// Bytes of a name.
const NAME_BYTES: usize = 16;

/// The name of a folder, which is chosen once and kept in it.
fn folder_name(folder: &Path) -> io::Result<String> {
    let path = folder.join("name");
    if let Ok(name) = fs::read_to_string(&path)
        && name.len() == NAME_BYTES * 2
    {
        return Ok(name);
    }
    // Written beside and renamed onto nothing, so that of two who begin at once one decides.
    let draft = folder.join(format!("{}.draft", random()?));
    let mut file = File::create_new(&draft)?;
    file.write_all(random()?.as_bytes())?;
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(&path),
    }
}

/// A name that nothing else has.
pub(super) fn random() -> io::Result<String> {
    let mut bytes = [0; NAME_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_left_over() {
        let temp = tempfile::tempdir().unwrap();
        let owner = |run: &str| Owner::new(temp.path(), run.to_owned()).unwrap();
        let (ours, other) = (owner("a"), owner("b"));
        assert_eq!(ours.labels()[FOLDER], other.labels()[FOLDER]);
        assert!(!ours.is_left(Some(&ours.labels())));
        assert!(!ours.is_left(Some(&other.labels())));
        let labels = other.labels();
        drop(other);
        assert!(ours.is_left(Some(&labels)));
        // As a process that is killed leaves it: the file is there, and nobody holds it.
        let path = temp.path().join(format!("{}.lock", labels[PROCESS]));
        fs::write(&path, "").unwrap();
        assert!(ours.is_left(Some(&labels)));
        assert!(!path.exists());
    }

    #[test]
    fn attack_a_label_is_no_path() {
        let temp = tempfile::tempdir().unwrap();
        let ours = Owner::new(&temp.path().join("owners"), "a".to_owned()).unwrap();
        fs::write(temp.path().join("x.lock"), "kept").unwrap();
        for process in ["../x", "", "x"] {
            let labels = HashMap::from([(PROCESS.to_owned(), process.to_owned())]);
            assert!(!ours.is_left(Some(&labels)), "{process}");
        }
        assert!(temp.path().join("x.lock").exists());
        assert!(!ours.is_left(None));
    }
}
