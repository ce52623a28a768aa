//! Why a document could not be fetched, and whose trouble that is.

use crate::fetcher::Wanted;

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
    #[source]
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("there is no resolver `{resolver}` here; {mend}")]
    Unsupported {
        resolver: String,
        mend: &'static str,
    },
}

impl FetchError {
    /// Whose trouble it is.
    pub fn kind(&self) -> FetchErrorKind {
        match self.cause {
            Cause::Unsupported { .. } => FetchErrorKind::Document,
        }
    }

    pub(crate) fn unsupported(wanted: &Wanted<'_>) -> Self {
        Self {
            reference: format!("the {} that `{}` names", wanted.kind, wanted.resolver),
            cause: Cause::Unsupported {
                resolver: wanted.resolver.to_owned(),
                mend: "use `resolver: git` or `resolver: bundles`, or put the file beside",
            },
        }
    }
}
