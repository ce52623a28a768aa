//! Why a document could not be fetched, and whose trouble that is.
//!
//! It does not know where in which file the reference stands: whoever asked does.

use stepwell_contract::ParamType;
use stepwell_registry::{ReferenceError, RegistryError, http::HttpError, words::quoted};

use crate::{
    bundle::BundleError, cache::CacheError, fetcher::Wanted, git::GitError, params::label,
    web::WebError,
};

/// Whose trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// The document asks for something that does not exist, is malformed, or cannot be had here whatever the network does.
    Document,
    /// The document may be fine: a program is missing, a server does not answer, a login is refused, the disk is full.
    Environment,
}

/// A document could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("failed to fetch {reference}")]
pub struct FetchError {
    /// What was asked for, as a person would say it.
    reference: String,
    /// Why.
    #[source]
    cause: Box<FetchCause>,
}

impl FetchError {
    pub(crate) fn new(wanted: &Wanted<'_>, cause: FetchCause) -> Self {
        Self {
            reference: label(wanted),
            cause: Box::new(cause),
        }
    }

    /// Whose trouble it is.
    pub fn kind(&self) -> FetchErrorKind {
        let is_document = match &*self.cause {
            FetchCause::Unsupported { .. }
            | FetchCause::Param(_)
            | FetchCause::Offline(Offline::Never) => true,
            FetchCause::Offline(_) | FetchCause::Cache(_) | FetchCause::SetUp(_) => false,
            FetchCause::Git(error) => error.is_document(),
            FetchCause::Web(error) => error.is_document(),
            FetchCause::Bundle(error) => error.is_document(),
        };
        if is_document {
            FetchErrorKind::Document
        } else {
            FetchErrorKind::Environment
        }
    }

    /// What was asked for: a kind, a resolver and its params.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Why it could not be had.
    pub fn cause(&self) -> &FetchCause {
        &self.cause
    }
}

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchCause {
    /// There is no such resolver here.
    #[error("there is no resolver `{resolver}` outside of a cluster; {mend}")]
    Unsupported {
        /// Its name.
        resolver: String,
        /// What to write instead.
        mend: &'static str,
    },
    /// The params are not what the resolver needs.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// Nobody may be asked, and the cache does not help.
    #[error(transparent)]
    Offline(#[from] Offline),
    /// The cache does not work.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// HTTP cannot be spoken at all.
    #[error("failed to get ready for the network")]
    SetUp(#[source] HttpError),
    /// The resolver `git`.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The resolver `http`.
    #[error(transparent)]
    Web(#[from] WebError),
    /// The resolver `bundles`.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// A reference cannot be had without asking somebody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Offline {
    /// It was never got.
    #[error("the cache does not hold it{held}; run once without `--offline` to get it")]
    Missing {
        /// What it holds of the same place, as the end of a clause; empty where that is nothing.
        held: String,
    },
    /// The document keeps it out of the cache.
    #[error(
        "the param `cache` is `never`, so it cannot come from the cache; remove it, or run without `--offline`"
    )]
    Never,
}

/// A param of a reference is not what its resolver needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// It has to be there.
    #[error("the param `{0}` is missing")]
    Missing(&'static str),
    /// It has to be a string.
    #[error("the param `{name}` is an {found}; it has to be a string")]
    Type {
        /// Which param.
        name: &'static str,
        /// What it is.
        found: ParamType,
    },
    /// It says something that cannot be.
    #[error("the param `{name}` is `{value}`, which will not do: {why}")]
    Bad {
        /// Which param.
        name: &'static str,
        /// What it is.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is no reference to an artifact.
    #[error("the param `{name}` is `{value}`, which names no artifact")]
    Reference {
        /// Which param.
        name: &'static str,
        /// What it is.
        value: String,
        /// What is wrong with it.
        #[source]
        source: ReferenceError,
    },
    /// Two that exclude each other.
    #[error("the params `{0}` and `{1}` exclude each other")]
    Both(&'static str, &'static str),
    /// It names a Secret of a cluster.
    #[error(
        "the param `{0}` names a Secret of a cluster, and there is no cluster here; download the document and put it beside"
    )]
    Secret(&'static str),
}

impl ParamError {
    pub(crate) fn bad(name: &'static str, value: &str, why: &'static str) -> Self {
        Self::Bad {
            name,
            value: quoted(value),
            why,
        }
    }
}

/// Whether it is the author's mistake that HTTP does not work.
pub(crate) fn is_bad_url(error: &HttpError) -> bool {
    matches!(
        error,
        HttpError::Url { .. } | HttpError::Login { .. } | HttpError::TooLarge { .. }
    )
}

/// Whether it is the author's mistake that a registry does not hand something out.
pub(crate) fn is_bad_reference(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::NotFound(_)
            | RegistryError::Http {
                source: HttpError::TooLarge { .. },
                ..
            }
    )
}
