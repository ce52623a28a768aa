//! What a registry wants to see before it answers: the header `WWW-Authenticate`.
//!
//! It does not know any login.

/// A way to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Name and password with every question.
    Basic,
    /// A token, which another server hands out.
    Bearer {
        /// Where.
        realm: String,
        /// For which service.
        service: Option<String>,
    },
}

impl Challenge {
    /// The first one among the headers that is known.
    pub(crate) fn find(headers: &[String]) -> Option<Self> {
        headers.iter().find_map(|header| Self::read(header))
    }

    fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let find = |wanted: &str| {
            parameters
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.clone())
        };
        Some(Self::Bearer {
            realm: find("realm")?,
            service: find("service"),
        })
    }
}

/// `name="value"` and `name=value`, separated by commas; a comma may be quoted.
fn parameters(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_owned();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        found.push((name, value.trim().to_owned()));
        text = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &str) -> Option<Challenge> {
        Challenge::find(&[header.to_owned()])
    }

    #[test]
    fn both_ways_are_told_apart() {
        assert_eq!(find("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(
            find("Bearer realm=\"https://a/token\",service=\"a,b\", scope=\"repository:c:pull\""),
            Some(Challenge::Bearer {
                realm: "https://a/token".to_owned(),
                service: Some("a,b".to_owned()),
            })
        );
        assert_eq!(
            find("bearer service=s,realm=https://a"),
            Some(Challenge::Bearer {
                realm: "https://a".to_owned(),
                service: Some("s".to_owned()),
            })
        );
    }

    #[test]
    fn what_is_not_understood_is_no_challenge() {
        for header in [
            "",
            "Negotiate",
            "Bearer",
            "Bearer service=\"x\"",
            "Bearer realm",
            "Bearer =,=,\"",
        ] {
            assert_eq!(find(header), None, "{header}");
        }
    }
}
