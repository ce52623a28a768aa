//! Which image of an index is meant.
//!
//! It does not know the machine: the platform is handed to it.

use stepwell_contract::Platform;

use super::ImageProblem;
use super::manifest::{Entry, EntryPlatform};
use crate::words::quoted;

/// The one for `wanted`; where there is none, the only Wasm artifact, which runs everywhere. An entry that does not say what
/// it is for is taken where it is the only one.
pub(crate) fn choose<'a>(
    entries: &'a [Entry],
    wanted: &Platform,
) -> Result<&'a Entry, ImageProblem> {
    let ranked = entries
        .iter()
        .filter_map(|entry| Some((rank(entry.platform.as_ref()?, wanted)?, entry)));
    // The first of the best: an index is in the order of its maker's preference.
    if let Some((_, entry)) = ranked.min_by_key(|(rank, _)| *rank) {
        return Ok(entry);
    }
    let is_wasm = |entry: &&Entry| {
        let platform = entry.platform.as_ref();
        platform.is_some_and(|platform| platform.architecture == "wasm")
    };
    let mut wasm = entries.iter().filter(is_wasm);
    if let (Some(entry), None) = (wasm.next(), wasm.next()) {
        return Ok(entry);
    }
    if let [entry @ Entry { platform: None, .. }] = entries {
        return Ok(entry);
    }
    let mut known: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.platform.as_ref().map(shown))
        // What BuildKit calls its notes about an image.
        .filter(|platform| platform != "unknown/unknown")
        .collect();
    known.dedup();
    Err(ImageProblem::Platform {
        wanted: wanted.to_string(),
        known: match known.is_empty() {
            true => "no platform".to_owned(),
            false => quoted(&known.join(", ")),
        },
    })
}

/// How well an image fits, from 0; nothing where it does not.
fn rank(given: &EntryPlatform, wanted: &Platform) -> Option<u32> {
    if given.os != wanted.os || given.architecture != wanted.architecture {
        return None;
    }
    let given = given
        .variant
        .as_deref()
        .filter(|variant| !variant.is_empty());
    match (
        wanted.architecture.as_str(),
        given,
        wanted.variant.as_deref(),
    ) {
        (_, given, wanted) if given == wanted => Some(0),
        // A processor runs what was built for an older one of its kind.
        ("arm", Some(given), Some(wanted)) => {
            let number = |variant: &str| variant.strip_prefix('v')?.parse::<u32>().ok();
            number(wanted)?.checked_sub(number(given)?)
        }
        ("arm", None, _) => Some(100),
        ("arm64", None, Some("v8")) | ("arm64", Some("v8"), None) => Some(0),
        (_, None, _) => Some(1),
        _ => None,
    }
}

fn shown(platform: &EntryPlatform) -> String {
    let EntryPlatform {
        os,
        architecture,
        variant,
    } = platform;
    match variant.as_deref() {
        Some(variant) if !variant.is_empty() => format!("{os}/{architecture}/{variant}"),
        _ => format!("{os}/{architecture}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{manifest::Descriptor, sha256::Sha256};

    fn platform(text: &str) -> (String, String, Option<String>) {
        let mut words = text.split('/').map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap(), words.next())
    }

    fn entries(platforms: &[&str]) -> Vec<Entry> {
        let entry = |(at, text): (usize, &&str)| Entry {
            descriptor: Descriptor {
                media_type: String::new(),
                digest: Sha256::of(b""),
                size: at as u64,
                annotations: Default::default(),
            },
            platform: (!text.is_empty()).then(|| {
                let (os, architecture, variant) = platform(text);
                EntryPlatform {
                    os,
                    architecture,
                    variant,
                }
            }),
        };
        platforms.iter().enumerate().map(entry).collect()
    }

    fn chosen(platforms: &[&str], wanted: &str) -> Result<u64, String> {
        let (os, architecture, variant) = platform(wanted);
        let wanted = Platform {
            os,
            architecture,
            variant,
        };
        choose(&entries(platforms), &wanted)
            .map(|entry| entry.descriptor.size)
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_image_for_the_machine_is_chosen() {
        let many = [
            "linux/arm64/v8",
            "linux/amd64",
            "unknown/unknown",
            "linux/arm/v6",
            "linux/arm/v7",
        ];
        assert_eq!(chosen(&many, "linux/amd64"), Ok(1));
        assert_eq!(chosen(&many, "linux/arm64/v8"), Ok(0));
        assert_eq!(chosen(&["linux/arm64"], "linux/arm64/v8"), Ok(0));
        assert_eq!(chosen(&many, "linux/arm/v7"), Ok(4));
        assert_eq!(chosen(&many[..4], "linux/arm/v7"), Ok(3));
        assert_eq!(
            chosen(&["linux/amd64/v3", "linux/amd64"], "linux/amd64"),
            Ok(1)
        );
        assert_eq!(chosen(&[""], "linux/amd64"), Ok(0));
    }

    #[test]
    fn a_wasm_artifact_stands_in_where_nothing_else_fits() {
        assert_eq!(
            chosen(&["wasip1/wasm", "linux/amd64"], "linux/amd64"),
            Ok(1)
        );
        assert_eq!(
            chosen(&["linux/s390x", "wasip1/wasm"], "linux/amd64"),
            Ok(1)
        );
    }

    #[test]
    fn what_does_not_fit_is_said_with_what_there_is() {
        let error = chosen(
            &["linux/arm64", "unknown/unknown", "windows/amd64"],
            "linux/amd64",
        );
        let expected = "it is for linux/arm64, windows/amd64, and not for linux/amd64";
        assert_eq!(error, Err(expected.to_owned()));
        assert!(chosen(&["", ""], "linux/amd64").is_err());
        assert!(chosen(&["linux/arm/v7"], "linux/arm/v6").is_err());
        assert!(chosen(&[], "linux/amd64").is_err());
    }
}
