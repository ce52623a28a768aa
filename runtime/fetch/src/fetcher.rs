//! The front door: from a reference to the text behind it, over the cache.
//!
//! It does not know how a resolver gets its text; it decides which one is asked, and whether what the cache holds will do.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;
use stepwell_contract::ParamValue;
use stepwell_registry::{
    Http, HttpOptions, Mirror, Registry, RegistryOptions, auth::Keychain, words::quoted,
};

use crate::{
    bundle,
    cache::{Asked, Cache, CacheError},
    error::{FetchCause, FetchError, Offline},
    git,
    limits::FetchLimits,
    params::{CacheMode, Params},
    web,
};

/// Where things are and what is allowed. [`FetchOptions::new`] has a default for everything but the cache's folder.
#[derive(Clone)]
pub struct FetchOptions {
    /// The folder of the cache, of which this library is the only user. It is made, private to the user, when something
    /// is first kept in it.
    pub cache: PathBuf,
    /// Take everything from the cache and talk to nobody.
    pub offline: bool,
    /// All variables that `git` and the credential helpers of Docker are started with. [`FetchOptions::ENVIRONMENT`] lists
    /// those that are worth passing on.
    pub environment: Vec<(OsString, OsString)>,
    /// Docker's `config.json`, which says who logs in where. `None`: nobody logs in.
    pub docker_config: Option<PathBuf>,
    /// Registries, as `HOST` or `HOST:PORT`, that are spoken to without TLS. Those on this machine always are.
    pub insecure_registries: Vec<String>,
    /// What is asked before a registry, by the name of the registry.
    pub mirrors: BTreeMap<String, Vec<Mirror>>,
    /// Files of certificates (PEM) that are trusted besides those of the system.
    pub certificates: Vec<PathBuf>,
    /// What a fetch may cost.
    pub limits: FetchLimits,
    /// What time it is: says when an answer that may have changed is asked for again.
    pub now: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl FetchOptions {
    /// The variables that `git`, `ssh` and credential helpers need to do their work for this user. Nothing of this list can
    /// make `git` run another program or look at another repository.
    pub const ENVIRONMENT: [&'static str; 12] = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "TMPDIR",
        "SSH_AUTH_SOCK",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "XDG_RUNTIME_DIR",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    ];

    /// A cache in this folder, online, and nothing else allowed or known.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            cache: cache.into(),
            offline: false,
            environment: Vec::new(),
            docker_config: None,
            insecure_registries: Vec::new(),
            mirrors: BTreeMap::new(),
            certificates: Vec::new(),
            limits: FetchLimits::default(),
            now: Arc::new(SystemTime::now),
        }
    }
}

impl fmt::Debug for FetchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values of variables are none of a log's business.
        f.debug_struct("FetchOptions")
            .field("cache", &self.cache)
            .field("offline", &self.offline)
            .field("docker_config", &self.docker_config)
            .field("insecure_registries", &self.insecure_registries)
            .field("mirrors", &self.mirrors)
            .field("certificates", &self.certificates)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A reference to something that is not in the files given.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// `Task`, `Pipeline` or `StepAction`: named in messages, and where a bundle is not told its `kind`, looked for.
    pub kind: &'a str,
    /// `git`, `http` or `bundles`; others are refused.
    pub resolver: &'a str,
    /// Its params, with nothing left to substitute.
    pub params: &'a [(String, ParamValue)],
}

/// A document that was fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// What to call the text where something in it is pointed at.
    pub name: String,
    /// The text.
    pub text: String,
    /// Tekton's `refSource`: `uri`, `digest`, `entryPoint`.
    pub provenance: Value,
}

/// Something that the cache holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Which resolver it is from.
    pub resolver: String,
    /// What the resolver was asked for, by name.
    pub asked: Vec<(String, String)>,
    /// What the text is called.
    pub name: String,
    /// Where exactly it came from.
    pub provenance: Value,
    /// When.
    pub fetched: SystemTime,
    /// Whether it can never change, because a commit or a digest was asked for.
    pub pinned: bool,
    /// Bytes of the text.
    pub bytes: u64,
}

/// What was removed from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleared {
    /// How many documents.
    pub documents: usize,
    /// How many repositories, which documents were read from.
    pub repositories: usize,
}

/// For how long an answer that may have changed is taken from the cache: as long as Tekton takes it.
const LIFETIME: Duration = Duration::from_mins(5);

/// The most answers of the same place that a message names.
const SHOWN: usize = 5;

/// Fetches documents, and keeps them.
#[derive(Debug)]
pub struct Fetcher {
    options: FetchOptions,
    cache: Cache,
    /// Made when somebody is first asked.
    network: Mutex<Option<Network>>,
}

/// What it takes to ask.
#[derive(Debug, Clone)]
struct Network {
    http: Arc<Http>,
    registry: Arc<Registry>,
}

/// What one of the resolvers is asked for.
enum Request {
    Git(git::Request),
    Web(web::Request),
    Bundle(bundle::Request),
}

impl Fetcher {
    /// Touches nothing: what is needed is made when it is first needed, so that a run without references pays nothing.
    pub fn new(options: FetchOptions) -> Self {
        let cache = Cache::new(options.cache.clone(), options.limits.entries);
        Self {
            options,
            cache,
            network: Mutex::default(),
        }
    }

    /// Gets the document behind a reference. Blocks for as long as [`FetchLimits::time`] says; may be called from several
    /// threads at once.
    ///
    /// # Errors
    ///
    /// [`FetchErrorKind`](crate::FetchErrorKind) tells a mistake of the document from trouble of the environment.
    pub fn fetch(&self, wanted: &Wanted<'_>) -> Result<Fetched, FetchError> {
        self.get(wanted)
            .map_err(|cause| FetchError::new(wanted, cause))
    }

    /// What the cache holds, the newest first.
    ///
    /// # Errors
    ///
    /// When other users could write to it, or the file system refuses.
    pub fn list(&self) -> Result<Vec<Held>, CacheError> {
        self.cache.list()
    }

    /// Removes all that the cache holds, but for a repository that is in use.
    ///
    /// # Errors
    ///
    /// When other users could write to it, or the file system refuses.
    pub fn clear(&self) -> Result<Cleared, CacheError> {
        let documents = self.cache.clear()?;
        let repositories = git::clear(&self.options.cache.join("git"));
        Ok(Cleared {
            documents,
            repositories,
        })
    }

    fn get(&self, wanted: &Wanted<'_>) -> Result<Fetched, FetchCause> {
        let params = Params::of(wanted);
        let request = match wanted.resolver {
            "git" => Request::Git(git::Request::read(params)?),
            "http" => Request::Web(web::Request::read(params)?),
            "bundles" => Request::Bundle(bundle::Request::read(params, wanted.kind)?),
            other => return Err(unsupported(other)),
        };
        let mode = CacheMode::read(params)?;
        if let Request::Git(request) = &request
            && request.is_local()
        {
            // It is on this machine already, newer than any copy of it.
            return self.ask_git(request);
        }
        let asked = request.asked();
        if mode != CacheMode::Never
            && let Some(answer) = self.cache.find(&asked)?
        {
            let is_fresh = answer
                .age((self.options.now)())
                .is_some_and(|age| age < LIFETIME);
            if asked.pinned || is_fresh || self.options.offline || mode == CacheMode::Always {
                return Ok(answer.into_fetched());
            }
        }
        if self.options.offline {
            return Err(match mode {
                CacheMode::Never => Offline::Never.into(),
                CacheMode::Always | CacheMode::Auto => Offline::Missing {
                    held: self.held_of_same_place(&asked)?,
                }
                .into(),
            });
        }
        let fetched = self.ask(&request)?;
        if mode != CacheMode::Never
            && let Err(error) = self.cache.keep(asked, &fetched, (self.options.now)())
        {
            // The run can go on without it.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a fetched document is not kept"
            );
        }
        Ok(fetched)
    }

    /// What the cache has instead of what was asked: another revision, another file, another object.
    fn held_of_same_place(&self, asked: &Asked) -> Result<String, CacheError> {
        let held = self.cache.list()?;
        let others: Vec<String> = held
            .iter()
            .filter(|held| {
                held.resolver == asked.resolver && held.asked.first() == asked.params.first()
            })
            .take(SHOWN)
            .map(|held| {
                let params = held.asked.iter().skip(1);
                let params: Vec<String> = params
                    .map(|(name, value)| format!("{name} `{}`", quoted(value)))
                    .collect();
                params.join(", ")
            })
            .filter(|params| !params.is_empty())
            .collect();
        Ok(match others.as_slice() {
            [] => String::new(),
            others => format!(", but of the same place: {}", others.join("; ")),
        })
    }

    fn ask(&self, request: &Request) -> Result<Fetched, FetchCause> {
        let limits = &self.options.limits;
        let deadline = Instant::now() + limits.time;
        match request {
            Request::Git(request) => self.ask_git(request),
            Request::Web(request) => {
                let network = self.network()?;
                Ok(request.fetch(&network.http, limits.document, deadline)?)
            }
            Request::Bundle(request) => {
                let network = self.network()?;
                Ok(request.fetch(&network.registry, limits.document, deadline)?)
            }
        }
    }

    fn ask_git(&self, request: &git::Request) -> Result<Fetched, FetchCause> {
        let folder = self.cache.folder("git")?;
        Ok(request.fetch(&folder, &self.options)?)
    }

    fn network(&self) -> Result<Network, FetchCause> {
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = &*network {
            return Ok(network.clone());
        }
        let http = Http::new(&HttpOptions {
            certificates: self.options.certificates.clone(),
        });
        let http = Arc::new(http.map_err(FetchCause::SetUp)?);
        let options = RegistryOptions {
            keychain: Keychain {
                config: self.options.docker_config.clone(),
                environment: self.options.environment.clone(),
            },
            insecure: self.options.insecure_registries.clone(),
            mirrors: self.options.mirrors.clone(),
        };
        let registry = Arc::new(Registry::new(Arc::clone(&http), options));
        Ok(network.insert(Network { http, registry }).clone())
    }
}

impl Request {
    fn asked(&self) -> Asked {
        match self {
            Self::Git(request) => request.asked(),
            Self::Web(request) => request.asked(),
            Self::Bundle(request) => request.asked(),
        }
    }
}

/// Says what to write instead.
fn unsupported(resolver: &str) -> FetchCause {
    FetchCause::Unsupported {
        resolver: quoted(resolver),
        mend: match resolver {
            "hub" => {
                "use `resolver: git` with the repository that the catalog is made from, or `resolver: bundles`, or put the file beside"
            }
            "cluster" => {
                "put the file that was applied to the cluster beside, and name it without a resolver"
            }
            _ => "use `resolver: git`, `http`, `bundles` or `component`, or put the file beside",
        },
    }
}
