//! Why something could not be pulled or pushed, and whose trouble that is.

use crate::{auth::KeychainError, http::HttpError, sha256::Sha256, words::quoted};

/// What somebody may do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Power {
    /// Pull from it.
    Read,
    /// Push to it.
    Write,
    /// See which repositories the whole registry has.
    List,
}

impl std::fmt::Display for Power {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write to",
            Self::List => "list the repositories beside",
        })
    }
}

/// A registry did not hand out what was asked for, or did not take what was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No answer, or none that can be taken.
    #[error("failed to ask the registry `{registry}`")]
    Http {
        /// Which registry.
        registry: String,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// Who we are cannot be looked up.
    #[error("failed to log in to `{registry}`")]
    Keychain {
        /// Which registry.
        registry: String,
        /// Why.
        #[source]
        source: KeychainError,
    },
    /// There is none of that name, or nobody may know.
    #[error("there is no `{0}`")]
    NotFound(String),
    /// It wants a login, or another one.
    #[error(
        "`{registry}` does not let us {to} `{repository}` {with}; log in with `docker login {registry}`"
    )]
    Denied {
        /// Which registry.
        registry: String,
        /// What we wanted to do: completes "let us …".
        to: Power,
        /// What in it.
        repository: String,
        /// With a login or without one.
        with: &'static str,
    },
    /// It sends us to a place for tokens where a login could be read on the way.
    #[error("`{registry}` wants the login sent to `{realm}`, which is not encrypted")]
    Realm {
        /// Which registry.
        registry: String,
        /// The place for tokens.
        realm: String,
    },
    /// It says something that cannot be worked with.
    #[error("`{registry}` answered with {status}{said}")]
    Answer {
        /// Which registry.
        registry: String,
        /// HTTP's number.
        status: u16,
        /// What it says about it, from a `:` on.
        said: String,
    },
    /// Neither the mirrors nor the registry have it.
    #[error("failed to pull `{reference}`, from its mirrors either ({mirrors})")]
    Mirrors {
        /// What was asked for.
        reference: String,
        /// What the mirrors said.
        mirrors: String,
        /// What the registry said.
        #[source]
        source: Box<RegistryError>,
    },
    /// It takes no uploads in the way that is written down.
    #[error("`{registry}` does not say where to send what is pushed to `{repository}`")]
    NoUpload {
        /// Which registry.
        registry: String,
        /// What in it.
        repository: String,
    },
    /// What is pushed has to have a name.
    #[error("`{0}` names what it is by its digest; a push needs a tag")]
    NoTag(String),
    /// What it says about itself cannot be read.
    #[error("`{registry}` answered with a {what} that is malformed")]
    Malformed {
        /// Which registry.
        registry: String,
        /// What was expected.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// There is more of something than anybody needs.
    #[error("`{registry}` has more than {most} {what}")]
    TooMany {
        /// Which registry.
        registry: String,
        /// Of what.
        what: &'static str,
        /// How many are taken.
        most: usize,
    },
    /// A blob is not what was asked for.
    #[error("`{registry}` sent something else for `{wanted}`")]
    Blob {
        /// Which registry.
        registry: String,
        /// What was asked for.
        wanted: Sha256,
    },
    /// What came is not what was asked for.
    #[error("`{registry}` sent something else for `{wanted}`: it has the digest `{found}`")]
    Digest {
        /// Which registry.
        registry: String,
        /// What was asked for.
        wanted: Sha256,
        /// What came.
        found: Sha256,
    },
}

impl RegistryError {
    /// Whether what was asked for is not there: the mistake of whoever wrote the reference. All else may mend itself.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::NotFound(_) => true,
            Self::Mirrors { source, .. } => source.is_not_found(),
            _ => false,
        }
    }

    /// Whether nothing was wrong with the other side: somebody wants to stop, or what came could not be kept.
    pub(crate) fn is_ours(&self) -> bool {
        let source = match self {
            Self::Http { source, .. } => source,
            _ => return false,
        };
        matches!(source, HttpError::Cancelled | HttpError::Keep { .. })
    }
}

/// What a registry says went wrong, as the end of a sentence; empty where it says nothing of use.
pub(crate) fn said(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        errors: Vec<Message>,
    }
    #[derive(serde::Deserialize)]
    struct Message {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    serde_json::from_slice::<Said>(body)
        .ok()
        .and_then(|said| said.errors.into_iter().next())
        .map(|first| format!(": {}", quoted(&format!("{} {}", first.code, first.message))))
        .unwrap_or_default()
}

/// An error and what is behind it, on one line.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |cause| cause.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}
