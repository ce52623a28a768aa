//! What the steps of one task share in a daemon: volumes and one loopback.
//!
//! Nothing of the guest has run when a container is prepared, and the daemon was told nothing: everything that could contradict
//! itself was looked at.

use std::collections::HashMap;
#[cfg(target_os = "linux")]
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bollard::models::{Mount, MountType};
#[cfg(target_os = "linux")]
use stepwell_contract::Feature;
use stepwell_contract::{
    Access, Cancel, CancelReason, Network as NetworkGrant, Sandbox, SandboxError, SandboxErrorKind,
    StepSpec, TaskScope, TaskSpec,
};

use super::BACKEND;
use super::backend::{Host, container};
use super::create::{self, Network};
use super::daemon::failed;
use super::error::ApiError;
use super::held::{self, Held};
use super::remote::Remote;
use super::run::Container;
use crate::capability;
use crate::step_check::{can_be_mounted, impossible, unprivileged};

/// What the steps of one task share.
pub(super) struct Scope {
    host: Arc<Host>,
    volumes: Volumes,
    shared: Arc<Shared>,
}

/// How the volumes of a task get into its containers.
enum Volumes {
    /// By their paths: the daemon is of this machine.
    Bound(HashMap<Arc<str>, PathBuf>),
    /// By archives: it is not.
    Sent(Arc<Remote>),
}

/// What of a scope its containers know.
#[derive(Default)]
pub(super) struct Shared {
    /// The containers that run on the task's own loopback. One that is started next joins one of them.
    running: Mutex<Vec<String>>,
    /// Asked for when the task ends: no shell outlives it.
    pub(super) ends: Cancel,
    /// All that may have to be removed.
    held: Mutex<Vec<Weak<Held>>>,
}

impl Shared {
    /// The containers whose loopback there is to join. Held while one more is started, so that two do not begin apart.
    pub(super) fn running(&self) -> MutexGuard<'_, Vec<String>> {
        // A list is whole, whoever panicked.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has this removed when the task is over.
    pub(super) fn hold(&self, held: &Arc<Held>) {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(held));
    }

    fn end(&self) -> Vec<Arc<Held>> {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        all.drain(..).filter_map(|one| one.upgrade()).collect()
    }
}

impl Scope {
    pub(super) fn new(host: Arc<Host>, task: &TaskSpec) -> Self {
        let volumes = match host.options.endpoint.is_local() {
            true => {
                let paths = task.volumes.iter();
                let paths = paths.map(|volume| (Arc::clone(&volume.name), volume.path.clone()));
                Volumes::Bound(paths.collect())
            }
            false => {
                let (labels, scratch) = (host.owner.labels(), host.options.scratch.clone());
                Volumes::Sent(Arc::new(Remote::new(&host.daemon, labels, scratch, task)))
            }
        };
        Self {
            host,
            volumes,
            shared: Arc::default(),
        }
    }

    fn mounts(&self, step: &StepSpec) -> Result<Vec<Mount>, SandboxError> {
        let mounts = step.mounts.iter().map(|mount| {
            if !can_be_mounted(&mount.path) {
                let cause = format!("no volume can be mounted at `{}`", mount.path);
                return Err(error(step, SandboxErrorKind::BadGuest, cause));
            }
            let mounted = match &self.volumes {
                Volumes::Bound(paths) => match paths.get(&mount.volume) {
                    Some(path) => Some(bind(step, path, mount)?),
                    None => None,
                },
                Volumes::Sent(remote) => remote.mount(&mount.volume, &mount.path, mount.access),
            };
            mounted.ok_or_else(|| {
                let cause = format!("`{}` shows no volume of the task", mount.path);
                error(step, SandboxErrorKind::Host, cause)
            })
        });
        mounts.collect()
    }

    /// The network of a container that runs: the daemon says which process is its first, and the kernel whether that is so.
    #[cfg(target_os = "linux")]
    fn network_of(&self, id: &str) -> std::io::Result<crate::network::Network> {
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let state = held::inspect(&self.host.daemon, id).map_err(std::io::Error::other)?;
        let pid = state.pid.filter(|pid| *pid > 1).ok_or_else(gone)?;
        let network = crate::network::Network::of_process(pid)?;
        // By now the number may be another one's.
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        match groups.contains(id) {
            true => Ok(network),
            false => Err(gone()),
        }
    }

    fn check_privilege(&self, step: &StepSpec) -> Result<(), SandboxError> {
        match unprivileged(step, self.host.options.privileged, "the daemon's machine") {
            Some((kind, cause)) => Err(error(step, kind, cause)),
            None => Ok(()),
        }
    }
}

impl TaskScope for Scope {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn prepare(&self, step: StepSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        step.check(BACKEND)?;
        let image = container(&step.image)?;
        self.check_privilege(&step)?;
        let capabilities = capability::granted(&step.security)
            .map_err(|cause| error(&step, SandboxErrorKind::BadGuest, cause))?;
        if let Some(cause) = impossible(&step) {
            return Err(error(&step, SandboxErrorKind::BadGuest, cause));
        }
        let mounts = self.mounts(&step)?;
        let name = self.host.image(image)?;
        let labels = self.host.owner.labels();
        let body = create::body(&step, image, &name, mounts, capabilities, labels);
        let sent = match &self.volumes {
            Volumes::Bound(_) => None,
            Volumes::Sent(remote) => {
                let seen = step.mounts.iter();
                let seen = seen.map(|mount| (Arc::clone(&mount.volume), mount.access));
                Some((Arc::clone(remote), seen.collect()))
            }
        };
        let held = Held::new(&self.host.daemon);
        self.shared.hold(&held);
        Ok(Box::new(Container {
            host: Arc::clone(&self.host),
            shared: Arc::clone(&self.shared),
            held,
            body,
            network: match step.grants.network {
                NetworkGrant::Any => Some(Network::Machine),
                _ => None,
            },
            sent,
            image: name,
            non_root: step.security.run_as_non_root,
            memory: step.resources.memory,
            name: step.name,
        }))
    }

    #[cfg(target_os = "linux")]
    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        let local = self.host.options.endpoint.is_local() && rustix::process::geteuid().is_root();
        if !local {
            return Err(Feature::Connection.refused_by(BACKEND));
        }
        let missing = |cause: std::io::Error| {
            let doing = format!("connect to port {port} of the task");
            SandboxError::new(BACKEND, doing, SandboxErrorKind::NotFound).because(cause)
        };
        let running = self.shared.running().last().cloned();
        let id = running.ok_or_else(|| missing(std::io::ErrorKind::ConnectionRefused.into()))?;
        let network = self.network_of(&id).map_err(missing)?;
        network
            .inside(|| crate::network::connect(port))
            .map_err(missing)
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        self.end()
            .map_err(|error| failed("remove the containers of a task", error))
    }
}

impl Scope {
    /// Removes all that the task has in the daemon.
    fn end(&self) -> Result<(), ApiError> {
        self.shared.ends.cancel(CancelReason::Asked);
        let held = self.shared.end();
        let mut removed: Vec<_> = held.iter().map(|held| held.remove()).collect();
        // Shells are containers of them.
        removed.extend(held.iter().map(|held| held.remove_image()));
        let volumes = match &self.volumes {
            Volumes::Bound(_) => Ok(()),
            Volumes::Sent(remote) => remote.remove(),
        };
        removed.into_iter().collect::<Result<(), _>>().and(volumes)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(?error, "something of a task is left in the daemon");
        }
    }
}

/// Shows a folder of this machine.
fn bind(
    step: &StepSpec,
    path: &Path,
    mount: &stepwell_contract::Mount,
) -> Result<Mount, SandboxError> {
    let absolute = std::path::absolute(path);
    let absolute = absolute.map_err(|cause| error(step, SandboxErrorKind::Host, cause))?;
    let source = absolute.to_str().ok_or_else(|| {
        let cause = format!("the daemon cannot be told the path `{}`", path.display());
        error(step, SandboxErrorKind::Host, cause)
    })?;
    Ok(Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_owned()),
        target: Some(mount.path.to_string()),
        read_only: Some(mount.access == Access::ReadOnly),
        ..Mount::default()
    })
}

fn error(
    step: &StepSpec,
    kind: SandboxErrorKind,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SandboxError {
    SandboxError::new(BACKEND, format!("prepare step `{}`", step.name), kind).because(cause)
}
