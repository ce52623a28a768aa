//! A step's place in a daemon: what it left there, read from outside.
//!
//! The container is kept, stopped, as long as somebody holds its place, and no longer than its task. All that is read comes as
//! archives, whose names and kinds are looked at before anybody is handed them.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stepwell_contract::power::{EachFile, Shell, ShellSpec};
use stepwell_contract::{Place, SandboxError, SandboxErrorKind};
use tar::{Builder, EntryType};

use super::BACKEND;
use super::daemon::failed;
use super::files::{self, Content, Download, Found};
use super::run::Container;
use super::shell;
use crate::unpack::{self, Bounds, UnpackError};

/// The place of one step.
pub(super) struct DaemonPlace(pub(super) Container);

/// Why an extraction ended early.
enum Stopped {
    /// What was sent, or the way here.
    Ours(Box<dyn std::error::Error + Send + Sync>),
    /// Who takes the files.
    Theirs(io::Error),
}

impl From<UnpackError> for Stopped {
    fn from(error: UnpackError) -> Self {
        Self::Ours(error.into())
    }
}

impl DaemonPlace {
    /// The container, after its step ended.
    fn container(&self) -> Result<String, SandboxError> {
        self.0.held.id().ok_or_else(|| {
            let doing = format!("look at what is left of step `{}`", self.0.name);
            SandboxError::new(BACKEND, doing, SandboxErrorKind::NotFound)
                .because("the step has not run, or its task has ended")
        })
    }

    /// Where volumes were mounted, below the root.
    fn mounts(&self) -> impl Iterator<Item = PathBuf> {
        let host = self.0.body.host_config.iter();
        let mounts = host.flat_map(|host| host.mounts.iter().flatten());
        let targets = mounts.filter_map(|mount| mount.target.as_deref());
        targets.map(|target| PathBuf::from(target.trim_start_matches('/')))
    }
}

/// Adds one entry that a daemon sent.
fn add<W: Write>(
    archive: &mut Builder<W>,
    path: &Path,
    entry: unpack::Handed<'_>,
) -> Result<(), Stopped> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(entry.header.entry_type());
    header.set_mode(entry.header.mode().unwrap_or_default() & 0o7777);
    header.set_uid(entry.header.uid().unwrap_or_default());
    header.set_gid(entry.header.gid().unwrap_or_default());
    // Times differ from run to run.
    header.set_mtime(0);
    header.set_size(0);
    let added = match (entry.header.entry_type(), entry.link) {
        (EntryType::Regular | EntryType::Continuous, _) => {
            header.set_size(entry.header.entry_size().unwrap_or_default());
            archive.append_data(&mut header, path, entry.content)
        }
        (EntryType::Directory, _) => archive.append_data(&mut header, path, io::empty()),
        (EntryType::Symlink | EntryType::Link, Some(link)) => {
            archive.append_link(&mut header, path, text(link))
        }
        _ => Ok(()),
    };
    added.map_err(Stopped::Theirs)
}

fn extracting(path: &str, kind: SandboxErrorKind) -> SandboxError {
    SandboxError::new(BACKEND, format!("extract `{}`", path.escape_debug()), kind)
}

fn check(path: &str) -> Result<(), SandboxError> {
    match path.starts_with('/') && !path.contains('\0') {
        true => Ok(()),
        false => {
            Err(extracting(path, SandboxErrorKind::Malformed).because("its path is not absolute"))
        }
    }
}

fn text(name: &[u8]) -> &OsStr {
    OsStr::from_bytes(name)
}

impl Place for DaemonPlace {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn shell(&self, spec: ShellSpec) -> Result<Shell, SandboxError> {
        shell::open(&self.0, spec)
    }

    fn extract_file(&self, path: &str) -> Result<Box<dyn Read + Send>, SandboxError> {
        check(path)?;
        let id = self.container()?;
        let daemon = &self.0.held.daemon;
        let found = files::find(daemon, &id, path);
        let found =
            found.map_err(|error| failed(format!("extract `{}`", path.escape_debug()), error))?;
        let content = match found {
            Found::File(at) => Content::new(daemon, &id, &at)
                .map_err(|error| extracting(path, SandboxErrorKind::Host).because(error))?,
            _ => None,
        };
        let content = content.ok_or_else(|| {
            extracting(path, SandboxErrorKind::NotFound).because("there is no such file")
        })?;
        Ok(Box::new(content))
    }

    fn extract_folder(&self, path: &str, each: &mut EachFile<'_>) -> Result<(), SandboxError> {
        check(path)?;
        let id = self.container()?;
        let daemon = &self.0.held.daemon;
        let found = files::find(daemon, &id, path);
        let found =
            found.map_err(|error| failed(format!("extract `{}`", path.escape_debug()), error))?;
        let Found::Folder(folder) = found else {
            let missing = extracting(path, SandboxErrorKind::NotFound);
            return Err(missing.because("there is no such folder"));
        };
        let archive = Download::new(daemon, &id, &format!("{folder}/."));
        let walked = unpack::each_entry(archive, &Bounds::default(), |entry| {
            let below: PathBuf = entry.names.iter().map(|name| text(name)).collect();
            // What has a name that is no text cannot be asked for by name either.
            let Some(below) = below.to_str() else {
                return Ok(());
            };
            match entry.header.entry_type() {
                EntryType::Regular | EntryType::Continuous => {
                    each(below, entry.content).map_err(Stopped::Theirs)
                }
                EntryType::Symlink | EntryType::Link => {
                    let at = format!("{folder}/{below}");
                    let found = files::find(daemon, &id, &at);
                    let Found::File(at) = found.map_err(|error| Stopped::Ours(error.into()))?
                    else {
                        return Ok(());
                    };
                    let content = Content::new(daemon, &id, &at);
                    match content.map_err(|error| Stopped::Ours(error.into()))? {
                        Some(mut content) => each(below, &mut content).map_err(Stopped::Theirs),
                        None => Ok(()),
                    }
                }
                _ => Ok(()),
            }
        });
        walked.map_err(|stopped| match stopped {
            Stopped::Ours(error) => extracting(path, SandboxErrorKind::Host).because(error),
            Stopped::Theirs(error) => {
                extracting(path, SandboxErrorKind::Interrupted).because(error)
            }
        })
    }

    fn archive(&self, to: &mut dyn Write) -> Result<(), SandboxError> {
        let id = self.container()?;
        let doing = || format!("archive step `{}`", self.0.name);
        let theirs = |error: io::Error| {
            SandboxError::new(BACKEND, doing(), SandboxErrorKind::Interrupted).because(error)
        };
        let stopped = |stopped| match stopped {
            Stopped::Ours(error) => {
                SandboxError::new(BACKEND, doing(), SandboxErrorKind::Host).because(error)
            }
            Stopped::Theirs(error) => theirs(error),
        };
        let mut archive = Builder::new(to);
        // Docker shows what was mounted with the rest, Podman only where it is asked for.
        let mut mounts: Vec<_> = self.mounts().map(|mount| (mount, false)).collect();
        let all = Download::new(&self.0.held.daemon, &id, "/.");
        let walked = unpack::each_entry(all, &Bounds::default(), |entry| {
            let path: PathBuf = entry.names.iter().map(|name| text(name)).collect();
            for (mount, shown) in &mut mounts {
                *shown |= path != *mount && path.starts_with(mount);
            }
            add(&mut archive, &path, entry)
        });
        walked.map_err(stopped)?;
        for (mount, _) in mounts.into_iter().filter(|(_, shown)| !shown) {
            let from = format!("/{}/.", mount.display());
            let all = Download::new(&self.0.held.daemon, &id, &from);
            let walked = unpack::each_entry(all, &Bounds::default(), |entry| {
                let below: PathBuf = entry.names.iter().map(|name| text(name)).collect();
                match below.as_os_str().is_empty() {
                    true => Ok(()),
                    false => add(&mut archive, &mount.join(below), entry),
                }
            });
            walked.map_err(stopped)?;
        }
        archive.finish().map_err(theirs)
    }
}
