//! Where a daemon listens: what `DOCKER_HOST` says, taken apart.
//!
//! It connects to nothing and reads no environment.

use std::fmt;
use std::path::PathBuf;

/// What Docker listens on over TLS, and without it.
const PORTS: (u16, u16) = (2376, 2375);

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Another machine, or this one seen as another.
    Tcp {
        /// Its name or address, without brackets.
        host: String,
        /// Its port.
        port: u16,
        /// What identifies it and us; `None` for a connection that is not encrypted.
        tls: Option<TlsFiles>,
    },
    /// Another machine, where `docker system dial-stdio` is run through the system's `ssh`.
    Ssh {
        /// `host` or `user@host`, as `ssh` takes it.
        destination: String,
        /// Its port, where it is not the one that `ssh` takes by itself.
        port: Option<u16>,
    },
}

/// The files of a TLS connection (PEM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Who may have signed the daemon's certificate.
    pub authorities: PathBuf,
    /// Our certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// The three files as Docker calls them in a folder.
    pub fn in_folder(folder: &std::path::Path) -> Self {
        Self {
            authorities: folder.join("ca.pem"),
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    }
}

/// A text names no daemon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no daemon: {why}")]
pub struct EndpointError {
    text: String,
    why: &'static str,
}

impl Endpoint {
    /// Takes `unix:///run/docker.sock`, `tcp://host:port` or `ssh://user@host`; `tls` is for those over TCP.
    ///
    /// # Errors
    ///
    /// It is none of these.
    pub fn parse(text: &str, tls: Option<TlsFiles>) -> Result<Self, EndpointError> {
        let bad = |why| EndpointError {
            text: text.escape_debug().to_string(),
            why,
        };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| bad("it is unix://PATH, tcp://HOST:PORT or ssh://USER@HOST"))?;
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(PathBuf::from(rest))),
            "unix" => Err(bad("the path of a socket is absolute")),
            "tcp" | "http" | "https" => {
                let usual = if tls.is_some() { PORTS.0 } else { PORTS.1 };
                let (host, port) = host_and_port(rest).map_err(bad)?;
                if scheme == "https" && tls.is_none() {
                    return Err(bad("for TLS, certificates have to be named"));
                }
                let port = port.unwrap_or(usual);
                Ok(Self::Tcp { host, port, tls })
            }
            "ssh" => {
                let (user, place) = match rest.rsplit_once('@') {
                    Some((user, place)) => (Some(user), place),
                    None => (None, rest),
                };
                let (host, port) = host_and_port(place).map_err(bad)?;
                let destination = match user {
                    Some(user) => format!("{user}@{host}"),
                    None => host,
                };
                let plain =
                    |byte: u8| byte.is_ascii_graphic() && !b"'\"\\$`;&|<>()".contains(&byte);
                // What begins with a dash would be an option of the program `ssh`.
                if destination.starts_with('-') || !destination.bytes().all(plain) {
                    return Err(bad("no machine is called so"));
                }
                Ok(Self::Ssh { destination, port })
            }
            _ => Err(bad("it is unix://PATH, tcp://HOST:PORT or ssh://USER@HOST")),
        }
    }

    /// Whether paths of this machine are paths of the daemon's: it is not asked across a network.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

/// `host`, `host:port` or `[address]:port`, with nothing but slashes behind.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), &'static str> {
    let text = text.trim_end_matches('/');
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("a bracket is not closed")?;
            (host, port.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map(str::parse).transpose();
    let port = port.map_err(|_| "a port is a number below 65536")?;
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    match !host.is_empty() && host.bytes().all(named) {
        true => Ok((host.to_owned(), port)),
        false => Err("no machine is called so"),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, .. } if host.contains(':') => {
                write!(f, "tcp://[{host}]:{port}")
            }
            Self::Tcp { host, port, .. } => write!(f, "tcp://{host}:{port}"),
            Self::Ssh { destination, port } => {
                write!(f, "ssh://{destination}")?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_named_as_docker_names_it() {
        let shown = |text| Endpoint::parse(text, None).map(|endpoint| endpoint.to_string());
        for (text, expected) in [
            ("unix:///run/docker.sock", "unix:///run/docker.sock"),
            ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"),
            ("tcp://build", "tcp://build:2375"),
            ("tcp://[::1]:7", "tcp://[::1]:7"),
            ("ssh://me@build", "ssh://me@build"),
            ("ssh://build:2222/", "ssh://build:2222"),
        ] {
            assert_eq!(shown(text).unwrap(), expected);
        }
        let tls = TlsFiles::in_folder(std::path::Path::new("/c"));
        let secure = Endpoint::parse("tcp://build", Some(tls)).unwrap();
        assert_eq!(secure.to_string(), "tcp://build:2376");
        for text in [
            "",
            "docker",
            "unix://run",
            "tcp://",
            "tcp://a:b",
            "npipe://x",
            "https://a",
            "tcp://[::1",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }

    #[test]
    fn attack_no_machine_is_an_option_of_ssh() {
        for text in [
            "ssh://-oProxyCommand=touch",
            "ssh://-o@build",
            "ssh://a b",
            "ssh://$(id)@build",
        ] {
            assert!(Endpoint::parse(text, None).is_err(), "{text}");
        }
        assert!(Endpoint::parse("ssh://me@a-b.example", None).is_ok());
    }

    #[test]
    fn only_a_socket_is_of_this_machine() {
        let local = |text| Endpoint::parse(text, None).unwrap().is_local();
        assert!(local("unix:///s"));
        assert!(!local("tcp://127.0.0.1:1"));
        assert!(!local("ssh://here"));
    }
}
