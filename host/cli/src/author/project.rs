//! The project of a plugin: a folder whose `stepwell.toml` has a table `[plugin]`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Language;
use crate::config;
use crate::exit::Coded;
use crate::trouble::Trouble;

/// The project that a command is about.
#[derive(Debug)]
pub(super) struct Project {
    /// Its folder.
    pub(super) root: PathBuf,
    /// What the plugin is called.
    pub(super) name: String,
    /// What it is written in.
    pub(super) language: Language,
}

impl Project {
    /// The project of the current folder, or of one above it.
    ///
    /// # Errors
    ///
    /// There is none, or its `stepwell.toml` is wrong.
    pub(super) fn find() -> Result<Self, Trouble> {
        let here = std::env::current_dir().context("failed to find the current folder")?;
        let Some((root, settings)) = config::plugin(&here)? else {
            let message = "here is no plugin's project: neither this folder nor one above it has a `stepwell.toml` with \
                           `[plugin]`; `stepwell new NAME --lang rust` makes one";
            return Err(anyhow::Error::from(Coded::usage(message)).into());
        };
        Ok(Self {
            root,
            name: settings.name,
            language: settings.language,
        })
    }

    /// The finished component.
    pub(super) fn component(&self) -> PathBuf {
        self.root.join(format!("{}.wasm", self.name))
    }

    /// Where compilers may leave what they like.
    ///
    /// # Errors
    ///
    /// The folder cannot be made.
    pub(super) fn scratch(&self) -> anyhow::Result<PathBuf> {
        let folder = self.root.join("target");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make the folder `{}`", folder.display()))?;
        Ok(folder)
    }

    /// A path of the project, as an author would say it.
    pub(super) fn short<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// Whether `name` can name a plugin, a Task and a package in every language.
pub(crate) fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase();
    let other = |byte: u8| letter(byte) || byte.is_ascii_digit() || byte == b'-';
    let bytes = name.as_bytes();
    bytes.len() <= 40
        && bytes.first().is_some_and(|first| letter(*first))
        && bytes.iter().all(|byte| other(*byte))
        && !name.ends_with('-')
        && !name.contains("--")
}

/// Why a new project in `language` would not build under this name, which can be one otherwise.
pub(super) fn taken(language: Language, name: &str) -> Option<String> {
    let is_sdk = ["stepwell-sdk", "stepwell-sdk-macros"].contains(&name);
    (language == Language::Rust && is_sdk).then(|| {
        format!(
            "`{name}` cannot name a plugin in Rust: a package of the SDK, which the project brings along, is called that; \
             give it another name, such as `my-{name}`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_everywhere() {
        for name in ["lint", "lint-2", "a"] {
            assert!(is_name(name), "{name}");
        }
        let long = "a".repeat(41);
        for name in [
            "", "2lint", "-a", "a-", "a--b", "Lint", "a_b", "a.b", "../a", &long,
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_package_of_the_sdk_is_no_plugin_in_rust() {
        let why = taken(Language::Rust, "stepwell-sdk").unwrap();
        assert!(why.ends_with("such as `my-stepwell-sdk`"), "{why}");
        assert!(taken(Language::Rust, "stepwell-sdk-macros").is_some());
        assert_eq!(taken(Language::Go, "stepwell-sdk"), None);
        // The names of the language and of its library are in no code.
        for name in [
            "fn", "self", "match", "std", "core", "alloc", "stepwell", "test", "tests",
        ] {
            assert!(is_name(name), "{name}");
            assert_eq!(taken(Language::Rust, name), None);
        }
    }
}
