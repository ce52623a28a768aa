//! What `image:` says about where an image is: a registry, a layout, an archive, a daemon.
//!
//! It does not know whether there is such an image, nor from where a relative path starts. A path of a file that is the code
//! itself is not for here.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::reference::{Reference, ReferenceError};

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a registry.
    Registry(Reference),
    /// On this machine.
    Local(Local),
    /// In a Docker daemon, by this name. Whoever speaks to one takes it out; the store is given the archive.
    DockerDaemon(String),
}

/// An image in a folder or a file. No part of a path may have a `:` in it: what follows one is the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// How it is laid out.
    pub form: Form,
    /// Where, as written.
    pub path: PathBuf,
    /// Which image in there, where there are several: a tag, or a name with a tag.
    pub image: Option<String>,
}

/// How images are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `oci:DIR[:TAG]`: a folder as the image specification of OCI has it.
    Layout,
    /// `oci-archive:FILE[:TAG]`: such a folder as a tar archive.
    OciArchive,
    /// `docker-archive:FILE[:NAME]`: what `docker save` writes.
    DockerArchive,
}

impl Form {
    /// What stands before the path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Layout => "oci",
            Self::OciArchive => "oci-archive",
            Self::DockerArchive => "docker-archive",
        }
    }
}

/// As `image:` would say it.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Local(Local { form, path, image }) => {
                write!(f, "{}:{}", form.as_str(), path.display())?;
                match image {
                    Some(image) => write!(f, ":{image}"),
                    None => Ok(()),
                }
            }
            Self::DockerDaemon(name) => write!(f, "docker-daemon:{name}"),
        }
    }
}

/// The text says of no image where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// It is no reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// There is no path.
    #[error("there is no path after its `:`")]
    Path,
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix("docker-daemon:") {
            return Ok(Self::DockerDaemon(name.to_owned()));
        }
        for form in [Form::Layout, Form::OciArchive, Form::DockerArchive] {
            let rest = text
                .strip_prefix(form.as_str())
                .and_then(|rest| rest.strip_prefix(':'));
            let Some(rest) = rest else {
                continue;
            };
            let (path, image) = match rest.split_once(':') {
                Some((path, image)) => (path, Some(image).filter(|image| !image.is_empty())),
                None => (rest, None),
            };
            if path.is_empty() {
                return Err(LocationError::Path);
            }
            return Ok(Self::Local(Local {
                form,
                path: path.into(),
                image: image.map(str::to_owned),
            }));
        }
        Ok(Self::Registry(text.parse()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_place_is_told_by_what_stands_before_the_colon() {
        let local = |form, path: &str, image: Option<&str>| {
            Ok(Location::Local(Local {
                form,
                path: path.into(),
                image: image.map(str::to_owned),
            }))
        };
        for (text, expected) in [
            ("oci:./a", local(Form::Layout, "./a", None)),
            ("oci:/a/b:1.2", local(Form::Layout, "/a/b", Some("1.2"))),
            ("oci-archive:a.tar:", local(Form::OciArchive, "a.tar", None)),
            (
                "docker-archive:a.tar:alpine:3",
                local(Form::DockerArchive, "a.tar", Some("alpine:3")),
            ),
            (
                "docker-daemon:alpine:3",
                Ok(Location::DockerDaemon("alpine:3".to_owned())),
            ),
            (
                "oci",
                "oci"
                    .parse()
                    .map(Location::Registry)
                    .map_err(LocationError::from),
            ),
            ("oci::x", Err(LocationError::Path)),
            (
                "A b",
                Err(LocationError::Reference(ReferenceError::Repository)),
            ),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }
}
