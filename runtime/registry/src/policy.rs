//! When an image is looked for where it comes from: `imagePullPolicy`, in the words of Kubernetes.

use crate::reference::Reference;

/// When an image is pulled. What a digest names is pulled once, whatever the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// It is asked each time what the tag means; what is there already is not pulled again.
    Always,
    /// It is asked only where the image is not there.
    IfNotPresent,
    /// It is there, or the step cannot run.
    Never,
}

impl ImagePullPolicy {
    /// The policy where the document names none: a tag that is meant to move is asked for each time.
    pub fn default_for(reference: &Reference) -> Self {
        match reference.is_latest() {
            true => Self::Always,
            false => Self::IfNotPresent,
        }
    }

    /// The policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "Always" => Some(Self::Always),
            "IfNotPresent" => Some(Self::IfNotPresent),
            "Never" => Some(Self::Never),
            _ => None,
        }
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
            assert_eq!(ImagePullPolicy::default_for(&parsed), policy, "{reference}");
        }
    }

    #[test]
    fn only_the_words_of_kubernetes_are_policies() {
        assert_eq!(
            ImagePullPolicy::from_name("Never"),
            Some(ImagePullPolicy::Never)
        );
        assert_eq!(ImagePullPolicy::from_name("never"), None);
    }
}
