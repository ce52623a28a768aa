//! The way in: what a host decides about containers, and the [`Backend`] that the engine drives.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use stepwell_contract::{
    Backend, Capability, ContainerImage, Digest, Fingerprint, Grants, Image, Limits, Network,
    Platform, Refusal, STOP_GRACE, SandboxError, SandboxErrorKind, TaskScope, TaskSpec,
};

use crate::BACKEND;
use crate::embedded::cgroup::Groups;
use crate::embedded::disk::Disk;
use crate::embedded::rootless;
use crate::embedded::scope::Scope;
use crate::layers::{LayerFolder, Layers};

/// The program that becomes a container's first process: the host's own binary.
#[derive(Debug, Clone)]
pub struct InitProgram {
    /// The program to start.
    pub program: PathBuf,
    /// What makes it call [`container_init`](crate::container_init) before it does anything else.
    pub args: Vec<OsString>,
}

/// What a host decides about its containers.
#[derive(Clone)]
pub struct OciOptions {
    /// Where layers are unpacked; shared by all processes of a user.
    pub unpacked: PathBuf,
    /// A folder of this run alone, which is removed with the run.
    pub scratch: PathBuf,
    /// Where the archives of layers come from.
    pub layers: Arc<dyn Layers>,
    /// What a container begins as.
    pub init: InitProgram,
    /// Whether a step may be privileged, should its document ask for it.
    pub privileged: bool,
    /// How long a container that was asked to stop may take.
    pub grace: Duration,
    /// What the disk of `scratch` has left, in bytes, when containers that run on it are ended; `None` for 512 MiB, or half
    /// of what it has left now, if that is less.
    pub disk_floor: Option<u64>,
}

impl OciOptions {
    /// The usual decisions: nothing is privileged, and a container that is asked to stop has a second to do so.
    pub fn new(
        unpacked: PathBuf,
        scratch: PathBuf,
        layers: Arc<dyn Layers>,
        init: InitProgram,
    ) -> Self {
        Self {
            unpacked,
            scratch,
            layers,
            init,
            privileged: false,
            grace: STOP_GRACE,
            disk_floor: None,
        }
    }
}

impl fmt::Debug for OciOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OciOptions")
            .field("unpacked", &self.unpacked)
            .field("scratch", &self.scratch)
            .field("init", &self.init)
            .field("privileged", &self.privileged)
            .field("grace", &self.grace)
            .field("disk_floor", &self.disk_floor)
            .finish_non_exhaustive()
    }
}

/// Runs steps as containers of this machine's kernel, with no daemon.
#[derive(Clone)]
pub struct OciBackend(Arc<Host>);

/// What all containers of a run share.
pub(crate) struct Host {
    pub(crate) options: Arc<OciOptions>,
    pub(crate) layers: LayerFolder,
    pub(crate) groups: Groups,
    pub(crate) scratch: Arc<Dir>,
    pub(crate) disk: Arc<Disk>,
}

impl OciBackend {
    /// A backend with these decisions. Removes control groups that a killed Stepwell left.
    ///
    /// # Errors
    ///
    /// [`SandboxErrorKind::Host`] where this machine does not let us make containers, or a folder cannot be opened.
    pub fn new(options: OciOptions) -> Result<Self, SandboxError> {
        if let Some(obstacle) = rootless::obstacle() {
            let kind = SandboxErrorKind::Host;
            return Err(SandboxError::new(BACKEND, "make containers", kind).because(obstacle));
        }
        let layers = LayerFolder::open(&options.unpacked, Arc::clone(&options.layers))?;
        let scratch =
            Dir::open_ambient_dir(&options.scratch, ambient_authority()).map_err(|error| {
                let doing = format!("open the scratch folder `{}`", options.scratch.display());
                SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
            })?;
        let scratch = Arc::new(scratch);
        let disk = Disk::new(Arc::clone(&scratch), options.disk_floor).map_err(|error| {
            let doing = "ask the disk of the scratch folder what is left of it";
            SandboxError::new(BACKEND, doing, SandboxErrorKind::Host).because(error)
        })?;
        Ok(Self(Arc::new(Host {
            options: Arc::new(options),
            layers,
            groups: Groups::find(),
            scratch,
            disk: Arc::new(disk),
        })))
    }
}

impl Backend for OciBackend {
    fn name(&self) -> &'static str {
        BACKEND
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[]
    }

    fn fingerprint(&self) -> Fingerprint {
        let version = concat!("stepwell container ", env!("CARGO_PKG_VERSION"));
        Fingerprint(Digest::of(version.as_bytes()))
    }

    fn admit(&self, image: &Image, grants: &Grants, _limits: &Limits) -> Result<(), SandboxError> {
        let container = container(image)?;
        let bad = |cause: String| {
            let doing = format!("run `{}`", image.reference);
            SandboxError::new(BACKEND, doing, SandboxErrorKind::BadGuest).because(cause)
        };
        let (host, built) = (Platform::host(), &container.platform);
        if (&host.os, &host.architecture) != (&built.os, &built.architecture) {
            return Err(bad(format!(
                "it was built for {built}, and this machine is {host}"
            )));
        }
        if container.layers.is_empty() {
            return Err(bad("it has no layer, and so no program".to_owned()));
        }
        if let Network::To(hosts) = &grants.network {
            let refusals = hosts.iter().map(|host| Refusal {
                import: host.clone(),
                capability: "one host alone, which a container's network cannot be bound to"
                    .to_owned(),
                grant: Some("network=any".to_owned()),
            });
            let kind = SandboxErrorKind::Refused(refusals.collect());
            return Err(SandboxError::new(
                BACKEND,
                format!("run `{}`", image.reference),
                kind,
            ));
        }
        for layer in &container.layers {
            self.0.layers.path(layer)?;
        }
        Ok(())
    }

    fn open_task(&self, task: &TaskSpec) -> Result<Box<dyn TaskScope>, SandboxError> {
        Ok(Box::new(Scope::new(Arc::clone(&self.0), task)))
    }
}

/// The container image that `image` is.
pub(crate) fn container(image: &Image) -> Result<&Arc<ContainerImage>, SandboxError> {
    image.as_container().ok_or_else(|| {
        let doing = format!("run `{}`", image.reference);
        SandboxError::new(BACKEND, doing, SandboxErrorKind::BadGuest)
            .because("it is a component, not a container image")
    })
}
