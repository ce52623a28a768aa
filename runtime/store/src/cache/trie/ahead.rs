//! A look-up of many questions by several threads.
//!
//! Nearly every look-up goes the way that the last one went. So the questions on that way are asked at once, and what counts
//! is the first of them that is answered otherwise: all before it were answered as known, and what lies behind it is
//! forgotten. The outcome is that of asking one after the other.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use super::{Ask, Next, Trie, Walk};

/// So many questions are worth a second thread: starting one takes as long as asking some dozen, and any of them may be
/// about a large file.
const LEAST: usize = 32;

/// So many are taken by a thread at once at most. Those of one folder belong together.
const MOST_TAKEN: usize = 64;

/// How often a thread comes back for more at least: files differ in size.
const TURNS: usize = 8;

/// More threads than this wait for the file system.
const MOST_THREADS: usize = 8;

/// How many threads ask at once. Finding out reads what bounds this process, which costs more than asking a few questions.
fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| {
        let threads = thread::available_parallelism();
        threads.map_or(1, NonZero::get).min(MOST_THREADS)
    })
}

impl Trie {
    /// The same as [`walk`](Self::walk). Each thread asks with an own product of `asking`.
    pub fn walk_ahead<'a>(&self, asking: &(dyn Fn() -> Ask<'a> + Sync)) -> Walk {
        self.walk_with(asking, threads(), LEAST)
    }

    pub(super) fn walk_with<'a>(
        &self,
        asking: &(dyn Fn() -> Ask<'a> + Sync),
        threads: usize,
        least: usize,
    ) -> Walk {
        let mut next = self.first;
        let mut agreed = 0;
        loop {
            let way = self.usual_way(next);
            if threads < 2 || way.len() < least {
                return self.walk_from(next, agreed, &mut *asking());
            }
            let Some((place, is)) = self.first_other(&way, asking, threads) else {
                let last = way.last().and_then(|last| self.usual_answer(*last));
                next = last.map(|(_, next)| *next);
                agreed += way.len();
                continue;
            };
            agreed += place;
            match self.onward(way[place], is, agreed) {
                Ok(onward) => next = Some(onward),
                Err(missed) => return Walk::Miss(*missed),
            }
            agreed += 1;
        }
    }

    /// The nodes from `next` on, where each is answered as it was last.
    fn usual_way(&self, mut next: Option<Next>) -> Vec<u32> {
        let mut way = Vec::new();
        while let Some(Next::Node(number)) = next
            && way.len() < self.nodes.len()
            && let Some((_, onward)) = self.usual_answer(number)
        {
            way.push(number);
            next = Some(*onward);
        }
        way
    }

    fn usual_answer(&self, node: u32) -> Option<&(super::Answer, Next)> {
        self.nodes.get(node as usize)?.edges.last()
    }

    /// The first place on `way` where the answer is not the usual one, and that answer.
    fn first_other<'a>(
        &self,
        way: &[u32],
        asking: &(dyn Fn() -> Ask<'a> + Sync),
        threads: usize,
    ) -> Option<(usize, std::io::Result<super::Answer>)> {
        let taken = AtomicUsize::new(0);
        let many = (way.len() / (threads * TURNS)).clamp(1, MOST_TAKEN);
        // Where `other` is. What lies before it is asked to its end, what lies behind it is not.
        let end = AtomicUsize::new(way.len());
        let other = Mutex::new(None);
        let work = || {
            let mut ask = asking();
            loop {
                let begin = taken.fetch_add(many, Ordering::Relaxed);
                if begin >= end.load(Ordering::Relaxed) {
                    return;
                }
                let places = begin..way.len().min(begin.saturating_add(many));
                for place in places {
                    if place >= end.load(Ordering::Relaxed) {
                        return;
                    }
                    let Some(node) = self.nodes.get(way[place] as usize) else {
                        return;
                    };
                    let is = ask(&node.spot, node.question);
                    let usual = node.edges.last().map(|(answer, _)| answer);
                    if is.as_ref().ok() == usual {
                        continue;
                    }
                    let mut other = other.lock().unwrap_or_else(PoisonError::into_inner);
                    if place < end.fetch_min(place, Ordering::Relaxed) {
                        *other = Some((place, is));
                    }
                    return;
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                let builder = thread::Builder::new().name("look-up".to_owned());
                // Without it, this thread does all.
                let _ = builder.spawn_scoped(scope, work);
            }
            work();
        });
        other.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use stepwell_contract::{Answer, Digest, Observation, Question, Spot};

    use super::*;
    use crate::cache::trie::Leaf;

    fn observation(place: usize, value: u8) -> Observation {
        Observation {
            spot: Spot::new("w", place.to_string()),
            question: Question::Content,
            answer: Answer::Content(Digest::of(&[value])),
        }
    }

    fn leaf(number: u8) -> Leaf {
        Leaf {
            outcome: Digest::of(&[number, 1]),
            at_ms: u64::from(number),
            took_ms: 7,
        }
    }

    /// Where the answers differ from zero, and which they are.
    type World = Vec<(usize, u8)>;

    fn value(world: &World, place: usize) -> u8 {
        let found = world.iter().find(|(differs, _)| *differs == place);
        found.map_or(0, |(_, value)| *value)
    }

    #[test]
    fn many_threads_find_what_one_finds() {
        const PLACES: usize = 1000;
        let worlds: [World; 5] = [
            vec![],
            vec![(700, 1)],
            vec![(300, 1)],
            vec![(300, 1), (301, 2), (999, 3)],
            vec![(0, 1)],
        ];
        let mut trie = Trie::default();
        for (number, world) in worlds.iter().enumerate() {
            let trace = (0..PLACES).map(|place| observation(place, value(world, place)));
            trie.insert(&trace.collect::<Vec<_>>(), leaf(number.try_into().unwrap()));
        }
        let unknown: [World; 6] = [
            vec![(999, 1)],
            vec![(0, 2)],
            vec![(299, 1), (300, 1)],
            vec![(300, 1), (301, 9)],
            vec![(200, 255), (700, 1)],
            vec![(63, 1), (64, 1), (65, 255), (900, 4)],
        ];
        for world in worlds.iter().chain(&unknown) {
            let asking = || -> Ask<'_> {
                Box::new(|spot, _| {
                    let place: usize = spot.path.parse().unwrap();
                    match value(world, place) {
                        255 => Err(io::Error::other("broken")),
                        value => Ok(Answer::Content(Digest::of(&[value]))),
                    }
                })
            };
            let expected = trie.walk(&mut *asking());
            for threads in [1, 2, 5] {
                assert_eq!(trie.walk_with(&asking, threads, 2), expected, "{world:?}");
            }
            assert_eq!(trie.walk_ahead(&asking), expected, "{world:?}");
        }
    }
}
