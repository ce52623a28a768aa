//! What a layer must not hold, and how it is said.

use std::io;

/// Names are shown up to here: they are somebody else's.
const SHOWN: usize = 200;

/// Why an entry of a layer is not unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Refusal {
    /// More entries than a layer may have.
    #[error("the layer has more than {0} entries")]
    TooManyEntries(u64),
    /// `..` in its name.
    #[error("its name has `..` in it")]
    DotDot,
    /// It has no name, or one with a NUL in it.
    #[error("its name is no file name")]
    Name,
    /// A name of more than 255 bytes, or a path of more than 4,096.
    #[error("its name is too long")]
    NameTooLong,
    /// Too many names below each other.
    #[error("it is deeper than {0} folders")]
    TooDeep(usize),
    /// Its path goes through a link that leads out of the root.
    #[error("its path goes through a link that leaves the root")]
    Leaves,
    /// What should be a folder on its way is not.
    #[error("its path goes through something that is no folder")]
    NotAFolder,
    /// A device node.
    #[error("it is a device node")]
    Device,
    /// A sparse file, whose size says nothing about what is in the archive.
    #[error("it is a sparse file")]
    Sparse,
    /// A kind of entry that a layer has no use for.
    #[error("it is of the unknown kind {0:#04x}")]
    Kind(u8),
    /// A link that says nothing about where it leads.
    #[error("it is a link without a target")]
    NoTarget,
    /// A hard link to what is not a file of this layer.
    #[error("it is a hard link to `{0}`, which is no file of this layer")]
    LinkTarget(String),
    /// A whiteout that hides nothing a whiteout may hide.
    #[error("it is a whiteout out of place")]
    Whiteout,
    /// An extended header that is too large, or contradicts the header.
    #[error("its extended header cannot be meant")]
    Extension,
}

/// A layer was not unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum UnpackError {
    /// Something in it has no business in a layer.
    #[error("entry `{entry}` is refused: {refusal}")]
    Refused {
        /// Its name, made fit to be shown.
        entry: String,
        /// What is wrong with it.
        refusal: Refusal,
    },
    /// A header says what no header can.
    #[error("entry `{entry}` has a malformed header")]
    Malformed {
        /// Its name, made fit to be shown.
        entry: String,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// The archive could not be read, or is none.
    #[error("failed to read the archive")]
    Read(#[source] io::Error),
    /// The disk refused.
    #[error("failed to write `{entry}`")]
    Write {
        /// Its name, made fit to be shown.
        entry: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
}

impl UnpackError {
    pub(crate) fn refused(entry: &[u8], refusal: Refusal) -> Self {
        Self::Refused {
            entry: shown(entry),
            refusal,
        }
    }

    pub(crate) fn malformed(entry: &[u8], source: io::Error) -> Self {
        Self::Malformed {
            entry: shown(entry),
            source,
        }
    }

    pub(crate) fn write(entry: &[u8], source: impl Into<io::Error>) -> Self {
        Self::Write {
            entry: shown(entry),
            source: source.into(),
        }
    }

    /// Whether whoever made the layer is to blame, and not this machine.
    pub(crate) fn is_the_layers(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Malformed { .. } => true,
            // What the kernel did not say was said by whoever took the archive apart.
            Self::Read(source) => source.raw_os_error().is_none(),
            Self::Write { .. } => false,
        }
    }
}

/// A name as it can be printed: somebody else chose it.
pub(crate) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect()
}
