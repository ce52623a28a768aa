//! Volumes of a task on another machine: the daemon keeps them, and archives take their content there and back.
//!
//! Each volume of a task becomes one of the daemon's own, so that steps and sidecars that run at once share it. What changed on
//! this side is sent before a step; what a step could write comes back after it, deletions too. What a daemon sends is hostile: it
//! is taken apart as a layer is, into a folder of its own, and compared from there.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, VolumeCreateRequest,
};
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{Access, SandboxError, SandboxErrorKind, TaskSpec};

use super::BACKEND;
use super::daemon::{Daemon, failed};
use super::error::ApiError;
use super::files::Download;
use super::held::Held;
use super::leftovers::remove_volume;
use super::mirror::{self, Snapshot};
use super::upload::upload;
use crate::unpack::{self, Bounds, Owners};

/// Where a volume is seen by the container that its content passes through, which never runs.
const SEEN: &str = "/stepwell";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The volumes of a task, on another machine.
pub(super) struct Remote {
    daemon: Arc<Daemon>,
    labels: HashMap<String, String>,
    /// Where what comes back is taken apart.
    scratch: PathBuf,
    /// One volume at a time is sent or fetched.
    volumes: Mutex<HashMap<Arc<str>, Volume>>,
}

struct Volume {
    /// What the daemon calls it.
    name: String,
    dir: Arc<Dir>,
    /// Whether the daemon has it.
    made: bool,
    /// What both sides had when it was last sent or fetched.
    known: Snapshot,
    /// How many steps use it now.
    users: usize,
}

/// What a step sees of a volume.
pub(super) type Seen = (Arc<str>, Access);

impl Remote {
    pub(super) fn new(
        daemon: &Arc<Daemon>,
        labels: HashMap<String, String>,
        scratch: PathBuf,
        task: &TaskSpec,
    ) -> Self {
        let process = labels.get(super::leftovers::PROCESS).cloned();
        let process = process.unwrap_or_default();
        let volumes = task.volumes.iter().map(|volume| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let one = Volume {
                name: format!("stepwell-{process}-{number}"),
                dir: Arc::clone(&volume.dir),
                made: false,
                known: Snapshot::new(),
                users: 0,
            };
            (Arc::clone(&volume.name), one)
        });
        Self {
            daemon: Arc::clone(daemon),
            labels,
            scratch,
            volumes: Mutex::new(volumes.collect()),
        }
    }

    /// How a container is told to mount the volume.
    pub(super) fn mount(&self, volume: &str, target: &str, access: Access) -> Option<Mount> {
        let volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        let name = volumes.get(volume)?.name.clone();
        Some(mount(name, target, access))
    }

    /// Sends what the daemon does not have yet of the volumes of a step that is about to run. `image` is any image there.
    ///
    /// # Errors
    ///
    /// What cannot be read here or written there.
    pub(super) fn send(&self, seen: &[Seen], image: &str) -> Result<(), SandboxError> {
        let mut volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, _) in seen {
            if let Some(volume) = volumes.get_mut(name) {
                let doing = || format!("send volume `{name}` to the daemon");
                let now = mirror::look(&volume.dir).map_err(|error| host(doing(), error))?;
                self.send_one(volume, &now, image)
                    .map_err(|error| failed(doing(), error))?;
                volume.known = now;
                volume.users += 1;
            }
        }
        Ok(())
    }

    fn send_one(&self, volume: &mut Volume, now: &Snapshot, image: &str) -> Result<(), ApiError> {
        let is_gone = volume.known.keys().any(|path| !now.contains_key(path));
        // Nothing can be removed in a volume; one that nobody uses is made anew.
        if volume.users == 0 && is_gone {
            remove_volume(&self.daemon, volume.name.clone())?;
            volume.made = false;
            volume.known.clear();
        }
        if volume.made && volume.known == *now {
            return Ok(());
        }
        if !volume.made {
            let asked = VolumeCreateRequest {
                name: Some(volume.name.clone()),
                labels: Some(self.labels.clone()),
                ..VolumeCreateRequest::default()
            };
            self.daemon
                .ask(|docker| async move { docker.create_volume(asked).await.map(drop) })?;
            volume.made = true;
        }
        let (keeper, id) = self.keeper(volume, image)?;
        let (archive, body) = upload();
        let docker = self.daemon.patient();
        let endpoint = self.daemon.endpoint().to_string();
        let answer = self.daemon.spawn(async move {
            let options = UploadToContainerOptionsBuilder::new().path(SEEN).build();
            let body = bollard::body_try_stream(body);
            let sent = docker.upload_to_container(&id, Some(options), body).await;
            sent.map_err(|error| ApiError::of(error, &endpoint))
        });
        archive.send(&answer, |to| mirror::pack(&volume.dir, &volume.known, to))?;
        keeper.remove()
    }

    /// Fetches what a step that has ended could write.
    ///
    /// # Errors
    ///
    /// What cannot be read there or written here, and what no folder of this machine is to hold.
    pub(super) fn fetch(&self, seen: &[Seen], image: &str) -> Result<(), SandboxError> {
        let mut volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, access) in seen {
            let Some(volume) = volumes.get_mut(name) else {
                continue;
            };
            volume.users = volume.users.saturating_sub(1);
            if *access == Access::ReadWrite && volume.made {
                let doing = || format!("fetch volume `{name}` from the daemon");
                self.fetch_one(volume, image, &doing)?;
            }
        }
        Ok(())
    }

    fn fetch_one(
        &self,
        volume: &mut Volume,
        image: &str,
        doing: &dyn Fn() -> String,
    ) -> Result<(), SandboxError> {
        let io = |error| host(doing(), error);
        let api = |error| failed(doing(), error);
        let scratch = Dir::open_ambient_dir(&self.scratch, ambient_authority()).map_err(io)?;
        let folder = format!("{}.part", volume.name);
        scratch.create_dir(&folder).map_err(io)?;
        let source = scratch.open_dir(&folder).map_err(io)?;
        let (keeper, id) = self.keeper(volume, image).map_err(api)?;
        let archive = Download::new(&self.daemon, &id, &format!("{SEEN}/."));
        let owners = match rustix::process::geteuid().is_root() {
            true => Owners::Kept,
            false => Owners::Ours,
        };
        let taken = unpack::unpack_files(archive, &source, owners, &Bounds::default());
        let fetched = taken
            .map_err(|error| {
                let kind = match error.is_the_layers() {
                    true => SandboxErrorKind::BadGuest,
                    false => SandboxErrorKind::Host,
                };
                SandboxError::new(BACKEND, doing(), kind).because(error)
            })
            .and_then(|()| {
                mirror::mirror(&source, &volume.dir, &volume.known).map_err(io)?;
                volume.known = mirror::look(&volume.dir).map_err(io)?;
                Ok(())
            });
        drop(source);
        let removed = scratch.remove_dir_all(&folder);
        fetched?;
        removed.map_err(io)?;
        keeper.remove().map_err(api)
    }

    /// A container that sees the volume and never runs.
    fn keeper(&self, volume: &Volume, image: &str) -> Result<(Arc<Held>, String), ApiError> {
        let keeper = Held::new(&self.daemon);
        let id = keeper.create(ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(vec!["/never".to_owned()]),
            labels: Some(self.labels.clone()),
            host_config: Some(HostConfig {
                mounts: Some(vec![mount(volume.name.clone(), SEEN, Access::ReadWrite)]),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        })?;
        Ok((keeper, id))
    }

    /// Removes the daemon's volumes.
    ///
    /// # Errors
    ///
    /// One is still there.
    pub(super) fn remove(&self) -> Result<(), ApiError> {
        let mut volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
        let made = volumes.drain().filter(|(_, volume)| volume.made);
        made.map(|(_, volume)| remove_volume(&self.daemon, volume.name))
            .collect::<Vec<_>>()
            .into_iter()
            .collect()
    }
}

fn mount(name: String, target: &str, access: Access) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name),
        target: Some(target.to_owned()),
        read_only: Some(access == Access::ReadOnly),
        // What an image has there is not the volume's.
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

fn host(doing: String, error: std::io::Error) -> SandboxError {
    SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
}
