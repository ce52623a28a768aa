//! What names an artifact: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, read the way Docker reads it.
//!
//! It does not know whether such an artifact exists.

use std::{fmt, str::FromStr};

use crate::sha256::Sha256;

/// What a name without a registry means.
const DOCKER_HUB: &str = "docker.io";

/// Where Docker Hub answers.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// The longest repository that the specification of OCI allows for.
const REPOSITORY_BYTES: usize = 255;

/// An artifact in a registry. Every part has been checked, so that a URL can be made of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Sha256>,
}

impl Reference {
    /// The registry as one writes it: `ghcr.io`, `localhost:5000`, `docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Where the registry answers: its name, but for Docker Hub.
    pub fn host(&self) -> &str {
        match self.registry.as_str() {
            DOCKER_HUB => DOCKER_HUB_HOST,
            other => other,
        }
    }

    /// The repository, with Docker's `library/` where that is meant.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest, where the reference has one: then it can only ever mean one thing.
    pub fn digest(&self) -> Option<Sha256> {
        self.digest
    }

    /// What to ask the registry for: the digest, else the tag, else `latest`.
    pub fn wanted(&self) -> String {
        match (self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// Whether the reference may mean another artifact tomorrow, and says so: the tag `latest`, or no tag, and no digest.
    pub fn is_latest(&self) -> bool {
        self.digest.is_none() && self.tag.as_deref().is_none_or(|tag| tag == "latest")
    }

    /// The same artifact as a mirror has it.
    #[must_use]
    pub(crate) fn at(&self, mirror: &Mirror) -> Self {
        let repository = match mirror.prefix.as_str() {
            "" => self.repository.clone(),
            prefix => format!("{prefix}/{}", self.repository),
        };
        Self {
            registry: mirror.registry.clone(),
            repository,
            ..self.clone()
        }
    }

    /// Another artifact of the same repository, by its tag.
    #[must_use]
    pub(crate) fn tagged(&self, tag: &str) -> Self {
        Self {
            tag: Some(tag.to_owned()),
            digest: None,
            ..self.clone()
        }
    }

    /// The same artifact, which is this one and no other: the tag stays, for whoever reads it.
    #[must_use]
    pub fn locked(&self, digest: Sha256) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// The tag: the one that is written, or `latest`; nothing where there is only a digest.
    pub fn tag(&self) -> Option<&str> {
        match (&self.tag, self.digest) {
            (Some(tag), _) => Some(tag),
            (None, Some(_)) => None,
            (None, None) => Some("latest"),
        }
    }

    /// The same artifact, named by what it turned out to be.
    #[must_use]
    pub fn pinned(&self, digest: Sha256) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }
}

/// In full: with the registry, and with the tag that is meant where none is written.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        match (&self.tag, self.digest) {
            (Some(tag), Some(digest)) => write!(f, ":{tag}@{digest}"),
            (None, Some(digest)) => write!(f, "@{digest}"),
            (Some(tag), None) => write!(f, ":{tag}"),
            (None, None) => f.write_str(":latest"),
        }
    }
}

/// A registry, or a namespace in it: `HOST[:PORT][/PREFIX]`. As a mirror it has what another one has. Its repositories are called as in the other one, behind
/// the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    registry: String,
    prefix: String,
}

impl Mirror {
    /// The registry.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Whether a repository is this one or in this namespace.
    pub(crate) fn has(&self, repository: &str) -> bool {
        match repository.strip_prefix(&self.prefix) {
            Some(rest) => self.prefix.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    /// A name for the whole registry, which is that of no artifact.
    pub(crate) fn whole(&self) -> Reference {
        Reference {
            registry: self.registry.clone(),
            repository: String::new(),
            tag: None,
            digest: None,
        }
    }
}

impl FromStr for Mirror {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (registry, prefix) = text.split_once('/').unwrap_or((text, ""));
        if !is_host(registry) {
            return Err(ReferenceError::Registry);
        }
        if !prefix.is_empty() && !prefix.split('/').all(is_component) {
            return Err(ReferenceError::Repository);
        }
        Ok(Self {
            registry: registry.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.registry)?;
        match self.prefix.as_str() {
            "" => Ok(()),
            prefix => write!(f, "/{prefix}"),
        }
    }
}

/// The text names no artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The part before the first `/` is no host.
    #[error("its registry is not `HOST` or `HOST:PORT`")]
    Registry,
    /// The path is empty, too long, or has characters that no repository has.
    #[error(
        "its repository may only have lower-case letters, digits, and `.`, `_`, `-` between them, in parts separated by `/`"
    )]
    Repository,
    /// What follows the `:`.
    #[error("its tag may only have up to 128 letters, digits, `_`, `.` and `-`")]
    Tag,
    /// What follows the `@`.
    #[error("its digest is not `sha256:` and 64 hexadecimal digits")]
    Digest,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(|_| ReferenceError::Digest)?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (registry, path) = match rest.split_once('/') {
            Some((first, path)) if is_host_like(first) => (first, path),
            _ => (DOCKER_HUB, rest),
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        let registry = match registry {
            "index.docker.io" | DOCKER_HUB_HOST => DOCKER_HUB,
            other => other,
        };
        if !is_host(registry) {
            return Err(ReferenceError::Registry);
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag);
        }
        let repository = if registry == DOCKER_HUB && !repository.contains('/') {
            format!("library/{repository}")
        } else {
            repository.to_owned()
        };
        if repository.len() > REPOSITORY_BYTES || !repository.split('/').all(is_component) {
            return Err(ReferenceError::Repository);
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest,
        })
    }
}

/// Docker's rule for telling `host/name` from `user/name`.
fn is_host_like(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':', '['])
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(at) if !text.ends_with(']') => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name.split('.').all(|label| {
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label
                        .bytes()
                        .all(|c| c.is_ascii_alphanumeric() || c == b'-')
            })
    };
    let is_v6 = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    (is_v6 || is_name(host))
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_well = |byte: Option<&u8>| byte.copied().is_some_and(is_word);
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes.split(|&c| is_word(c)).all(|between| {
            matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|&c| c == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|c| is_word(c) || c == b'.' || c == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_reference_is_read_as_docker_reads_it() {
        let pinned = format!("ghcr.io/a/b@{DIGEST}");
        let both = format!("ghcr.io/a/b:1@{DIGEST}");
        for (text, full, host, wanted) in [
            (
                "git",
                "docker.io/library/git:latest",
                DOCKER_HUB_HOST,
                "latest",
            ),
            ("a/b:1", "docker.io/a/b:1", DOCKER_HUB_HOST, "1"),
            (
                "index.docker.io/a/b",
                "docker.io/a/b:latest",
                DOCKER_HUB_HOST,
                "latest",
            ),
            ("localhost/a", "localhost/a:latest", "localhost", "latest"),
            (
                "localhost:5000/a_b/c--d:v1.0",
                "localhost:5000/a_b/c--d:v1.0",
                "localhost:5000",
                "v1.0",
            ),
            (
                "[::1]:5000/a",
                "[::1]:5000/a:latest",
                "[::1]:5000",
                "latest",
            ),
            (&pinned, &pinned, "ghcr.io", DIGEST),
            (&both, &both, "ghcr.io", DIGEST),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), full, "{text}");
            assert_eq!(reference.host(), host, "{text}");
            assert_eq!(reference.wanted(), wanted, "{text}");
        }
    }

    #[test]
    fn pinning_replaces_the_tag() {
        let reference: Reference = "ghcr.io/a/b:1".parse().unwrap();
        let pinned = reference.pinned(DIGEST.parse().unwrap());
        assert_eq!(pinned.to_string(), format!("ghcr.io/a/b@{DIGEST}"));
    }

    #[test]
    fn attack_no_part_of_a_reference_can_change_the_url_it_ends_up_in() {
        let long = format!("ghcr.io/{}", "a".repeat(256));
        for (text, error) in [
            ("", ReferenceError::Repository),
            ("ghcr.io/", ReferenceError::Repository),
            ("ghcr.io/../../v2/_catalog", ReferenceError::Repository),
            ("ghcr.io/a//b", ReferenceError::Repository),
            ("ghcr.io/a?b=c", ReferenceError::Repository),
            ("ghcr.io/A", ReferenceError::Repository),
            ("ghcr.io/a%2fb", ReferenceError::Repository),
            ("ghcr.io/a___b", ReferenceError::Repository),
            (&long, ReferenceError::Repository),
            ("user:secret.host/a", ReferenceError::Registry),
            ("ghcr.io:port/a", ReferenceError::Registry),
            ("ghcr..io/a", ReferenceError::Registry),
            ("-ghcr.io/a", ReferenceError::Registry),
            ("[::g]/a", ReferenceError::Registry),
            ("ghcr.io/a:", ReferenceError::Tag),
            ("ghcr.io/a:b/c", ReferenceError::Tag),
            ("ghcr.io/a:../b", ReferenceError::Tag),
            ("ghcr.io/a@md5:0", ReferenceError::Digest),
            ("user:secret@ghcr.io/a", ReferenceError::Digest),
        ] {
            assert_eq!(text.parse::<Reference>(), Err(error), "{text}");
        }
    }
}
