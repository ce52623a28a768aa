//! The record itself: which question was asked, in which order, with which answer, and what has become the step's own.
//!
//! A plain data structure. Knows no file system: who asks hands it the answers.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use stepwell_contract::{
    Answer, Digest, Flaw, Kind, ListingHasher, Observation, Question, Spot, Trace, Version,
};

use super::owned::Owned;

/// Flaws that are told. One is enough to give the trace up; the rest is for people, and a guest decides how many there are.
const FLAWS_TOLD: usize = 8;

/// The record of one step.
#[derive(Debug)]
pub(super) struct Recorder {
    most: usize,
    asked: Vec<Asked>,
    known: HashMap<Spot, Known, RandomState>,
    owned: Owned,
    flaws: Vec<Flaw>,
}

/// A question in its place. The content of a file is asked for when its first byte is read, and known when its last is.
#[derive(Debug)]
struct Asked {
    spot: Spot,
    question: Question,
    answer: Option<Answer>,
}

/// Which questions about one place were asked: where they are.
#[derive(Debug, Default)]
struct Known {
    asked: [Option<u32>; Question::ALL.len()],
    /// The state of the file whose content was asked for.
    version: Option<Version>,
}

/// What to do about bytes that a guest reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing: the file is the step's own, or nothing more is recorded.
    Free,
    /// Nothing as long as the file stays as it is: it was asked for in this very state.
    Same,
    /// The digest of the file is the answer to this question.
    Wanted(u32),
}

impl Recorder {
    /// An empty record that takes `most` observations.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.min(u32::MAX as usize),
            asked: Vec::new(),
            known: HashMap::default(),
            owned: Owned::default(),
            flaws: Vec::new(),
        }
    }

    /// Whether the place is the step's own.
    pub(super) fn owns(&self, spot: &Spot) -> bool {
        self.owned.has(spot)
    }

    /// Whether it is of no use any more to look closely.
    pub(super) fn is_given_up(&self) -> bool {
        !self.flaws.is_empty()
    }

    /// A step asked `question` about `spot` and was told `answer`.
    pub(super) fn note(&mut self, spot: &Spot, question: Question, answer: Answer) {
        if self.owned.has(spot) {
            return;
        }
        if let Some(known) = self.known.get(spot) {
            let at = |question: Question| known.asked[question as usize];
            // What a `Stat` said, a `Kind` need not ask; and a content has the size that it has.
            let said = match question {
                Question::Kind => at(Question::Kind).or(at(Question::Stat)),
                Question::Stat => at(Question::Stat).or(at(Question::Content)),
                question => at(question),
            };
            if let Some(said) = said {
                match self.asked.get_mut(said as usize) {
                    // What is digested only now has to agree with it.
                    Some(Asked {
                        question: Question::Content,
                        answer: said @ None,
                        ..
                    }) if question == Question::Content => *said = Some(answer),
                    Some(Asked {
                        answer: Some(said), ..
                    }) if !agrees(said, &answer) => self.flaw(Flaw::Changed(spot.clone())),
                    _ => {}
                }
                return;
            }
        }
        self.ask(spot, question, Some(answer));
    }

    /// A step reads bytes of the file at `spot`, which is at `version`.
    pub(super) fn read(&mut self, spot: &Spot, version: &Version) -> Content {
        if self.owned.has(spot) {
            return Content::Free;
        }
        if let Some(known) = self.known.get(spot)
            && let Some(at) = known.asked[Question::Content as usize]
        {
            return match known.version {
                Some(known) if known == *version => Content::Same,
                _ => Content::Wanted(at),
            };
        }
        match self.ask(spot, Question::Content, None) {
            Some(at) => {
                if let Some(known) = self.known.get_mut(spot) {
                    known.version = Some(*version);
                }
                Content::Wanted(at)
            }
            None => Content::Free,
        }
    }

    /// The answer to a question that [`Self::read`] left open.
    pub(super) fn answer(&mut self, at: u32, digest: Digest) {
        let Some(asked) = self.asked.get_mut(at as usize) else {
            return;
        };
        let answer = Answer::Content(digest);
        let said = asked.answer.get_or_insert_with(|| answer.clone());
        if *said != answer {
            let spot = asked.spot.clone();
            self.flaw(Flaw::Changed(spot));
        }
    }

    fn ask(&mut self, spot: &Spot, question: Question, answer: Option<Answer>) -> Option<u32> {
        if self.asked.len() >= self.most {
            self.flaw(Flaw::TooMany(self.most));
            return None;
        }
        let at = u32::try_from(self.asked.len()).ok()?;
        self.known.entry(spot.clone()).or_default().asked[question as usize] = Some(at);
        self.asked.push(Asked {
            spot: spot.clone(),
            question,
            answer,
        });
        Some(at)
    }

    /// `spot` is the step's own from now on; `prior` was there before.
    pub(super) fn own(&mut self, spot: &Spot, prior: Kind) {
        self.owned.add(spot, prior);
    }

    /// The digest of a folder as it was before the step changed anything in it. `entries` are what is in it now, sorted by
    /// their names.
    pub(super) fn prior_listing(&self, folder: &Spot, entries: &[(Box<[u8]>, Kind)]) -> Digest {
        let mut hasher = ListingHasher::default();
        let Some(own) = self.owned.within(folder) else {
            for (name, kind) in entries {
                hasher.entry(name, *kind);
            }
            return hasher.finish();
        };
        let mut own = own.iter().peekable();
        let mut before = |until: Option<&[u8]>, hasher: &mut ListingHasher| {
            let mut is_own = false;
            while let Some((name, kind)) =
                own.next_if(|(name, _)| until.is_none_or(|until| name.as_bytes() <= until))
            {
                is_own = until.is_some_and(|until| until == name.as_bytes());
                if *kind != Kind::Absent {
                    hasher.entry(name.as_bytes(), *kind);
                }
            }
            is_own
        };
        for (name, kind) in entries {
            if !before(Some(name), &mut hasher) {
                hasher.entry(name, *kind);
            }
        }
        before(None, &mut hasher);
        hasher.finish()
    }

    /// The record does not say all.
    pub(super) fn flaw(&mut self, flaw: Flaw) {
        if self.flaws.len() < FLAWS_TOLD && !self.flaws.contains(&flaw) {
            self.flaws.push(flaw);
        }
    }

    /// The whole record.
    pub(super) fn finish(mut self) -> Trace {
        let mut observations = Vec::with_capacity(self.asked.len());
        for asked in std::mem::take(&mut self.asked) {
            let Asked {
                spot,
                question,
                answer,
            } = asked;
            match answer {
                Some(answer) => observations.push(Observation {
                    spot,
                    question,
                    answer,
                }),
                // Why there is none is a flaw already, but where a handle outlived its step.
                None if self.flaws.is_empty() => self.flaw(Flaw::Unobserved {
                    spot,
                    cause: "it was read and never closed".to_owned(),
                }),
                None => {}
            }
        }
        Trace {
            observations,
            written: self.owned.spots(),
            flaws: self.flaws,
        }
    }
}

/// Whether a second answer about one place is what the first one says.
fn agrees(said: &Answer, now: &Answer) -> bool {
    match (said, now) {
        (Answer::Stat { kind, .. }, Answer::Kind(now)) => kind == now,
        // The size of what was read is looked at where it is read.
        (Answer::Content(_), Answer::Stat { .. }) => true,
        (said, now) => said == now,
    }
}

#[cfg(test)]
mod tests;
