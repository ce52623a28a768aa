//! The languages that a project can be written in.

use clap::ValueEnum;

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust: a plugin with the SDK
    Rust,
    /// C: an ordinary program
    C,
    /// Go: an ordinary program
    Go,
    /// Python: a plugin, with its interpreter inside
    Python,
    /// JavaScript: a plugin, with its engine inside
    Js,
}

impl Language {
    /// As `--lang` and `stepwell.toml` write it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Go => "go",
            Self::Python => "python",
            Self::Js => "js",
        }
    }

    /// The language of this name.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let all = Self::value_variants().iter().copied();
        all.into_iter().find(|one| one.as_str() == text)
    }

    /// All of them, for a message.
    pub(crate) fn list() -> String {
        let names = Self::value_variants().iter().map(|one| one.as_str());
        names.collect::<Vec<_>>().join(", ")
    }
}
