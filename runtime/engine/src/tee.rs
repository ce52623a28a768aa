//! Copies of a step's output in files of its own (`stdoutConfig`, `stderrConfig`).
//!
//! As in Tekton the output is shown as well, a file is added to and never emptied, and two outputs with one path come in
//! the order in which they were written. A path leads into one of the step's writable mounts, through the mount's handle:
//! no link leads out of it. What is there and is no file is not written to.

use std::io::{self, Write as _};
use std::path::Path;

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use stepwell_contract::{Access, LogStream, Mount, Volume};
use stepwell_spec::Tee;

use crate::plan::layout::{below, normal};

/// The files that the outputs of one step are copied to.
#[derive(Debug, Default)]
pub(crate) struct Tees {
    /// One, or two where the paths differ.
    files: Vec<File>,
    /// Which of them.
    stdout: Option<usize>,
    stderr: Option<usize>,
    /// The first thing that could not be written.
    pub(crate) trouble: Option<String>,
}

impl Tees {
    /// Opens the files; `mounts` are the step's, `volumes` the task's.
    ///
    /// # Errors
    ///
    /// Why one cannot be written to, for a person.
    pub(crate) fn open(
        stdout: Option<&Tee>,
        stderr: Option<&Tee>,
        mounts: &[Mount],
        volumes: &[Volume],
    ) -> Result<Self, String> {
        let mut tees = Self::default();
        let mut add =
            |tee: &Tee| {
                let file = open(&tee.path, mounts, volumes);
                tees.files.push(file.map_err(|why| {
                    format!("its output cannot be copied to `{}`: {why}", tee.path)
                })?);
                Ok::<_, String>(tees.files.len() - 1)
            };
        let first = stdout.map(&mut add).transpose()?;
        let same = stdout
            .zip(stderr)
            .is_some_and(|(a, b)| normal(&a.path) == normal(&b.path));
        let second = match same {
            true => first,
            false => stderr.map(&mut add).transpose()?,
        };
        (tees.stdout, tees.stderr) = (first, second);
        Ok(tees)
    }

    /// Copies what was written to `stream`.
    pub(crate) fn write(&mut self, stream: LogStream, bytes: &[u8]) {
        let index = match stream {
            LogStream::Stdout => self.stdout,
            LogStream::Stderr => self.stderr,
        };
        let Some(file) = index.and_then(|index| self.files.get_mut(index)) else {
            return;
        };
        if let Err(error) = file.write_all(bytes) {
            self.trouble
                .get_or_insert_with(|| format!("the copy of its output is not whole: {error}"));
        }
    }
}

fn open(path: &str, mounts: &[Mount], volumes: &[Volume]) -> Result<File, String> {
    let path = normal(path).ok_or("its path has a `..`")?;
    let mount = mounts
        .iter()
        .filter_map(|mount| Some((mount, below(&path, &mount.path)?)))
        .max_by_key(|(mount, _)| mount.path.len());
    let (mount, inside) = mount.ok_or("it is in no workspace and no folder of the step")?;
    if mount.access == Access::ReadOnly {
        return Err(format!("the step may only read `{}`", mount.path));
    }
    let volume = volumes.iter().find(|volume| volume.name == mount.volume);
    let volume = volume.ok_or("its folder is not open")?;
    open_file(&volume.dir, Path::new(inside)).map_err(|error| error.to_string())
}

fn open_file(dir: &Dir, path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent().filter(|parent| *parent != Path::new("")) {
        dir.create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options
        .append(true)
        .create(true)
        // A pipe that nobody reads does not answer otherwise.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = dir.open_with(path, &options)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    }
}
