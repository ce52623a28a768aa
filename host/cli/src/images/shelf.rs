//! Images from registries, layouts and archives: the store that keeps them, and the registry that they come from.
//!
//! Introduces `stepwell-registry` to the environment; knows no protocol. Nothing is opened before an image is asked for.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use stepwell_contract::{Cancel, ImagePullPolicy, Platform};
use stepwell_registry::auth::Keychain;
use stepwell_registry::error::with_causes;
use stepwell_registry::{
    Form, Held, Http, HttpOptions, ImageStore, Local, Location, Pull, PullError, Pulled, Reference,
    Registry, RegistryOptions, Sha256, default_pull_policy,
};

use super::progress::Bar;
use crate::config::{Config, SignatureRule};
use crate::containers::{self, Choice};
use crate::environment::{self, Environment};

/// The variables that credential helpers need to do their work for this user.
const ENVIRONMENT: [&str; 6] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
];

/// Gets images.
#[derive(Debug)]
pub(crate) struct Shelf {
    root: PathBuf,
    options: RegistryOptions,
    certificates: Vec<PathBuf>,
    /// Which images have to be signed.
    rules: Vec<SignatureRule>,
    offline: bool,
    /// What would run a container; `None` where the daemon that is wanted is not there, which whoever starts it says.
    containers: Option<Choice>,
    /// The daemon that images of daemons are in.
    env: Environment,
    /// Made for the first image.
    opened: Mutex<Option<Arc<Opened>>>,
}

#[derive(Debug)]
struct Opened {
    store: ImageStore,
    registry: Registry,
}

/// Which image is wanted, and how.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    /// Where it is.
    pub(crate) location: &'a Location,
    /// For which platform.
    pub(crate) platform: &'a Platform,
    /// When it is asked for; else its tag decides.
    pub(crate) policy: Option<ImagePullPolicy>,
    /// Whether a registry may be asked at all.
    pub(crate) asks: bool,
    /// Whether a container will not do.
    pub(crate) components_only: bool,
}

/// An image that cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotHad {
    /// From where it is.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The way there cannot be set up.
    #[error("failed to set up the connection to registries")]
    SetUp(#[source] stepwell_registry::HttpError),
    /// Nobody who is trusted with it stands for it.
    #[error("`{place}` demands a signature")]
    Unsigned {
        /// Where that is said.
        place: String,
        /// Why there is none.
        #[source]
        source: Box<PullError>,
    },
    /// A key that somebody trusts cannot be read.
    #[error("failed to read a key of `[[signatures]]`")]
    Key(#[source] anyhow::Error),
    /// A daemon was asked for it.
    #[error("failed to take it out of a daemon")]
    Daemon(#[source] anyhow::Error),
}

impl NotHad {
    /// Whether the reference or the image has to be mended.
    pub(crate) fn is_reference(&self) -> bool {
        match self {
            Self::Pull(error) => error.is_reference(),
            Self::Unsigned { .. } | Self::Key(_) => true,
            Self::SetUp(_) | Self::Daemon(_) => false,
        }
    }

    /// What went wrong on one line.
    pub(crate) fn causes(&self) -> String {
        with_causes(self)
    }
}

impl Shelf {
    /// Touches nothing before an image is asked for.
    ///
    /// # Errors
    ///
    /// There is no cache folder.
    pub(crate) fn new(env: &Environment, config: &Config, offline: bool) -> anyhow::Result<Self> {
        Ok(Self {
            root: root(env)?,
            options: RegistryOptions {
                keychain: Keychain {
                    config: env.docker_config(),
                    environment: environment::for_children(&ENVIRONMENT),
                },
                insecure: config.insecure.clone(),
                mirrors: config.mirrors.clone(),
            },
            certificates: config.certificates.clone(),
            rules: config.signatures.clone(),
            offline,
            containers: Choice::make(config.container, env).ok(),
            env: env.clone(),
            opened: Mutex::default(),
        })
    }

    /// Whether nothing is asked of anybody.
    pub(crate) fn is_offline(&self) -> bool {
        self.offline
    }

    /// Whether there is something that runs containers.
    pub(crate) fn runs_containers(&self) -> bool {
        self.containers.as_ref().is_none_or(Choice::is_any)
    }

    /// Gets an image, and shows on a terminal how that is going.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    pub(crate) fn get(&self, wanted: &Wanted<'_>, cancel: &Cancel) -> Result<Pulled, NotHad> {
        let opened = self.opened()?;
        let shows = io::stderr().is_terminal();
        match wanted.location {
            Location::Registry(reference) => {
                let bar = Bar::new(&reference.to_string(), shows);
                let offline = self.offline || !wanted.asks;
                let pulled = opened.pull(reference, wanted, offline, &bar, cancel)?;
                self.check_signature(&opened, (reference, pulled.digest), offline)?;
                Ok(pulled)
            }
            Location::Local(local) => {
                let bar = Bar::new(&local.path.display().to_string(), shows);
                opened.import(local, wanted, &bar, cancel)
            }
            Location::DockerDaemon(name) => {
                let shown = wanted.location.to_string();
                let bar = Bar::new(&shown, shows);
                let file = self.saved(name).map_err(NotHad::Daemon)?;
                let local = Local {
                    form: Form::DockerArchive,
                    path: file.0.clone(),
                    image: None,
                };
                let how = (wanted.platform, wanted.components_only);
                let store = &opened.store;
                Ok(store.import_as(&local, Some(&shown), how, &bar, cancel)?)
            }
        }
    }

    /// Whether somebody stands for an image, where the project demands that.
    fn check_signature(
        &self,
        opened: &Opened,
        image: (&Reference, Sha256),
        offline: bool,
    ) -> Result<(), NotHad> {
        let Some(rule) = self.rules.iter().find(|rule| rule.covers(image.0)) else {
            return Ok(());
        };
        let keys = rule.trusted().map_err(NotHad::Key)?;
        let Opened { store, registry } = opened;
        let checked = store.check_signature(registry, image, &keys, !offline);
        checked.map_err(|error| match error {
            PullError::Unsigned { .. } => NotHad::Unsigned {
                place: rule.place.clone(),
                source: Box::new(error),
            },
            error => error.into(),
        })
    }

    /// The archive that a daemon makes of an image: of the one that runs containers, else of the one that is there.
    fn saved(&self, name: &str) -> anyhow::Result<Saved> {
        let endpoint = match &self.containers {
            Some(Choice::Daemon(endpoint)) => Some(endpoint.clone()),
            _ => containers::find(&self.env)?,
        };
        let endpoint = endpoint.context("no daemon is named or listens on the usual sockets")?;
        let path = self
            .root
            .join(format!("daemon-{}.part", std::process::id()));
        let mut file =
            File::create(&path).with_context(|| format!("failed to write `{}`", path.display()))?;
        let saved = Saved(path);
        stepwell_sandbox_oci::docker::save(&endpoint, name, &mut file)?;
        Ok(saved)
    }

    /// What an image of a registry was when it was last looked up. Nobody is asked, and nothing is made.
    pub(crate) fn known(&self, location: &Location, platform: &Platform) -> Option<Held> {
        let Location::Registry(reference) = location else {
            return None;
        };
        if !self.root.is_dir() {
            return None;
        }
        let opened = self.opened().ok()?;
        opened
            .store
            .known(&reference.to_string(), &platform.to_string())
    }

    /// The registries that images come from.
    ///
    /// # Errors
    ///
    /// The way there cannot be set up.
    pub(crate) fn registry(&self) -> Result<impl std::ops::Deref<Target = Registry>, NotHad> {
        Ok(Registries(self.opened()?))
    }

    fn opened(&self) -> Result<Arc<Opened>, NotHad> {
        // Whoever panicked has left it closed or open, and nothing in between.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*opened {
            return Ok(Arc::clone(opened));
        }
        let store = ImageStore::open(&self.root).map_err(PullError::from)?;
        let http = Http::new(&HttpOptions {
            certificates: self.certificates.clone(),
        });
        let http = Arc::new(http.map_err(NotHad::SetUp)?);
        let registry = Registry::new(http, self.options.clone());
        let new = Arc::new(Opened { store, registry });
        *opened = Some(Arc::clone(&new));
        Ok(new)
    }
}

/// The registries of what was opened, which stays open as long as they are used.
struct Registries(Arc<Opened>);

impl std::ops::Deref for Registries {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.0.registry
    }
}

/// A file that goes away when it is dropped.
struct Saved(PathBuf);

impl Drop for Saved {
    fn drop(&mut self) {
        // What is left of it is written over by the next process of this number.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Opened {
    fn pull(
        &self,
        reference: &Reference,
        wanted: &Wanted<'_>,
        offline: bool,
        bar: &Bar,
        cancel: &Cancel,
    ) -> Result<Pulled, NotHad> {
        let default = || default_pull_policy(reference);
        let pull = Pull {
            reference,
            platform: wanted.platform,
            policy: wanted.policy.unwrap_or_else(default),
            components_only: wanted.components_only,
            offline,
        };
        Ok(self.store.pull(&self.registry, &pull, bar, cancel)?)
    }

    fn import(
        &self,
        local: &Local,
        wanted: &Wanted<'_>,
        bar: &Bar,
        cancel: &Cancel,
    ) -> Result<Pulled, NotHad> {
        let how = (wanted.platform, wanted.components_only);
        Ok(self.store.import(local, how, bar, cancel)?)
    }
}

/// Where images are kept.
///
/// # Errors
///
/// There is no cache folder.
pub(crate) fn root(env: &Environment) -> anyhow::Result<PathBuf> {
    Ok(env.store_root()?.join("images"))
}
