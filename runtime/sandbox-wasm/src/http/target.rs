//! Whom a request is for, and whether that is granted.
//!
//! A guest says it in parts (scheme, authority, path) of which only the first two decide. They are taken apart strictly:
//! what two readers could understand in two ways is refused. Names are compared as text, in one spelling, and before
//! anything is looked up; what is granted by its name is reached by that name alone.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use http::Uri;
use http::uri::PathAndQuery;
use stepwell_contract::{Grants, Loopback, Network};

use crate::bindings::http::wasi::http::types::{ErrorCode, Scheme};

/// The longest name that DNS has.
const NAME_BYTES: usize = 253;

/// The other end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tls: bool,
    /// A name in lower case with no dot at its end, or an address as Rust writes it, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Target {
    /// Takes `authority` apart.
    ///
    /// # Errors
    ///
    /// It is missing, has a part that does not belong there, or could mean two things.
    pub(super) fn new(scheme: Option<&Scheme>, authority: Option<&str>) -> Result<Self, ErrorCode> {
        let tls = match scheme {
            Some(Scheme::Http) => false,
            None | Some(Scheme::Https) => true,
            Some(Scheme::Other(_)) => return Err(ErrorCode::HttpProtocolError),
        };
        let bad = ErrorCode::HttpRequestUriInvalid;
        let (host, port) = split(authority.unwrap_or_default()).ok_or(bad.clone())?;
        let default = if tls { 443 } else { 80 };
        Ok(Self {
            tls,
            host: one_spelling(host).ok_or(bad)?,
            port: port.unwrap_or(default),
        })
    }

    /// As it stands in a header `host`: without the port where that is the scheme's.
    pub(super) fn authority(&self) -> String {
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => self.bracketed(),
            _ => self.with_port(),
        }
    }

    /// As a grant names it.
    pub(super) fn with_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    fn bracketed(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(_) => format!("[{}]", self.host),
            Err(_) => self.host.clone(),
        }
    }
}

/// Host and port of an authority. Names of users, escapes and anything else that is neither are refused.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => match authority.find(':') {
            Some(colon) => authority.split_at(colon),
            None => (authority, ""),
        },
    };
    let is_address = authority.starts_with('[');
    let plain = match is_address {
        true => host.parse::<Ipv6Addr>().is_ok(),
        false => host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port != 0)?)
        }
        _ => return None,
    };
    (plain && !host.is_empty()).then_some((host, port))
}

/// A host in the one way in which hosts are compared.
fn one_spelling(host: &str) -> Option<String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let fits = name.len() <= NAME_BYTES && name.split('.').all(|label| !label.is_empty());
    fits.then_some(name)
}

/// What a request asks for at its target. It begins with a slash, so that it cannot name another target.
///
/// # Errors
///
/// It does not begin with a path or a query, or has what neither may have.
pub(super) fn path(asked: Option<&str>) -> Result<Uri, ErrorCode> {
    let bad = |_| ErrorCode::HttpRequestUriInvalid;
    let path = match asked.unwrap_or_default() {
        "" => "/".to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        query if query.starts_with('?') => format!("/{query}"),
        _ => return Err(ErrorCode::HttpRequestUriInvalid),
    };
    if path.len() > usize::from(u16::MAX) - 1 {
        return Err(ErrorCode::HttpRequestUriTooLong);
    }
    let path = PathAndQuery::try_from(path).map_err(bad)?;
    Ok(Uri::from(path))
}

/// Who may be talked to.
#[derive(Debug)]
pub(crate) struct Reach {
    all: bool,
    /// In the spelling in which hosts are compared.
    hosts: BTreeSet<(String, u16)>,
    sidecars: BTreeSet<(String, u16)>,
    loopback: Option<Arc<dyn Loopback>>,
}

/// Where a target is.
pub(super) enum Way {
    /// Wherever its name leads.
    Network,
    /// In the task's own network.
    Sidecar(Arc<dyn Loopback>),
}

impl Reach {
    pub(crate) fn new(grants: &Grants, loopback: Option<Arc<dyn Loopback>>) -> Self {
        let hosts: &[String] = match &grants.network {
            Network::To(hosts) => hosts,
            Network::Any | Network::None | Network::Off => &[],
        };
        let named = hosts.iter().filter_map(|host| {
            let (host, port) = split(host)?;
            Some((one_spelling(host)?, port?))
        });
        let sidecars = grants.sidecars.iter();
        Self {
            all: grants.network == Network::Any,
            hosts: named.collect(),
            sidecars: sidecars
                .map(|port| (port.sidecar.clone(), port.port))
                .collect(),
            loopback,
        }
    }

    /// How `target` is reached, if it may be.
    pub(super) fn way(&self, target: &Target) -> Option<Way> {
        let place = (target.host.clone(), target.port);
        if let (true, Some(loopback)) = (self.sidecars.contains(&place), &self.loopback) {
            return Some(Way::Sidecar(Arc::clone(loopback)));
        }
        (self.all || self.hosts.contains(&place)).then_some(Way::Network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(authority: &str) -> Option<(String, u16)> {
        let target = Target::new(Some(&Scheme::Http), Some(authority)).ok()?;
        Some((target.host, target.port))
    }

    fn reach(settings: &[&str]) -> Reach {
        let mut grants = Grants::default();
        for setting in settings {
            grants.apply(setting).unwrap();
        }
        Reach::new(&grants, None)
    }

    fn reached(reach: &Reach, authority: &str) -> bool {
        Target::new(Some(&Scheme::Http), Some(authority))
            .is_ok_and(|target| reach.way(&target).is_some())
    }

    #[test]
    fn a_target_has_one_spelling() {
        for (authority, host, port) in [
            ("Example.ORG", "example.org", 80),
            ("example.org.:81", "example.org", 81),
            ("[::1]", "::1", 80),
            ("[0:0:0:0:0:0:0:1]:443", "::1", 443),
            ("127.0.0.1:8080", "127.0.0.1", 8080),
            ("my_host", "my_host", 80),
        ] {
            assert_eq!(
                target(authority),
                Some((host.to_owned(), port)),
                "{authority}"
            );
        }
    }

    #[test]
    fn attack_an_authority_that_could_mean_two_things() {
        for authority in [
            "",
            ":80",
            "example.org:",
            "example.org:0",
            "example.org:65536",
            "example.org:+80",
            "example.org:80:81",
            "user@example.org",
            "example.org:80@evil.example",
            "evil.example\\@example.org",
            "example.org/evil",
            "example.org?x",
            "example.org#x",
            "example%2eorg",
            "example.org ",
            "exam\tple.org",
            "ex\u{e4}mple.org",
            "::1",
            "[::1",
            "::1]",
            "[::1]80",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "..",
            "example..org",
            ".example.org",
            "example.org..",
        ] {
            assert_eq!(target(authority), None, "{authority:?}");
        }
        assert_eq!(target(&"a".repeat(254)), None);
    }

    #[test]
    fn a_scheme_brings_its_port_and_others_are_not_spoken() {
        let port = |scheme: Option<Scheme>| {
            Target::new(scheme.as_ref(), Some("a")).map(|target| (target.tls, target.port))
        };
        assert!(matches!(port(None), Ok((true, 443))));
        assert!(matches!(port(Some(Scheme::Https)), Ok((true, 443))));
        assert!(matches!(port(Some(Scheme::Http)), Ok((false, 80))));
        assert!(port(Some(Scheme::Other("file".to_owned()))).is_err());
        let target = Target::new(Some(&Scheme::Http), Some("[::1]:80")).unwrap();
        assert_eq!(
            (target.authority(), target.with_port()),
            ("[::1]".into(), "[::1]:80".into())
        );
    }

    /// GHSA-5qpp-g3j2-8frx.
    #[test]
    fn attack_a_path_that_names_another_host() {
        for asked in [
            "http://evil.example/",
            "evil.example",
            "evil.example:80",
            "*",
            "@evil.example",
            "/a b",
            "/a\r\nHost: evil.example",
            "/\u{0}",
        ] {
            assert!(path(Some(asked)).is_err(), "{asked:?}");
        }
        for (asked, sent) in [
            (None, "/"),
            (Some(""), "/"),
            (Some("?q=1"), "/?q=1"),
            (Some("//evil.example/x"), "//evil.example/x"),
            (Some("/a?b"), "/a?b"),
        ] {
            let uri = path(asked).unwrap();
            assert_eq!(
                (uri.to_string().as_str(), uri.host()),
                (sent, None),
                "{asked:?}"
            );
        }
        assert!(path(Some(&format!("/{}", "a".repeat(70_000)))).is_err());
    }

    #[test]
    fn attack_what_is_not_granted_by_its_name() {
        let reach = reach(&[
            "network=Example.org.:80",
            "network=[::1]:80",
            "network=10.0.0.1:80",
        ]);
        for allowed in [
            "example.org",
            "EXAMPLE.ORG:80",
            "example.org.",
            "[0::1]",
            "10.0.0.1",
        ] {
            assert!(reached(&reach, allowed), "{allowed}");
        }
        for refused in [
            "example.org:81",
            "sub.example.org",
            "example.org.evil.example",
            "evil-example.org",
            "127.0.0.1",
            "localhost",
            "10.0.0.1:443",
            "010.0.0.1",
            "10.1",
            "167772161",
            "0x0a000001",
            "[::ffff:10.0.0.1]",
        ] {
            assert!(!reached(&reach, refused), "{refused}");
        }
    }

    #[test]
    fn everything_is_reached_with_any_and_nothing_with_none() {
        assert!(reached(&reach(&["network=any"]), "example.org"));
        assert!(!reached(&reach(&["network=none"]), "example.org"));
        assert!(!reached(&reach(&["sidecar=db:80"]), "example.org"));
        // There is no sidecar without a network of the task's.
        assert!(!reached(&reach(&["sidecar=db:80"]), "db"));
    }
}
