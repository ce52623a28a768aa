//! Which images have to be signed, and by whom.
//!
//! Knows how that is written, and to which image a rule is meant; whether a signature is good is not its business.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use stepwell_registry::{Reference, TrustedKey};

use super::Pattern;
use crate::exit::{Coded, ExitCode};
use crate::inputs::bounded_text;

/// A public key is two lines.
const KEY_BYTES: u64 = 4 << 10;

/// Images that are taken only where one of these keys stands for them.
#[derive(Debug, Clone)]
pub(crate) struct SignatureRule {
    /// Which images.
    pub(crate) pattern: Pattern,
    /// Who is trusted with them.
    pub(crate) keys: Vec<KeySource>,
    /// Where it says so: `stepwell.toml:3`.
    pub(crate) place: String,
}

/// Where a public key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// In the settings.
    Here(TrustedKey),
    /// In a file of its own.
    File(PathBuf),
}

impl KeySource {
    /// The key that is written so; nothing where it can be none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.ends_with(".pub") {
            return Some(Self::File(PathBuf::from(text)));
        }
        TrustedKey::read(text).ok().map(Self::Here)
    }

    /// The same, with a relative path starting at `folder`.
    pub(super) fn below(&mut self, folder: &Path) {
        if let Self::File(path) = self {
            *path = folder.join(&path);
        }
    }
}

impl SignatureRule {
    /// Whether the rule is meant for this image. A digest or a tag more does not take an image out of it.
    pub(crate) fn covers(&self, reference: &Reference) -> bool {
        let repository = format!("{}/{}", reference.registry(), reference.repository());
        let tagged = reference.tag().map(|tag| format!("{repository}:{tag}"));
        let names = [Some(reference.to_string()), tagged, Some(repository)];
        // Those of Docker Hub have shorter names too.
        let hub = ["docker.io/library/", "docker.io/"];
        names.iter().flatten().any(|name| {
            let mut short = hub.iter().filter_map(|hub| name.strip_prefix(hub));
            self.pattern.matches(name) || short.any(|name| self.pattern.matches(name))
        })
    }

    /// The keys themselves.
    ///
    /// # Errors
    ///
    /// A file is not there, or holds no key.
    pub(crate) fn trusted(&self) -> anyhow::Result<Vec<TrustedKey>> {
        let keys = self.keys.iter().map(|key| match key {
            KeySource::Here(key) => Ok(key.clone()),
            KeySource::File(path) => {
                let text = bounded_text(path, KEY_BYTES)?;
                TrustedKey::read(&text).with_context(|| {
                    let message = format!("failed to read the key `{}`", path.display());
                    Coded::new(ExitCode::DocumentInvalid, message)
                })
            }
        });
        keys.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, reference: &str) -> bool {
        let rule = SignatureRule {
            pattern: Pattern::new(pattern),
            keys: Vec::new(),
            place: String::new(),
        };
        rule.covers(&reference.parse().unwrap())
    }

    #[test]
    fn attack_a_digest_or_a_tag_takes_an_image_out_of_its_rule() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        for (pattern, name) in [
            ("ghcr.io/owner/lint:1", "ghcr.io/owner/lint:1"),
            ("ghcr.io/owner/lint", "ghcr.io/owner/lint:2"),
            ("ghcr.io/owner/*", "ghcr.io/owner/lint"),
            ("bash", "docker.io/library/bash:5"),
        ] {
            assert!(covers(pattern, name), "{pattern} {name}");
            assert!(
                covers(pattern, &format!("{name}{digest}")),
                "{pattern} {name}"
            );
        }
        for (pattern, name) in [
            ("ghcr.io/owner/lint:1", "ghcr.io/owner/lint:2"),
            ("ghcr.io/owner/lint", "ghcr.io/owner/linter:1"),
            ("ghcr.io/owner/*", "quay.io/owner/lint"),
        ] {
            assert!(!covers(pattern, name), "{pattern} {name}");
        }
    }
}
