//! Hides the values of Secrets in what leaves as an event.
//!
//! Each value is looked for whole, in each of its lines, and in base64; whatever is covered by any of them, alone or
//! together, becomes one `***`. What a step writes is looked at as it comes, byte by byte through one automaton, so that it
//! does not matter how it is cut into writes, pieces or lines: what may yet become a secret is held back until it has or
//! has not. It hides what is shown, and nothing from the steps themselves: whoever has a secret can write it in another
//! way, and results that pass between tasks are not touched.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use stepwell_contract::secret::{self, MASK};

use crate::error::EngineError;

/// Stops Secrets from growing an automaton that fills the memory: it takes some twenty bytes for each of theirs. Kubernetes
/// takes no Secret of more than 1 MiB.
const MOST_BYTES: usize = 16 << 20;

/// What is to be hidden. Without secrets it costs nothing.
#[derive(Clone, Default)]
pub(crate) struct Mask(Option<Arc<Patterns>>);

struct Patterns {
    automaton: NFA,
    start: StateID,
    longest: usize,
}

impl fmt::Debug for Mask {
    /// Shows nothing of what is hidden.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Mask" } else { "no mask" })
    }
}

impl Mask {
    /// Hides `secrets`.
    ///
    /// # Errors
    ///
    /// [`EngineError::TooManySecrets`]: whatever cannot be hidden must not be shown, so nothing may run.
    pub(crate) fn new(secrets: &[Arc<str>]) -> Result<Self, EngineError> {
        Self::of_at_most(MOST_BYTES, secrets)
    }

    fn of_at_most(limit: usize, secrets: &[Arc<str>]) -> Result<Self, EngineError> {
        let too_many = |bytes| EngineError::TooManySecrets { bytes, limit };
        let whole = secrets.iter().map(|secret| secret.len()).sum();
        if whole > limit {
            return Err(too_many(whole));
        }
        let patterns = secret::spellings(secrets);
        let Some(longest) = patterns.iter().map(String::len).max() else {
            return Ok(Self::default());
        };
        let bytes = patterns.iter().map(String::len).sum();
        if bytes > limit {
            return Err(too_many(bytes));
        }
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(&patterns)
            .map_err(|_| too_many(bytes))?;
        let start = automaton.start_state(Anchored::No);
        Ok(Self(Some(Arc::new(Patterns {
            start: start.map_err(|_| too_many(bytes))?,
            automaton,
            longest,
        }))))
    }

    /// Whether there is nothing to hide.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The text with its secrets hidden; `None` where it has none.
    pub(crate) fn text(&self, text: &str) -> Option<String> {
        let patterns = self.0.as_ref()?;
        let mut stream = Stream::new(Arc::clone(patterns));
        let mut hidden = Vec::new();
        stream.push(text.as_bytes(), &mut |bytes| {
            hidden.extend_from_slice(bytes)
        });
        stream.finish(false, &mut |bytes| hidden.extend_from_slice(bytes));
        // Secrets are text, so that what is left between them is too.
        stream
            .found
            .then(|| String::from_utf8_lossy(&hidden).into_owned())
    }

    /// For a stream of bytes; `None` where nothing is to be hidden.
    pub(crate) fn stream(&self) -> Option<Stream> {
        self.0
            .as_ref()
            .map(|patterns| Stream::new(Arc::clone(patterns)))
    }
}

/// Hides secrets in bytes that come one after the other.
pub(crate) struct Stream {
    patterns: Arc<Patterns>,
    state: StateID,
    /// What has come and not gone on: something in it may be the beginning of a secret.
    held: Vec<u8>,
    /// The parts of `held` that are hidden, in order, none touching another.
    hidden: Vec<Range<usize>>,
    /// Where the last possible secret began: nothing before it can become a part of one.
    quiet: usize,
    /// Whether what went on last was hidden, so that more of the same needs no mark of its own.
    marked: bool,
    /// Whether there was anything to hide.
    found: bool,
}

impl fmt::Debug for Stream {
    /// Shows nothing of what is hidden.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl Stream {
    fn new(patterns: Arc<Patterns>) -> Self {
        Self {
            state: patterns.start,
            patterns,
            held: Vec::new(),
            hidden: Vec::new(),
            quiet: 0,
            marked: false,
            found: false,
        }
    }

    /// Takes bytes; `out` gets what can go on.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut impl FnMut(&[u8])) {
        let Patterns {
            automaton,
            start,
            longest,
        } = &*self.patterns;
        let before = self.held.len();
        self.held.extend_from_slice(bytes);
        for (index, byte) in bytes.iter().enumerate() {
            let end = before + index + 1;
            self.state = automaton.next_state(Anchored::No, self.state, *byte);
            if automaton.is_match(self.state) {
                // The first is the longest: the others are ends of it.
                let length = automaton.pattern_len(automaton.match_pattern(self.state, 0));
                // One that began before what is held has been held as long as it could grow.
                cover(&mut self.hidden, end.saturating_sub(length)..end);
                self.found = true;
            }
            if self.state == *start {
                self.quiet = end;
            }
        }
        let safe = self
            .quiet
            .max((self.held.len() + 1).saturating_sub(*longest));
        self.release(safe.min(self.held.len()), out);
    }

    /// Ends the stream. `cut` says whether more would have come: then what may have become a secret is hidden too.
    pub(crate) fn finish(&mut self, cut: bool, out: &mut impl FnMut(&[u8])) {
        let end = self.held.len();
        if cut && self.quiet < end {
            cover(&mut self.hidden, self.quiet..end);
        }
        self.release(end, out);
        self.state = self.patterns.start;
    }

    /// Lets the first `safe` bytes go.
    fn release(&mut self, safe: usize, out: &mut impl FnMut(&[u8])) {
        let mut gone = 0;
        let mut done = 0;
        for hidden in &mut self.hidden {
            if hidden.start >= safe {
                break;
            }
            if hidden.start > gone {
                out(&self.held[gone..hidden.start]);
                self.marked = false;
            }
            if !self.marked {
                out(MASK.as_bytes());
                self.marked = true;
            }
            gone = hidden.end.min(safe);
            if hidden.end > safe {
                hidden.start = safe;
                break;
            }
            done += 1;
        }
        if gone < safe {
            out(&self.held[gone..safe]);
            self.marked = false;
        }
        self.hidden.drain(..done);
        for hidden in &mut self.hidden {
            *hidden = hidden.start - safe..hidden.end - safe;
        }
        self.held.drain(..safe);
        self.quiet = self.quiet.saturating_sub(safe);
    }
}

/// Adds `part`, which ends behind all others, to `hidden`.
fn cover(hidden: &mut Vec<Range<usize>>, mut part: Range<usize>) {
    while let Some(last) = hidden.pop_if(|last| last.end >= part.start) {
        part.start = part.start.min(last.start);
    }
    hidden.push(part);
}

#[cfg(test)]
#[path = "mask/tests.rs"]
mod tests;
