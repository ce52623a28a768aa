//! Reads the lines of a file that somebody may still be writing.
//!
//! It never waits and never sleeps: whoever follows a run asks again after a moment of its own choosing. It ends when
//! the file does and nobody holds the run's lock, however the writer went. The road not taken is inotify, which is
//! another thing on every platform, and which does not tell that the writer died.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::error::StoreError;

/// How long a line may be that is given; a longer one is left out. A result may have a megabyte and a half.
const LONGEST_LINE: usize = 64 << 20;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A line, without its end.
    Line(String),
    /// Nothing for now: the run goes on.
    Nothing,
    /// Nothing any more. A last line without an end was torn by a crash, and is left out.
    End,
}

/// The lines of a file, as they come.
#[derive(Debug)]
pub struct Tail {
    file: File,
    folder: OwnedFd,
    path: PathBuf,
    /// What was read; the lines before `given` were given, and up to `searched` there is no end of a line.
    text: Vec<u8>,
    given: usize,
    searched: usize,
    /// Whether the line that is being read is too long.
    skipping: bool,
    /// Whether the writer was gone before the file was last looked at.
    gone: bool,
}

impl Tail {
    pub(super) fn new(file: File, folder: OwnedFd, path: PathBuf) -> Self {
        Self {
            file,
            folder,
            path,
            text: Vec::new(),
            given: 0,
            searched: 0,
            skipping: false,
            gone: false,
        }
    }

    /// The next line, if there is one by now. Returns at once.
    ///
    /// # Errors
    ///
    /// What the file system refused.
    pub fn next_line(&mut self) -> Result<Next, StoreError> {
        loop {
            if let Some(line) = self.line() {
                return Ok(Next::Line(line));
            }
            if self.read()? > 0 {
                continue;
            }
            if self.gone {
                return Ok(Next::End);
            }
            let locked = super::is_locked(&self.folder);
            if locked.map_err(StoreError::io("look at", &self.path))? {
                return Ok(Next::Nothing);
            }
            // What was written between the last look and the end is still to be read.
            self.gone = true;
        }
    }

    /// A whole line of what was read.
    fn line(&mut self) -> Option<String> {
        loop {
            let Some(length) = self.text[self.searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            else {
                self.searched = self.text.len();
                if self.searched - self.given > LONGEST_LINE {
                    self.skipping = true;
                    self.text.clear();
                    (self.given, self.searched) = (0, 0);
                }
                return None;
            };
            let end = self.searched + length;
            let line = &self.text[self.given..end];
            let line = (!self.skipping).then(|| String::from_utf8_lossy(line).into_owned());
            (self.given, self.searched) = (end + 1, end + 1);
            self.skipping = false;
            if line.is_some() {
                return line;
            }
        }
    }

    fn read(&mut self) -> Result<usize, StoreError> {
        self.text.drain(..self.given);
        self.searched -= self.given;
        self.given = 0;
        let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
        let read = (&self.file).take(limit).read_to_end(&mut self.text);
        read.map_err(StoreError::io("read", &self.path))
    }
}
