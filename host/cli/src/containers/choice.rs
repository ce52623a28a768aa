//! What runs containers: Stepwell itself, or a daemon; decided once, before any image is got.
//!
//! What the command line and the project say comes first. Where they say nothing it is Stepwell itself, if this user can, else a
//! daemon of this machine that answers, or one that the environment names. Nothing is tried in turn once a run has begun.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum;
use stepwell_contract::Backend;
use stepwell_registry::ImageStore;
use stepwell_sandbox_oci::docker::{DockerBackend, DockerOptions, Endpoint};
use stepwell_store::Scratch;

use super::stored::Stored;
use super::{context, embedded};
use crate::environment::Environment;
use crate::exit::{Coded, ExitCode};
use crate::images;

/// What is asked to run containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wanted {
    /// The daemon of Docker or Podman
    Docker,
    /// Stepwell itself, on Linux
    Embedded,
}

impl Wanted {
    /// As it is written in a file.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        <Self as ValueEnum>::from_str(text, false).ok()
    }
}

/// What runs containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Stepwell itself.
    Embedded,
    /// This daemon.
    Daemon(Endpoint),
    /// Nothing here can.
    Nothing,
}

/// What runs the containers of a run.
pub(crate) struct Chosen {
    /// It.
    pub(crate) backend: Arc<dyn Backend>,
    /// What a person should know of it; nothing where it is Stepwell itself.
    pub(crate) notice: Option<String>,
}

impl Choice {
    /// Decides.
    ///
    /// # Errors
    ///
    /// A daemon is wanted and none is named or found, or what names one cannot be read.
    pub(crate) fn make(wanted: Option<Wanted>, env: &Environment) -> anyhow::Result<Self> {
        match wanted {
            Some(Wanted::Embedded) => Ok(Self::Embedded),
            Some(Wanted::Docker) => find(env)?.map(Self::Daemon).with_context(|| {
                let message = "containers are to run on Docker, and no daemon is named or listens on the usual sockets: start one, or set DOCKER_HOST";
                Coded::new(ExitCode::Environment, message)
            }),
            None if embedded::obstacle().is_none() => Ok(Self::Embedded),
            // What cannot be read is not what was asked for.
            None => Ok(find(env).ok().flatten().map_or(Self::Nothing, Self::Daemon)),
        }
    }

    /// Whether there is something that runs containers.
    pub(crate) fn is_any(&self) -> bool {
        *self != Self::Nothing
    }

    /// Starts it for a run; `privileged` is whether a step may be, should its document ask for it.
    ///
    /// # Errors
    ///
    /// This machine does not let us, nobody answers, or a folder cannot be opened.
    pub(crate) fn start(
        &self,
        env: &Environment,
        scratch: &Scratch,
        (run, privileged): (&str, bool),
    ) -> anyhow::Result<Option<Chosen>> {
        let endpoint = match self {
            Self::Nothing => return Ok(None),
            Self::Embedded => {
                let backend = embedded::backend(env, scratch, privileged)?;
                let notice = None;
                return Ok(Some(Chosen { backend, notice }));
            }
            Self::Daemon(endpoint) => endpoint.clone(),
        };
        let store = ImageStore::open(&images::root(env)?)?;
        let (_, own) = scratch.folder("containers")?;
        let mut options = DockerOptions::new(
            (endpoint, run.to_owned()),
            Arc::new(Stored(store)),
            env.state_root()?.join("docker"),
            own,
        );
        options.privileged = privileged;
        let backend = DockerBackend::connect(options).with_context(|| {
            Coded::new(ExitCode::Environment, "containers cannot be run on Docker")
        })?;
        let notice = Some(format!(
            "containers run on Docker: {}",
            backend.description()
        ));
        let backend = Arc::new(backend);
        Ok(Some(Chosen { backend, notice }))
    }
}

/// The daemon that is named, else one that listens on a usual socket.
///
/// # Errors
///
/// What names one cannot be read, or names none.
pub(crate) fn find(env: &Environment) -> anyhow::Result<Option<Endpoint>> {
    if let Some(named) = context::named(env)? {
        return Ok(Some(named));
    }
    let answers = |path: &PathBuf| UnixStream::connect(path).is_ok();
    Ok(env.sockets().into_iter().find(answers).map(Endpoint::Unix))
}
