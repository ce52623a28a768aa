//! Which image references a pattern means.

/// A pattern in which `*` stands for any text, `/` included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    /// The pattern that is written so.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether it means `reference`, as that is written or as it is meant: `bash` is `docker.io/library/bash:latest`.
    pub(crate) fn matches(&self, reference: &str) -> bool {
        let full = normalised(reference);
        let tagged = with_tag(&full);
        [reference, &full, &tagged]
            .iter()
            .any(|text| matches(self.0.as_bytes(), text.as_bytes()))
    }
}

/// A reference with the registry and the owner that it leaves out.
fn normalised(reference: &str) -> String {
    match reference.split_once('/') {
        Some(("index.docker.io", rest)) => format!("docker.io/{rest}"),
        Some(("docker.io", rest)) if !rest.contains('/') => format!("docker.io/library/{rest}"),
        Some((first, _)) if first == "localhost" || first.contains(['.', ':']) => {
            reference.to_owned()
        }
        Some(_) => format!("docker.io/{reference}"),
        None => format!("docker.io/library/{reference}"),
    }
}

/// A reference with the tag that it leaves out.
fn with_tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    match name.contains([':', '@']) {
        true => reference.to_owned(),
        false => format!("{reference}:latest"),
    }
}

/// Matches from the left and comes back to the last `*` only, so that no pattern takes longer than its length times the
/// text's.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, in_text));
            at += 1;
        } else if pattern.get(at) == Some(&text[in_text]) {
            at += 1;
            in_text += 1;
        } else if let Some((star_at, from)) = star {
            star = Some((star_at, from + 1));
            at = star_at + 1;
            in_text = from + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_matched_as_written_and_as_meant() {
        for (pattern, reference, expected) in [
            ("bash", "bash", true),
            ("bash", "bash:5", false),
            ("bash*", "bash:5", true),
            ("docker.io/library/bash*", "bash:5.2", true),
            ("docker.io/library/bash:latest", "bash", true),
            ("docker.io/library/bash", "docker.io/bash", true),
            (
                "docker.io/library/bash*",
                "index.docker.io/library/bash",
                true,
            ),
            ("docker.io/golang/*", "golang/x", true),
            (
                "ghcr.io/*/tool@sha256:*",
                "ghcr.io/a/b/tool@sha256:12",
                true,
            ),
            ("ghcr.io/*/tool@sha256:*", "ghcr.io/a/b/tool:12", false),
            ("*", "localhost:5000/x", true),
            ("localhost:5000/x:latest", "localhost:5000/x", true),
            ("docker.io/library/bash*", "ghcr.io/library/bash", false),
            ("", "bash", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(reference),
                expected,
                "{pattern} {reference}"
            );
        }
    }

    #[test]
    fn attack_a_pattern_that_takes_for_ever() {
        let pattern = Pattern::new(&("a*".repeat(500) + "b"));
        assert!(!pattern.matches(&"a".repeat(20_000)));
        assert!(pattern.matches(&("a".repeat(20_000) + "b")));
    }
}
