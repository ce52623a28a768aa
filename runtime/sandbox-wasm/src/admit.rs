//! What a component asks for, against what its step is granted.

use stepwell_contract::{Grants, Refusal};

/// What an import needs before it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it is always there, virtual where it has to be.
    Nothing,
    /// Some network grant.
    Network,
    /// An image to run native programs in.
    Tools,
    /// It is not offered at all, and why.
    Missing(&'static str),
}

/// What the import `name` (`wasi:sockets/tcp@0.2.3`) needs.
pub(crate) fn need(name: &str) -> Need {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let (package, _interface) = path.split_once('/').unwrap_or((path, ""));
    match package {
        "wasi:cli" | "wasi:clocks" | "wasi:filesystem" | "wasi:io" | "wasi:random"
        | "wasi:sockets"
            if !version.starts_with("0.2.") =>
        {
            Need::Missing("only version 0.2 of WASI is offered")
        }
        "wasi:cli" | "wasi:clocks" | "wasi:filesystem" | "wasi:io" | "wasi:random" => Need::Nothing,
        "wasi:sockets" => Need::Network,
        "wasi:http" if !version.starts_with("0.2.") => {
            Need::Missing("only version 0.2 of WASI is offered")
        }
        "wasi:http" => match path {
            "wasi:http/types" | "wasi:http/outgoing-handler" => Need::Network,
            _ => Need::Missing("a step sends requests and serves none"),
        },
        "stepwell:task" if version.starts_with("0.1.") => match path {
            "stepwell:task/types" | "stepwell:task/results" | "stepwell:task/progress" => {
                Need::Nothing
            }
            "stepwell:task/tools" => Need::Tools,
            _ => Need::Missing("stepwell:task@0.1 has no such interface"),
        },
        "stepwell:task" => Need::Missing("only version 0.1 of stepwell:task is offered"),
        _ => Need::Missing("no such interface is offered to steps"),
    }
}

/// The setting that grants the import `name`, where one does.
pub(crate) fn grant_for(name: &str) -> Option<&'static str> {
    match need(name) {
        Need::Network => Some("network=any"),
        Need::Tools => Some("tools=IMAGE"),
        Need::Nothing | Need::Missing(_) => None,
    }
}

/// Every import that the grants do not cover, in the component's order.
pub(crate) fn refusals<'a>(
    imports: impl Iterator<Item = &'a str>,
    grants: &Grants,
) -> Vec<Refusal> {
    imports
        .filter_map(|name| {
            let capability = match need(name) {
                Need::Nothing => return None,
                Need::Network if grants.has_sockets() => return None,
                Need::Network => "the network".to_owned(),
                Need::Tools if grants.tools.is_some() => return None,
                Need::Tools => "native programs in a container".to_owned(),
                Need::Missing(why) => why.to_owned(),
            };
            Some(Refusal {
                import: name.to_owned(),
                capability,
                grant: grant_for(name).map(str::to_owned),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(import: &str, setting: Option<&str>) -> bool {
        let mut grants = Grants::default();
        if let Some(setting) = setting {
            grants.apply(setting).unwrap();
        }
        !refusals([import].into_iter(), &grants).is_empty()
    }

    #[test]
    fn virtual_surroundings_need_no_grant() {
        for import in [
            "wasi:clocks/wall-clock@0.2.0",
            "wasi:random/random@0.2.3",
            "stepwell:task/results@0.1.0",
        ] {
            assert!(!refused(import, None), "{import}");
        }
    }

    #[test]
    fn sockets_and_http_need_a_network_grant() {
        for import in ["wasi:sockets/tcp@0.2.0", "wasi:http/outgoing-handler@0.2.3"] {
            assert!(refused(import, None));
            for setting in [
                "network=none",
                "network=any",
                "network=localhost:80",
                "sidecar=db:5432",
            ] {
                assert!(!refused(import, Some(setting)), "{import} {setting}");
            }
        }
    }

    #[test]
    fn native_programs_need_an_image_to_run_in() {
        let import = "stepwell:task/tools@0.1.0";
        for setting in [None, Some("network=any"), Some("tools=off")] {
            assert!(refused(import, setting), "{setting:?}");
        }
        assert!(!refused(import, Some("tools=gcc:14")));
    }

    #[test]
    fn what_is_not_offered_is_refused_whatever_is_granted() {
        for import in [
            "wasi:http/incoming-handler@0.2.0",
            "wasi:http/types@0.3.0",
            "wasi:cli/stdout@0.3.0",
            "acme:gpu/draw@1.0.0",
            "stepwell:task/results@2.0.0",
        ] {
            assert!(refused(import, Some("network=any")), "{import}");
        }
    }
}
