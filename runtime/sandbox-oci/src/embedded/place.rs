//! A step's place: what can be done there while the step runs, and after it.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustix_namespaces::fs::FileType;
use stepwell_contract::power::{EachFile, Shell, ShellSpec};
use stepwell_contract::{Place, SandboxError, SandboxErrorKind};

use crate::BACKEND;
use crate::embedded::archive;
use crate::embedded::look::{Root, is_missing, kind};
use crate::embedded::shell;
use crate::embedded::site::Site;

/// The place of one step.
pub(crate) struct ContainerPlace(pub(crate) Arc<Site>);

/// Why an extraction ended early.
enum Stopped {
    /// By us.
    Ours(io::Error),
    /// By who takes the files.
    Theirs(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Ours(error)
    }
}

impl ContainerPlace {
    fn missing(&self, doing: &str, cause: &'static str) -> SandboxError {
        let doing = format!("{doing} step `{}`", self.0.name);
        SandboxError::new(BACKEND, doing, SandboxErrorKind::NotFound).because(cause)
    }

    /// What the step left, after it ended; the task's end waits until it is let go.
    fn root(&self) -> Result<Root, SandboxError> {
        let doing = "look at what is left of";
        if self.0.occupancy.ends.reason().is_some() {
            return Err(self.missing(doing, "its task has ended"));
        }
        if !self.0.has_ended() {
            return Err(self.missing(doing, "the step has not ended"));
        }
        Root::open(&self.0)
    }
}

fn check(path: &str) -> Result<&Path, SandboxError> {
    if !path.starts_with('/') || path.contains('\0') {
        return Err(
            extracting(path, SandboxErrorKind::Malformed).because("its path is not absolute")
        );
    }
    // A slash at the end would make a file a folder.
    Ok(Path::new(match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    }))
}

fn extracting(path: &str, kind: SandboxErrorKind) -> SandboxError {
    SandboxError::new(BACKEND, format!("extract `{}`", path.escape_debug()), kind)
}

fn trouble(path: &str, error: io::Error) -> SandboxError {
    let kind = match is_missing(&error) {
        true => SandboxErrorKind::NotFound,
        false => SandboxErrorKind::Host,
    };
    extracting(path, kind).because(error)
}

impl Place for ContainerPlace {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn shell(&self, spec: ShellSpec) -> Result<Shell, SandboxError> {
        let doing = "open a shell in";
        match (self.0.has_begun(), self.0.occupancy.ends.reason()) {
            (true, None) => shell::open(&self.0, spec),
            (false, _) => Err(self.missing(doing, "the step has not begun")),
            (true, Some(_)) => Err(self.missing(doing, "its task has ended")),
        }
    }

    fn extract_file(&self, path: &str) -> Result<Box<dyn Read + Send>, SandboxError> {
        let at = check(path)?;
        let _occupant = self.0.occupancy.enter();
        let file = self.root()?.file(at);
        Ok(Box::new(file.map_err(|error| trouble(path, error))?))
    }

    fn extract_folder(&self, path: &str, each: &mut EachFile<'_>) -> Result<(), SandboxError> {
        let at = check(path)?;
        let _occupant = self.0.occupancy.enter();
        let root = self.root()?;
        root.folder(at).map_err(|error| trouble(path, error))?;
        let walked = root.walk(at, |path, below, found| {
            if self.0.occupancy.ends.reason().is_some() {
                return Err(Stopped::Theirs(io::Error::other("its task has ended")));
            }
            // What has a name that is no text cannot be asked for by name either.
            let (Some(below), false) = (below.to_str(), kind(found) == FileType::Directory) else {
                return Ok(());
            };
            let mut file = match root.file(path) {
                Err(error) if is_missing(&error) => return Ok(()),
                file => file?,
            };
            each(below, &mut file).map_err(Stopped::Theirs)
        });
        walked.map_err(|stopped| match stopped {
            Stopped::Ours(error) => extracting(path, SandboxErrorKind::Host).because(error),
            Stopped::Theirs(error) => {
                extracting(path, SandboxErrorKind::Interrupted).because(error)
            }
        })
    }

    fn archive(&self, to: &mut dyn Write) -> Result<(), SandboxError> {
        let _occupant = self.0.occupancy.enter();
        let root = self.root()?;
        archive::write(&root, to, &self.0.occupancy.ends).map_err(|(kind, error)| {
            let doing = format!("archive step `{}`", self.0.name);
            SandboxError::new(BACKEND, doing, kind).because(error)
        })
    }
}
