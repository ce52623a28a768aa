//! Gets the documents that others refer to, before a run and during it.
//!
//! Introduces `stepwell-fetch` and the makers of Tasks from components to the environment and to the engine; knows no
//! protocol.

use std::sync::Arc;

use stepwell_engine::{Fetch, Fetched};
use stepwell_fetch::{FetchErrorKind, FetchOptions, Fetcher, Wanted};
use stepwell_spec::{COMPONENT_RESOLVER, RemoteRef, SpecProblem};

use crate::config::Config;
use crate::environment::{self, Environment};
use crate::exit::ExitCode;
use crate::images::{Described, Finder, Shelf};
use crate::inputs::Texts;
use crate::plugin::Components;

/// Fetches documents, and keeps them.
pub(crate) struct Remotes {
    fetcher: Fetcher,
    offline: bool,
    components: Components,
}

/// A document that could not be fetched.
#[derive(Debug)]
pub(crate) struct NotFetched {
    /// What to tell the author.
    pub(crate) problem: SpecProblem,
    /// Whose trouble it is.
    pub(crate) code: ExitCode,
}

impl Remotes {
    /// Touches nothing before something is fetched. References stand in `texts`, or in what is fetched.
    ///
    /// # Errors
    ///
    /// There is no cache folder.
    pub(crate) fn new(
        env: &Environment,
        config: &Config,
        texts: &Texts,
        offline: bool,
    ) -> anyhow::Result<Self> {
        let shelf = Shelf::new(env, config, offline)?;
        let finder =
            Finder::new(texts, config.substitutions.clone()).with(shelf, config.lock.clone());
        let mut options = options(env)?;
        options.offline = offline;
        options.environment = environment::for_children(&FetchOptions::ENVIRONMENT);
        options.docker_config = env.docker_config();
        options.insecure_registries.clone_from(&config.insecure);
        options.mirrors.clone_from(&config.mirrors);
        options.certificates.clone_from(&config.certificates);
        Ok(Self {
            fetcher: Fetcher::new(options),
            offline,
            components: Components::new(finder, env),
        })
    }

    /// The components that Tasks were made of, for whoever runs them.
    pub(crate) fn described(&self) -> Arc<Described> {
        self.components.described()
    }

    /// The document behind a reference, before a run. Blocks.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    pub(crate) fn get(&self, reference: &RemoteRef) -> Result<Fetched, Box<NotFetched>> {
        if reference.resolver == COMPONENT_RESOLVER {
            let made = self.components.task(reference, true);
            return made.map_err(|unmade| {
                Box::new(NotFetched {
                    problem: SpecProblem::not_fetched(reference, &unmade.why, &unmade.help),
                    code: unmade.code,
                })
            });
        }
        self.ask(reference).map_err(|error| {
            let (code, help) = match error.kind() {
                FetchErrorKind::Document => (
                    ExitCode::DocumentInvalid,
                    "look at the params of the reference",
                ),
                _ if self.offline => (
                    ExitCode::Environment,
                    "`stepwell fetched list` shows what the cache holds",
                ),
                _ => (
                    ExitCode::Environment,
                    "look at the connection, and at whether you may read it",
                ),
            };
            Box::new(NotFetched {
                problem: SpecProblem::not_fetched(reference, &causes(&error), help),
                code,
            })
        })
    }

    fn ask(&self, reference: &RemoteRef) -> Result<Fetched, stepwell_fetch::FetchError> {
        let fetched = self.fetcher.fetch(&Wanted {
            kind: reference.kind.as_str(),
            resolver: &reference.resolver,
            params: &reference.params,
        })?;
        Ok(Fetched {
            name: fetched.name,
            text: fetched.text,
            provenance: Arc::new(fetched.provenance),
        })
    }
}

impl Fetch for Remotes {
    fn fetch(&self, reference: &RemoteRef) -> Result<Fetched, String> {
        if reference.resolver == COMPONENT_RESOLVER {
            // A name that a step has made up would tell a registry what the step knows.
            let made = self.components.task(reference, false);
            return made.map_err(|unmade| unmade.why);
        }
        self.ask(reference).map_err(|error| causes(&error))
    }
}

/// Where fetched documents are kept, and nothing else that a user could set.
///
/// # Errors
///
/// There is no cache folder.
pub(crate) fn options(env: &Environment) -> anyhow::Result<FetchOptions> {
    Ok(FetchOptions::new(env.store_root()?.join("documents")))
}

/// What went wrong on one line. The outermost sentence only says that something was to be fetched, which is said anyway.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    match causes.is_empty() {
        true => error.to_string(),
        false => causes.join(": "),
    }
}
