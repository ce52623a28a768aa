//! When an image is looked for where it comes from: `imagePullPolicy`, in the words of Kubernetes.
//!
//! What holds where a document names none follows from the image, and is for whoever gets images.

/// When an image is pulled. What a digest names is pulled once, whatever the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImagePullPolicy {
    /// It is asked each time what the tag means; what is there already is not pulled again.
    Always,
    /// It is asked only where the image is not there.
    IfNotPresent,
    /// It is there, or the step cannot run.
    Never,
}

impl ImagePullPolicy {
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
    fn only_the_words_of_kubernetes_are_policies() {
        assert_eq!(
            ImagePullPolicy::from_name("Never"),
            Some(ImagePullPolicy::Never)
        );
        assert_eq!(ImagePullPolicy::from_name("never"), None);
    }
}
