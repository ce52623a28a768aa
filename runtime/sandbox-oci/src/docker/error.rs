//! What goes wrong between us and a daemon. It does not know what was asked for.

use std::error::Error;
use std::io;

use rustls::AlertDescription;

use super::ssh::SshEnded;

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
    /// Somebody else, perhaps: who is there is not who the authorities vouch for.
    #[error("the certificate of the daemon at `{endpoint}` cannot be trusted")]
    Untrusted {
        endpoint: String,
        #[source]
        source: rustls::Error,
    },
    /// It does not know us.
    #[error("the daemon at `{endpoint}` refused our certificate")]
    Stranger {
        endpoint: String,
        #[source]
        source: rustls::Error,
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

    /// What kept a connection from being made.
    pub(crate) fn of_connecting(source: io::Error, endpoint: String) -> Self {
        match inner::<rustls::Error>(&source) {
            Some(error @ rustls::Error::InvalidCertificate(_)) => Self::Untrusted {
                endpoint,
                source: error.clone(),
            },
            Some(error) if is_about_certificate(error) => Self::Stranger {
                endpoint,
                source: error.clone(),
            },
            _ => Self::Unreachable { endpoint, source },
        }
    }

    /// What kept a request from being answered. A client's certificate is refused only after TLS 1.3 has let it speak, and the
    /// program `ssh` runs before it has connected.
    pub(crate) fn of_asking(error: hyper::Error, endpoint: String) -> Self {
        let cause = error.source().and_then(|cause| cause.downcast_ref());
        if let Some(ended) = cause.and_then(inner::<SshEnded>) {
            return Self::Unreachable {
                endpoint,
                source: io::Error::other(ended.clone()),
            };
        }
        match cause.and_then(inner::<rustls::Error>) {
            Some(alert) if is_about_certificate(alert) => Self::Stranger {
                endpoint,
                source: alert.clone(),
            },
            _ => Self::Gone {
                endpoint,
                source: error.into(),
            },
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

    /// Whether it says that others are in the container's network. Podman does, by its words alone.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.contains("has dependent containers"))
    }

    /// Whether it says that the thing is not in the right state. Podman calls that an error of its own.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Refused { status: 409, .. } => true,
            Self::Refused { status, message } => {
                *status == 500 && message.contains("container state improper")
            }
            _ => false,
        }
    }
}

/// What an error of input and output was made of.
fn inner<T: Error + 'static>(error: &io::Error) -> Option<&T> {
    error.get_ref()?.downcast_ref()
}

/// Whether the other end says that our certificate is not one that it takes.
fn is_about_certificate(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::AlertReceived(
            AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateRequired
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
        )
    )
}
