//! What runs in place of images: a file with a component, or another image.
//!
//! Knows how that is written; whether it is there is found out when an image is wanted.

use std::fmt;
use std::path::{Path, PathBuf};

use stepwell_registry::{Local, Location};

use super::Pattern;

/// An image that stands for others.
#[derive(Debug, Clone)]
pub(crate) struct Substitution {
    /// For which.
    pub(crate) pattern: Pattern,
    /// What stands for them.
    pub(crate) substitute: Substitute,
    /// Where it says so: `stepwell.toml:3`, `--image`.
    pub(crate) place: String,
}

/// What stands for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Substitute {
    /// A component in a file.
    File(PathBuf),
    /// An image in a registry, a layout or an archive.
    Image(Location),
}

impl Substitute {
    /// Reads what `image:` of a step could say as well.
    ///
    /// # Errors
    ///
    /// Why it names nothing, for a person.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if let Some(path) = as_path(text) {
            return Ok(Self::File(path));
        }
        let location: Location = text
            .parse()
            .map_err(|error| format!("{error}; {EXPECTED}"))?;
        // Nobody calls an image so, and a name of a file must not be asked for on the internet.
        let is_file = [".wasm", ".wat"].iter().any(|end| text.ends_with(end));
        match location {
            Location::Registry(_) if is_file => {
                Err(format!("a path starts with `./`, as in `./{text}`"))
            }
            location => Ok(Self::Image(location)),
        }
    }

    /// The same, with a relative path starting at `folder`.
    #[must_use]
    pub(crate) fn below(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            Self::Image(Location::Local(local)) => Self::Image(Location::Local(Local {
                path: folder.join(&local.path),
                ..local
            })),
            other => other,
        }
    }
}

const EXPECTED: &str = "an image is a path as in `./step.wasm`, a reference as in `ghcr.io/owner/name:1`, or `oci:DIR`, \
                        `oci-archive:FILE`, `docker-archive:FILE`";

/// As plans and records show it.
impl fmt::Display for Substitute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Image(location) => location.fmt(f),
        }
    }
}

/// The path that an image names: `./x`, `../x`, `/x`, `file:x`, `file:///x`. `None` for a container image.
pub(crate) fn as_path(image: &str) -> Option<PathBuf> {
    if let Some(path) = image.strip_prefix("file:") {
        return Some(path.strip_prefix("//").unwrap_or(path).into());
    }
    let path = image.starts_with("./") || image.starts_with("../") || image.starts_with('/');
    path.then(|| image.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_path_only_where_it_looks_like_one() {
        for (image, path) in [
            ("./a.wasm", Some("./a.wasm")),
            ("../a.wasm", Some("../a.wasm")),
            ("/a.wasm", Some("/a.wasm")),
            ("file:a.wasm", Some("a.wasm")),
            ("file:///a.wasm", Some("/a.wasm")),
            ("a.wasm", None),
            ("alpine", None),
            ("ghcr.io/owner/name:1", None),
            ("oci:./folder", None),
            ("docker-archive:./x.tar", None),
        ] {
            assert_eq!(as_path(image), path.map(PathBuf::from), "{image}");
        }
    }

    #[test]
    fn whatever_a_step_could_name_stands_for_an_image_and_paths_start_at_the_folder() {
        let folder = Path::new("/project");
        for (text, shown) in [
            ("./sh.wasm", "/project/./sh.wasm"),
            ("/sh.wasm", "/sh.wasm"),
            ("oci:./layout:1", "oci:/project/./layout:1"),
            ("oci-archive:a.tar", "oci-archive:/project/a.tar"),
            (
                "docker-archive:/a.tar:alpine:3",
                "docker-archive:/a.tar:alpine:3",
            ),
            ("docker-daemon:alpine:3", "docker-daemon:alpine:3"),
            ("localhost:5000/bash:5", "localhost:5000/bash:5"),
            ("bash:5", "docker.io/library/bash:5"),
        ] {
            let substitute = Substitute::read(text).unwrap().below(folder);
            assert_eq!(substitute.to_string(), shown);
        }
        for text in ["sh.wasm", "tools/sh.wat", "Not An Image", "oci:"] {
            assert!(Substitute::read(text).is_err(), "{text}");
        }
    }
}
