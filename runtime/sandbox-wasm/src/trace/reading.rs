//! The digest of a file out of the bytes that stream by to the guest.
//!
//! A file that is read from its beginning to its end is never read a second time. Where the guest leaves something out, the
//! host reads on by itself. Either way the file has to be, when it is closed, what it was when it was opened.

use std::fmt;
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::Stat;
use rustix::io::{Errno, pread};
use stepwell_contract::{Digest, Flaw, Question, Settled, Spot, Version};

use super::Tracer;
use super::at::stat_answer;
use super::beside::Whole;
use super::recorder::Content;

/// How much the host reads at once of what the guest left out.
const CHUNK: usize = 128 << 10;

/// A file of this size, read in one piece, is remembered until it is closed and digested by another thread. Bounds what the
/// handles of a guest hold in memory.
const SMALL: usize = 8 << 10;

/// What is recorded of one open file.
pub(crate) struct Seen {
    tracer: Arc<Tracer>,
    pub(super) spot: Spot,
    opened: Version,
    /// The same, where digests may be remembered by it.
    settled: Option<Settled>,
    reading: Mutex<Reading>,
}

/// How far a guest has read.
enum Reading {
    /// Not at all.
    Unread,
    /// From the beginning, without a gap.
    Streaming {
        question: u32,
        hasher: Box<blake3::Hasher>,
        position: u64,
    },
    /// All of a small file, at once. It is digested when it is closed.
    Whole { question: u32, bytes: Box<[u8]> },
    /// What it can read is recorded, as long as the file stays as it is.
    Settled(Option<Digest>),
    /// What it can read is its own affair: the file is the step's.
    Free,
}

/// What is known of a file when it is closed.
enum Read {
    /// Its digest, unless it was known before.
    Digest(Option<Digest>),
    /// All of it, and which question that answers.
    Whole(u32, Box<[u8]>),
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seen").field(&self.spot).finish()
    }
}

impl Seen {
    /// A file that was just opened to be read.
    pub(crate) fn to_read(tracer: &Arc<Tracer>, spot: Spot, stat: &Stat) -> Self {
        let reading = match tracer.lock().owns(&spot) {
            true => Reading::Free,
            false => Reading::Unread,
        };
        Self::new(tracer, spot, stat, reading)
    }

    /// A file that became the step's as it was opened.
    pub(crate) fn to_change(tracer: &Arc<Tracer>, spot: Spot, stat: &Stat) -> Self {
        Self::new(tracer, spot, stat, Reading::Free)
    }

    fn new(tracer: &Arc<Tracer>, spot: Spot, stat: &Stat, reading: Reading) -> Self {
        let opened = Version::of(stat);
        Self {
            tracer: Arc::clone(tracer),
            spot,
            opened,
            settled: opened.settled(),
            reading: Mutex::new(reading),
        }
    }

    /// The guest is handed `bytes` from `position` on; none where the file ends before.
    pub(crate) fn read(&self, file: &File, position: u64, bytes: &[u8]) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*reading, Reading::Unread) {
            let is_whole = bytes.len() as u64 == self.opened.size && bytes.len() <= SMALL;
            let is_start = position == 0;
            *reading = self.begin(is_start, (is_start && is_whole).then_some(bytes));
        }
        let Reading::Streaming {
            hasher,
            position: done,
            question,
        } = &mut *reading
        else {
            return;
        };
        let end = position.saturating_add(bytes.len() as u64);
        if position > *done {
            let digest = self.rest(file, hasher, *done, *question);
            *reading = Reading::Settled(digest);
            return;
        }
        // What was read before is not digested twice.
        let fresh = usize::try_from(*done - position).ok();
        if let Some(fresh) = fresh.and_then(|read| bytes.get(read..)) {
            hasher.update(fresh);
            *done = end.max(*done);
        }
        if *done >= self.opened.size {
            let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
            self.tracer.lock().answer(*question, digest);
            *reading = Reading::Settled(Some(digest));
        }
    }

    /// Whether the file is known to have nothing from `position` on: it was read to its end, and is not kept where it has become
    /// longer since. Of a file without a size, such as a kernel's, the end shows only when it is read.
    pub(crate) fn ends_at(&self, position: u64) -> bool {
        let size = self.opened.size;
        if size == 0 || position < size {
            return false;
        }
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*reading, Reading::Whole { .. } | Reading::Settled(_))
    }

    /// The guest is told what is known of the open file.
    pub(crate) fn stat(&self, stat: &Stat) {
        self.tracer
            .lock()
            .note(&self.spot, Question::Stat, stat_answer(stat));
    }

    /// A change of the open file was refused.
    pub(crate) fn refused(&self, doing: &'static str, cause: &dyn fmt::Display) {
        self.tracer.lock().flaw(Flaw::Refused {
            doing,
            spot: self.spot.clone(),
            cause: cause.to_string(),
        });
    }

    /// The file could not be read.
    pub(crate) fn unread(&self, cause: &dyn fmt::Display) {
        self.tracer.lock().flaw(Flaw::Unobserved {
            spot: self.spot.clone(),
            cause: cause.to_string(),
        });
    }

    /// The step is about to change the file, or to take it away: all that can still be read of it is recorded now.
    pub(super) fn settle(&self, file: &File) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*reading, Reading::Unread) {
            *reading = self.begin(false, None);
            if let Reading::Streaming {
                hasher,
                position,
                question,
            } = &mut *reading
            {
                self.rest(file, hasher, *position, *question);
                *reading = Reading::Settled(None);
            }
        }
        self.end(file, &mut reading);
        *reading = Reading::Free;
    }

    /// The file is closed.
    pub(crate) fn close(&self, file: &File) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.end(file, &mut reading);
    }

    fn end(&self, file: &File, reading: &mut Reading) {
        let read = match std::mem::replace(reading, Reading::Settled(None)) {
            unread @ (Reading::Unread | Reading::Free) => {
                *reading = unread;
                return;
            }
            Reading::Settled(digest) => Read::Digest(digest),
            Reading::Whole { question, bytes } => Read::Whole(question, bytes),
            Reading::Streaming {
                mut hasher,
                position,
                question,
            } => Read::Digest(self.rest(file, &mut hasher, position, question)),
        };
        match rustix::fs::fstat(file.as_fd()) {
            Ok(stat) if Version::of(&stat) == self.opened => match read {
                Read::Digest(digest) => {
                    if let (Some(digest), Some(settled)) = (digest, &self.settled) {
                        self.tracer.digests().put(settled, digest);
                    }
                }
                Read::Whole(question, bytes) => self.tracer.beside.digest(Whole {
                    question,
                    version: self.settled,
                    bytes,
                }),
            },
            Ok(_) => self.tracer.lock().flaw(Flaw::Changed(self.spot.clone())),
            Err(errno) => self.unread(&errno),
        }
    }

    /// Asks for the content. Where the guest does not begin at the beginning, a digest that is known saves reading.
    /// `whole` is all of a small file, where the guest begins with that.
    fn begin(&self, at_start: bool, whole: Option<&[u8]>) -> Reading {
        let mut recorder = self.tracer.lock();
        let question = match recorder.read(&self.spot, &self.opened) {
            Content::Free => return Reading::Free,
            Content::Same => return Reading::Settled(None),
            Content::Wanted(question) => question,
        };
        if !at_start && let Some(digest) = self.tracer.digests().get(&self.opened) {
            recorder.answer(question, digest);
            return Reading::Settled(None);
        }
        match whole {
            Some(bytes) => Reading::Whole {
                question,
                bytes: bytes.into(),
            },
            None => Reading::Streaming {
                question,
                hasher: Box::default(),
                position: 0,
            },
        }
    }

    /// Reads what the guest has left out, from `position` on; no more than there was when the file was opened.
    fn rest(
        &self,
        file: &File,
        hasher: &mut blake3::Hasher,
        mut position: u64,
        question: u32,
    ) -> Option<Digest> {
        let left = self.opened.size.saturating_sub(position);
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
        while position < self.opened.size {
            match pread(file.as_fd(), &mut *chunk, position) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(&chunk[..read]);
                    position += read as u64;
                }
                Err(Errno::INTR) => {}
                Err(errno) => {
                    self.unread(&errno);
                    return None;
                }
            }
        }
        let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
        self.tracer.lock().answer(question, digest);
        Some(digest)
    }
}

#[cfg(test)]
mod tests;
