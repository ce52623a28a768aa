//! The place of a step of the mock, with every power over it.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use cap_std::fs::{Dir, File};
use stepwell_contract::power::{Display, DisplayStream, EachFile, Shell, ShellSpec};
use stepwell_contract::{
    Access, Cancel, CancelReason, Ending, Feature, Place, SandboxError, SandboxErrorKind, Volume,
};

use super::scope::{Proxies, refuse};
use super::sight::{Seen, Sight};
use super::{Flaw, NAME, Shared, display, shell};

/// A step's place.
pub(super) struct MockPlace {
    shared: Arc<Shared>,
    sight: Sight,
    proxies: Arc<Proxies>,
    /// Asked for when the task ends.
    ends: Cancel,
    /// Asked for when the step ends.
    ended: Cancel,
    life: Mutex<Life>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Prepared,
    Running,
    Ended { well: bool },
}

fn error(kind: SandboxErrorKind, doing: &str, cause: io::Error) -> SandboxError {
    SandboxError::new(NAME, doing, kind).because(cause)
}

fn missing(path: &str) -> SandboxError {
    SandboxError::new(
        NAME,
        format!("extract `{path}`"),
        SandboxErrorKind::NotFound,
    )
    .because("there is no such thing")
}

impl MockPlace {
    pub(super) fn new(
        shared: Arc<Shared>,
        mut sight: Sight,
        proxies: Arc<Proxies>,
        ends: Cancel,
        volumes: Vec<Volume>,
    ) -> Self {
        if shared.has(Flaw::ExtractsUnseen) {
            sight.mounts.extend(volumes.into_iter().map(|volume| Seen {
                path: format!("/{}", volume.name),
                access: Access::ReadOnly,
                dir: volume.dir,
                host: volume.path,
            }));
        }
        Self {
            shared,
            sight,
            proxies,
            ends,
            ended: Cancel::new(),
            life: Mutex::new(Life::Prepared),
        }
    }

    pub(super) fn begin(&self) {
        *self.life.lock().unwrap() = Life::Running;
    }

    pub(super) fn end(&self, ending: &Ending) {
        let well = ending.is_success();
        *self.life.lock().unwrap() = Life::Ended { well };
        if !self.shared.has(Flaw::DisplayStays) {
            self.ended.cancel(CancelReason::Asked);
        }
    }

    fn has(&self, feature: Feature) -> Result<(), SandboxError> {
        match self.shared.features.contains(&feature) {
            true => Ok(()),
            false => Err(refuse(&self.shared, feature)),
        }
    }

    fn may_extract(&self, path: &str) -> Result<(), SandboxError> {
        self.has(Feature::Extract)?;
        let is_relative = !path.starts_with('/') || path.contains('\0');
        if is_relative && !self.shared.has(Flaw::ExtractsRelative) {
            let doing = format!("extract `{}`", path.escape_debug());
            return Err(SandboxError::new(NAME, doing, SandboxErrorKind::Malformed));
        }
        let life = *self.life.lock().unwrap();
        if self.shared.has(Flaw::ExtractsSuccess) && life != (Life::Ended { well: true }) {
            return Err(missing(path));
        }
        Ok(())
    }

    /// Opens what is to be handed out: a regular file, where the step sees one.
    fn open(&self, path: &str) -> Option<Box<dyn Read + Send>> {
        if self.shared.has(Flaw::ExtractsOutside) {
            let (seen, rest) = self.sight.mounts.iter().find_map(|seen| {
                let rest = path.strip_prefix(&format!("{}/", seen.path))?;
                Some((seen, rest))
            })?;
            return std::fs::read(seen.host.join(rest)).ok().map(boxed);
        }
        let file: File = self.sight.open(path).ok()?;
        let found = file.metadata().ok()?;
        if !found.is_file() && !self.shared.has(Flaw::ExtractsSpecial) {
            return None;
        }
        if self.shared.has(Flaw::CutsFiles) {
            return Some(Box::new(file.take(found.len().saturating_sub(1))));
        }
        Some(Box::new(file))
    }

    /// Hands out what is below a folder, in order; `at` is where, `relative` what that is called.
    fn walk(&self, at: &str, relative: &str, each: &mut EachFile<'_>) -> Result<(), SandboxError> {
        let folder: Dir = self.sight.open_folder(at).map_err(|_| missing(at))?;
        for name in self.sight.names(at).map_err(|_| missing(at))? {
            let (path, relative) = (format!("{at}/{name}"), format!("{relative}{name}"));
            let Ok(found) = folder.symlink_metadata(&name) else {
                continue;
            };
            if found.is_dir() {
                if !self.shared.has(Flaw::ExtractsFlat) {
                    self.walk(&path, &format!("{relative}/"), each)?;
                }
                continue;
            }
            if found.is_symlink() && self.shared.has(Flaw::ExtractsNoLinks) {
                continue;
            }
            let Some(mut content) = self.open(&path) else {
                continue;
            };
            match each(&relative, &mut content) {
                Err(cause) if !self.shared.has(Flaw::GoesOn) => {
                    let kind = SandboxErrorKind::Interrupted;
                    return Err(error(kind, "extract a folder", cause));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn append(&self, archive: &mut tar::Builder<&mut dyn Write>, at: &str) -> io::Result<()> {
        let folder = self.sight.open_folder(at)?;
        let name = at.trim_start_matches('/');
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        archive.append_data(&mut header, format!("{name}/"), io::empty())?;
        for entry in self.sight.names(at)? {
            let (path, name) = (format!("{at}/{entry}"), format!("{name}/{entry}"));
            let found = folder.symlink_metadata(&entry)?;
            if found.is_dir() {
                self.append(archive, &path)?;
            } else if found.is_symlink() && !self.shared.has(Flaw::ArchivesThroughLinks) {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, name, folder.read_link_contents(&entry)?)?;
            } else if let Some(mut content) = self.open(&path) {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes)?;
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(bytes.len() as u64);
                archive.append_data(&mut header, name, bytes.as_slice())?;
            }
        }
        Ok(())
    }
}

fn boxed(bytes: Vec<u8>) -> Box<dyn Read + Send> {
    Box::new(io::Cursor::new(bytes))
}

impl Place for MockPlace {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn shell(&self, spec: ShellSpec) -> Result<Shell, SandboxError> {
        self.has(Feature::Shell)?;
        let life = *self.life.lock().unwrap();
        let only_running = self.shared.has(Flaw::ShellOnlyRunning);
        if life == Life::Prepared || only_running && life != Life::Running {
            let kind = SandboxErrorKind::NotFound;
            return Err(SandboxError::new(NAME, "open a shell", kind));
        }
        let mut sight = self.sight.clone();
        if self.shared.has(Flaw::ShellElsewhere) {
            sight.mounts.clear();
        }
        let proxies = Arc::clone(&self.proxies);
        Ok(shell::open(spec, sight, proxies, self.ends.clone()))
    }

    fn displays(&self) -> Result<Vec<Display>, SandboxError> {
        self.has(Feature::Display)?;
        Ok(display::list(&self.shared))
    }

    fn open_display(&self, name: &str) -> Result<DisplayStream, SandboxError> {
        self.has(Feature::Display)?;
        let ended = self.ended.clone();
        display::open(&self.shared, name, ended).ok_or_else(|| {
            let doing = format!("open the display `{}`", name.escape_debug());
            SandboxError::new(NAME, doing, SandboxErrorKind::NotFound)
        })
    }

    fn extract_file(&self, path: &str) -> Result<Box<dyn Read + Send>, SandboxError> {
        self.may_extract(path)?;
        match self.open(path) {
            None if self.shared.has(Flaw::ExtractsNothing) => Ok(boxed(Vec::new())),
            opened => opened.ok_or_else(|| missing(path)),
        }
    }

    fn extract_folder(&self, path: &str, each: &mut EachFile<'_>) -> Result<(), SandboxError> {
        self.may_extract(path)?;
        if self.shared.has(Flaw::ExtractsNothing) && self.sight.open_folder(path).is_err() {
            return Ok(());
        }
        self.walk(path, "", each)
    }

    fn archive(&self, to: &mut dyn Write) -> Result<(), SandboxError> {
        self.has(Feature::Archive)?;
        let mut archive = tar::Builder::new(to);
        let mut written = Ok(());
        for seen in &self.sight.mounts {
            let left_out =
                self.shared.has(Flaw::ArchivesWritable) && seen.access == Access::ReadOnly;
            if written.is_ok() && !left_out {
                written = self.append(&mut archive, &seen.path);
            }
        }
        let finished = written.and_then(|()| archive.finish());
        match finished {
            Err(cause) if !self.shared.has(Flaw::HidesFailedWrites) => Err(error(
                SandboxErrorKind::Interrupted,
                "archive the step",
                cause,
            )),
            _ => Ok(()),
        }
    }
}
