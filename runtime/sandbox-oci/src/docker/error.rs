//! What goes wrong between us and a daemon. It does not know what was asked for.

use std::io;

/// How much of what a daemon says is shown: it is somebody else's text.
const SHOWN: usize = 1000;

/// A daemon did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Nobody there.
    #[error("failed to reach the daemon at `{endpoint}`")]
    Unreachable {
        endpoint: String,
        #[source]
        source: io::Error,
    },
    /// It answered, and then the connection broke.
    #[error("the daemon at `{endpoint}` went away")]
    Gone {
        endpoint: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It does not answer.
    #[error("the daemon at `{0}` did not answer in time")]
    Late(String),
    /// It answered that it will not.
    #[error("the daemon says: {message}")]
    Refused { status: u16, message: String },
    /// It answered what no daemon answers.
    #[error("the daemon's answer cannot be understood")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was to be sent could not be read.
    #[error("failed to read what the daemon was to be sent")]
    Unread(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// A refusal, its words made fit to be shown.
    pub(crate) fn refused(status: u16, message: &str) -> Self {
        let message = message.trim().chars().take(SHOWN);
        Self::Refused {
            status,
            message: message.flat_map(char::escape_debug).collect(),
        }
    }

    /// What `bollard` says, about the daemon at `endpoint`.
    pub(crate) fn of(error: bollard::errors::Error, endpoint: &str) -> Self {
        use bollard::errors::Error as Api;
        let endpoint = || endpoint.to_owned();
        match error {
            Api::DockerResponseServerError {
                status_code,
                message,
            } => Self::refused(status_code, &message),
            Api::DockerStreamError { error } => Self::refused(500, &error),
            Api::RequestTimeoutError => Self::Late(endpoint()),
            Api::IOError { err } => match err.downcast::<Self>() {
                Ok(ours) => ours,
                Err(source) => Self::Unreachable {
                    endpoint: endpoint(),
                    source,
                },
            },
            Api::HyperResponseError { err } => Self::Gone {
                endpoint: endpoint(),
                source: err.into(),
            },
            other => Self::Malformed(other.into()),
        }
    }

    /// Whether it says that there is no such thing.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether it says that the thing is not in the right state.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }
}
