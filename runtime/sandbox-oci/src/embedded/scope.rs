//! What the steps of one task share, and how a step's description becomes a container that can be run.
//!
//! Nothing of the guest has run when a container is prepared, and no process has been started: a folder was made, and
//! everything that could contradict itself was looked at.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use stepwell_contract::check::check_proxy;
use stepwell_contract::power::ProxyHandler;
use stepwell_contract::{
    Access, Feature, Mount, Network as NetworkGrant, Sandbox, SandboxError, SandboxErrorKind,
    StepSpec, TaskScope, TaskSpec,
};

use crate::BACKEND;
use crate::capability;
use crate::embedded::backend::{Host, container};
use crate::embedded::proxy::Proxy;
use crate::embedded::request::{Identity, Purpose, Request, VolumeMount};
use crate::embedded::rootless::{self, Ground};
use crate::embedded::run::Container;
use crate::embedded::signal::stop_signal;
use crate::embedded::site::{Life, Occupancy, Site};
use crate::embedded::step_folder::StepFolder;
use crate::network::{self, Network};
use crate::step_check::{can_be_mounted, impossible, unprivileged};

/// What the steps of one task share: its volumes and its network.
pub(crate) struct Scope {
    host: Arc<Host>,
    volumes: HashMap<Arc<str>, Arc<Dir>>,
    /// Made for the first step that has no other.
    network: Mutex<Option<Arc<Network>>>,
    /// Made for the first step, where we are not root.
    ground: Mutex<Option<Arc<Ground>>>,
    /// Whether a step of it is in the machine's network.
    is_on_host: AtomicBool,
    proxies: Mutex<Vec<Proxy>>,
    occupancy: Arc<Occupancy>,
}

impl Scope {
    pub(crate) fn new(host: Arc<Host>, task: &TaskSpec) -> Self {
        let volumes = task.volumes.iter();
        Self {
            host,
            volumes: volumes
                .map(|volume| (Arc::clone(&volume.name), Arc::clone(&volume.dir)))
                .collect(),
            network: Mutex::new(None),
            ground: Mutex::new(None),
            is_on_host: AtomicBool::new(false),
            proxies: Mutex::default(),
            occupancy: Arc::default(),
        }
    }

    fn proxies(&self) -> MutexGuard<'_, Vec<Proxy>> {
        // Each is there or not.
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn network(&self) -> std::io::Result<Arc<Network>> {
        // It is there or it is not.
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        match &*network {
            Some(network) => Ok(Arc::clone(network)),
            None => Ok(Arc::clone(network.insert(Arc::new(Network::new()?)))),
        }
    }

    /// What containers are made in where we are not root.
    fn ground(&self) -> std::io::Result<Option<Arc<Ground>>> {
        if !rootless::is_rootless() {
            return Ok(None);
        }
        // It is there or it is not.
        let mut ground = self.ground.lock().unwrap_or_else(PoisonError::into_inner);
        match &*ground {
            Some(ground) => Ok(Some(Arc::clone(ground))),
            None => {
                let made = Arc::new(Ground::make(&self.host.options.init)?);
                Ok(Some(Arc::clone(ground.insert(made))))
            }
        }
    }

    /// The volumes of a step, each after those that it is mounted in.
    fn volumes(&self, step: &StepSpec) -> Result<(Vec<VolumeMount>, Vec<Arc<Dir>>), SandboxError> {
        let mut mounts: Vec<&Mount> = step.mounts.iter().collect();
        mounts.sort_by_key(|mount| mount.path.split('/').count());
        let mut places = Vec::with_capacity(mounts.len());
        let mut dirs = Vec::with_capacity(mounts.len());
        for mount in mounts {
            let dir = self.volumes.get(&mount.volume).ok_or_else(|| {
                let cause = format!("`{}` shows no volume of the task", mount.path);
                error(step, SandboxErrorKind::Host, cause)
            })?;
            if !can_be_mounted(&mount.path) {
                let cause = format!("no volume can be mounted at `{}`", mount.path);
                return Err(error(step, SandboxErrorKind::BadGuest, cause));
            }
            places.push(VolumeMount {
                source: PathBuf::from(format!(
                    "/proc/{}/fd/{}",
                    std::process::id(),
                    dir.as_raw_fd()
                )),
                target: mount.path.to_string(),
                read_only: mount.access == Access::ReadOnly,
            });
            dirs.push(Arc::clone(dir));
        }
        Ok((places, dirs))
    }

    /// The names of the task's proxies.
    fn hosts(&self, step: &StepSpec) -> Result<Vec<String>, SandboxError> {
        let proxies = self.proxies();
        if step.grants.network == NetworkGrant::Any && !proxies.is_empty() {
            let kind = SandboxErrorKind::Unsupported(Feature::Proxy);
            let cause = "it is in the machine's network, where every process would reach the task's proxies: a step with \
                `network=any` has none";
            return Err(error(step, kind, cause));
        }
        Ok(proxies
            .iter()
            .map(|proxy| proxy.name().to_owned())
            .collect())
    }

    fn check_privilege(&self, step: &StepSpec) -> Result<(), SandboxError> {
        if rootless::is_rootless() {
            let refusals = rootless::refusals(&step.security);
            if !refusals.is_empty() {
                let words: Vec<_> = refusals
                    .iter()
                    .map(|refusal| format!("`{}` is {}", refusal.import, refusal.capability))
                    .collect();
                let kind = SandboxErrorKind::Refused(refusals);
                return Err(error(step, kind, words.join("; ")));
            }
        }
        match unprivileged(step, self.host.options.privileged, "this machine") {
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
        let image = Arc::clone(container(&step.image)?);
        self.check_privilege(&step)?;
        let host = |cause: std::io::Error| error(&step, SandboxErrorKind::Host, cause);
        let capabilities = capability::granted(&step.security)
            .map_err(|cause| error(&step, SandboxErrorKind::BadGuest, cause))?;
        if let Some(cause) = impossible(&step) {
            return Err(error(&step, SandboxErrorKind::BadGuest, cause));
        }
        let (volumes, dirs) = self.volumes(&step)?;
        let layers: Result<Vec<_>, _> = image
            .layers
            .iter()
            .map(|layer| self.host.layers.path(layer))
            .collect();
        let layers = layers?;
        let hosts = self.hosts(&step)?;
        let any = step.grants.network == NetworkGrant::Any;
        let ground = self.ground().map_err(host)?;
        if any {
            self.is_on_host.store(true, Ordering::Relaxed);
        }
        let network = match any || ground.is_some() {
            true => None,
            false => Some(self.network().map_err(host)?),
        };
        // Without a resolver of its own a container asks the one that it is told of.
        let resolv_conf = any.then(|| fs::read_to_string("/etc/resolv.conf").unwrap_or_default());
        let options = &self.host.options;
        let folder =
            StepFolder::new(&self.host.scratch, &options.scratch, &layers).map_err(host)?;
        let security = &step.security;
        let request = Request {
            folder: folder.path().to_owned(),
            layers: layers.len(),
            volumes,
            purpose: Purpose::Program,
            argv: step.argv,
            env: step.env,
            working_dir: step.working_dir.to_string(),
            identity: Identity {
                image_user: image.user.clone(),
                user: security.run_as_user,
                group: security.run_as_group,
                groups: security.groups.clone(),
                non_root: security.run_as_non_root,
            },
            capabilities,
            no_new_privileges: !security.privileged
                && security.allow_privilege_escalation != Some(true),
            read_only_root: security.read_only_root == Some(true),
            privileged: security.privileged,
            hosts,
            resolv_conf,
            joined: ground.as_ref().map(|ground| ground.joined(!any)),
        };
        let site = Arc::new(Site {
            name: step.name,
            options: Arc::clone(options),
            groups: self.host.groups.clone(),
            request,
            folder: Mutex::new(Some(folder)),
            network,
            ground,
            volumes: dirs,
            resources: step.resources,
            disk: Arc::clone(&self.host.disk),
            stop: stop_signal(image.stop_signal.as_deref()),
            occupancy: Arc::clone(&self.occupancy),
            life: Mutex::new(Life::Prepared),
            changed: Condvar::new(),
        });
        self.occupancy.settle(&site);
        Ok(Box::new(Container(site)))
    }

    fn attach_proxy(
        &self,
        name: &str,
        handler: Arc<dyn ProxyHandler>,
    ) -> Result<String, SandboxError> {
        let mut proxies = self.proxies();
        check_proxy(BACKEND, name, proxies.iter().map(Proxy::name))?;
        let listening = self.ground().and_then(|ground| match ground {
            Some(ground) => ground.listen(&self.host.options.init),
            None => self.network()?.inside(network::listen),
        });
        let attached = listening.and_then(|listener| Proxy::serve(name, listener, handler));
        let proxy = attached.map_err(|error| {
            let doing = format!("attach the proxy `{name}`");
            SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
        })?;
        let address = proxy.address();
        proxies.push(proxy);
        Ok(address)
    }

    fn connect(&self, port: u16) -> Result<TcpStream, SandboxError> {
        let connected = self.ground().and_then(|ground| match ground {
            Some(ground) => ground.connect(&self.host.options.init, port),
            None => self.network()?.inside(|| network::connect(port)),
        });
        // The loopback that steps share in the machine's network is the machine's.
        let connected = match connected {
            Err(_) if self.is_on_host.load(Ordering::Relaxed) => network::connect(port),
            connected => connected,
        };
        connected.map_err(|error| {
            let kind = match error.kind() {
                ErrorKind::ConnectionRefused
                | ErrorKind::TimedOut
                | ErrorKind::AddrNotAvailable => SandboxErrorKind::NotFound,
                _ => SandboxErrorKind::Host,
            };
            SandboxError::new(BACKEND, format!("connect to port {port}"), kind).because(error)
        })
    }

    fn close(self: Box<Self>) -> Result<(), SandboxError> {
        // A network is gone with its last handle, a proxy with the scope; everything else belongs to a step.
        self.occupancy.end().map_err(|error| {
            SandboxError::new(BACKEND, "clean up after the task", SandboxErrorKind::Host)
                .because(error)
        })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Err(error) = self.occupancy.end() {
            tracing::warn!(?error, "what a step left is left behind");
        }
    }
}

fn error(
    step: &StepSpec,
    kind: SandboxErrorKind,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SandboxError {
    SandboxError::new(BACKEND, format!("prepare step `{}`", step.name), kind).because(cause)
}
