//! The way in: what a host decides about containers of a daemon, and the [`Backend`] that the engine drives.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stepwell_contract::{
    Backend, Capability, ContainerImage, Digest, Fingerprint, Grants, Image, Limits, Network,
    Refusal, STOP_GRACE, SandboxError, SandboxErrorKind, TaskScope, TaskSpec,
};

use super::BACKEND;
use super::daemon::{Daemon, failed};
use super::endpoint::Endpoint;
use super::image;
use super::leftovers::Owner;
use super::scope::Scope;
use crate::layers::Layers;

/// What a host decides about containers of a daemon.
#[derive(Clone)]
pub struct DockerOptions {
    /// Where the daemon is.
    pub endpoint: Endpoint,
    /// Where the archives of layers come from.
    pub layers: Arc<dyn Layers>,
    /// A folder that all processes of a user share, and that says which of them live.
    pub owners: PathBuf,
    /// A folder of this run alone, where what comes back from another machine is taken apart.
    pub scratch: PathBuf,
    /// What this run is called; containers are labelled with it.
    pub run: String,
    /// Whether a step may be privileged, should its document ask for it.
    pub privileged: bool,
    /// How long a container that was asked to stop may take.
    pub grace: Duration,
}

impl DockerOptions {
    /// The usual decisions: nothing is privileged, and a container that is asked to stop has a second to do so.
    pub fn new(
        (endpoint, run): (Endpoint, String),
        layers: Arc<dyn Layers>,
        owners: PathBuf,
        scratch: PathBuf,
    ) -> Self {
        Self {
            endpoint,
            layers,
            owners,
            scratch,
            run,
            privileged: false,
            grace: STOP_GRACE,
        }
    }
}

impl fmt::Debug for DockerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerOptions")
            .field("endpoint", &self.endpoint)
            .field("owners", &self.owners)
            .field("scratch", &self.scratch)
            .field("run", &self.run)
            .field("privileged", &self.privileged)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// Runs steps as containers of a daemon.
#[derive(Clone)]
pub struct DockerBackend(Arc<Host>);

/// What all containers of a run share.
pub(super) struct Host {
    pub(super) options: DockerOptions,
    pub(super) daemon: Arc<Daemon>,
    pub(super) owner: Owner,
    version: String,
    architecture: String,
    /// One image at a time is brought, so that none is brought twice.
    bringing: Mutex<()>,
}

impl DockerBackend {
    /// Connects to the daemon, and removes what a Stepwell that was killed has left in it.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::Host`] where nobody answers, or a folder cannot be opened.
    pub fn connect(options: DockerOptions) -> Result<Self, SandboxError> {
        let host = |doing: String| {
            |error: std::io::Error| {
                SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
            }
        };
        let daemon = Daemon::new(options.endpoint.clone())
            .map_err(host(format!("use the daemon at `{}`", options.endpoint)))?;
        let version = daemon.ask(|docker| async move { docker.version().await });
        let version = version.map_err(|error| failed("ask the daemon who it is", error))?;
        let owner = Owner::new(&options.owners, options.run.clone()).map_err(host(format!(
            "use the folder `{}`",
            options.owners.display()
        )))?;
        let swept = owner.sweep(&daemon);
        swept.map_err(|error| failed("remove what a killed run has left", error))?;
        Ok(Self(Arc::new(Host {
            options,
            daemon,
            owner,
            version: version.version.unwrap_or_default(),
            architecture: version.arch.unwrap_or_default(),
            bringing: Mutex::new(()),
        })))
    }

    /// What the daemon is, for a person.
    pub fn description(&self) -> String {
        let Host {
            version, daemon, ..
        } = &*self.0;
        let version: String = version
            .chars()
            .take(100)
            .flat_map(char::escape_debug)
            .collect();
        format!("daemon {version} at {}", daemon.endpoint())
    }
}

impl Host {
    /// What the daemon calls `image`, which it has when this returns.
    pub(super) fn image(&self, image: &ContainerImage) -> Result<String, SandboxError> {
        // Nothing is half done where another one has panicked.
        let _alone = self.bringing.lock().unwrap_or_else(PoisonError::into_inner);
        image::bring(&self.daemon, &self.options.layers, image)
    }
}

impl Backend for DockerBackend {
    fn name(&self) -> &'static str {
        BACKEND
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[]
    }

    fn fingerprint(&self) -> Fingerprint {
        let version = concat!("stepwell docker ", env!("CARGO_PKG_VERSION"));
        let text = format!("{version} {}", self.0.version);
        Fingerprint(Digest::of(text.as_bytes()))
    }

    fn admit(&self, image: &Image, grants: &Grants, _limits: &Limits) -> Result<(), SandboxError> {
        let container = container(image)?;
        let refused = |kind| SandboxError::new(BACKEND, format!("run `{}`", image.reference), kind);
        let bad = |cause: String| Err(refused(SandboxErrorKind::BadGuest).because(cause));
        let built = &container.platform;
        if built.os != "linux" || built.architecture != self.0.architecture {
            let there = &self.0.architecture;
            return bad(format!(
                "it was built for {built}, and the daemon's machine is linux/{there}"
            ));
        }
        if container.layers.is_empty() {
            return bad("it has no layer, and so no program".to_owned());
        }
        if let Network::To(hosts) = &grants.network {
            let refusals = hosts.iter().map(|host| Refusal {
                import: host.clone(),
                capability: "one host alone, which a container's network cannot be bound to"
                    .to_owned(),
                grant: Some("network=any".to_owned()),
            });
            return Err(refused(SandboxErrorKind::Refused(refusals.collect())));
        }
        self.0.image(container).map(drop)
    }

    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        Ok(Box::new(Scope::new(Arc::clone(&self.0), task)))
    }
}

/// The container image that `image` is.
pub(super) fn container(image: &Image) -> Result<&Arc<ContainerImage>, SandboxError> {
    image.as_container().ok_or_else(|| {
        let doing = format!("run `{}`", image.reference);
        SandboxError::new(BACKEND, doing, SandboxErrorKind::BadGuest)
            .because("it is a component, not a container image")
    })
}
