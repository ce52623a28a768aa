//! When an image is looked for where it comes from, where no document says.

use stepwell_contract::ImagePullPolicy;

use crate::reference::Reference;

/// The policy where the document names none: a tag that is meant to move is asked for each time.
pub fn default_pull_policy(reference: &Reference) -> ImagePullPolicy {
    match reference.is_latest() {
        true => ImagePullPolicy::Always,
        false => ImagePullPolicy::IfNotPresent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_decides_where_nobody_does() {
        let digest = "0".repeat(64);
        for (reference, policy) in [
            ("alpine".to_owned(), ImagePullPolicy::Always),
            ("alpine:latest".to_owned(), ImagePullPolicy::Always),
            ("alpine:3".to_owned(), ImagePullPolicy::IfNotPresent),
            (
                format!("alpine@sha256:{digest}"),
                ImagePullPolicy::IfNotPresent,
            ),
            (
                format!("alpine:latest@sha256:{digest}"),
                ImagePullPolicy::IfNotPresent,
            ),
        ] {
            let parsed = reference.parse().unwrap();
            assert_eq!(default_pull_policy(&parsed), policy, "{reference}");
        }
    }
}
