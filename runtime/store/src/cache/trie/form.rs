//! A trie's bytes on disk: one node after the other, each with what its place does not have in common with the one before.
//!
//! A step asks about one file several times in a row, and about one folder's files one after the other. So most of a trace of
//! a hundred thousand files is their digests.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_contract::{Answer, Question, Spot};

use super::shape::MOST_NODES;
use super::{Edges, Next, Node, Trie};

/// How much of a path is taken over from the one before at most: a short file must not make long paths without end.
const MOST_SHARED: usize = u8::MAX as usize;

/// What comes first.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    first: Option<Next>,
    #[serde(borrow)]
    volumes: Vec<&'a str>,
}

/// A node's place.
#[derive(Serialize, Deserialize)]
enum Place<'a> {
    /// That of the node before.
    Same,
    /// Another.
    Other {
        volume: u32,
        /// How many bytes its path has in common with that of the node before.
        shared: u8,
        rest: &'a str,
    },
}

/// What a node asks, and how many answers are known.
#[derive(Serialize, Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    place: Place<'a>,
    question: Question,
    edges: u32,
}

impl Trie {
    /// The form on disk.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut volumes: Vec<&str> = Vec::new();
        for node in &self.nodes {
            if !volumes.contains(&&*node.spot.volume) {
                volumes.push(&node.spot.volume);
            }
        }
        let first = self.first;
        let head = Head {
            first,
            volumes: volumes.clone(),
        };
        let bytes = Vec::with_capacity(64 * self.nodes.len() + 64);
        let mut bytes = postcard::to_extend(&head, bytes).ok()?;
        let mut before: Option<&Spot> = None;
        for node in &self.nodes {
            let asked = Asked {
                place: place(before, &node.spot, &volumes)?,
                question: node.question,
                edges: u32::try_from(node.edges.len()).ok()?,
            };
            bytes = postcard::to_extend(&asked, bytes).ok()?;
            for edge in &node.edges {
                bytes = postcard::to_extend(edge, bytes).ok()?;
            }
            before = Some(&node.spot);
        }
        Some(bytes)
    }

    /// What [`encode`](Self::encode) made; `None` where it is not that.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, mut rest) = postcard::take_from_bytes::<Head<'_>>(bytes).ok()?;
        let volumes: Vec<Arc<str>> = head.volumes.into_iter().map(Arc::from).collect();
        let mut nodes = Vec::new();
        let mut path = String::new();
        let mut spot: Option<Spot> = None;
        while !rest.is_empty() {
            if nodes.len() == MOST_NODES {
                return None;
            }
            let (asked, edges) = postcard::take_from_bytes::<Asked<'_>>(rest).ok()?;
            rest = edges;
            let here = match asked.place {
                Place::Same => spot.take()?,
                Place::Other {
                    volume,
                    shared,
                    rest,
                } => {
                    path.get(..usize::from(shared))?;
                    path.truncate(usize::from(shared));
                    path.push_str(rest);
                    let volume = volumes.get(usize::try_from(volume).ok()?)?;
                    let here = Spot::new(Arc::clone(volume), &*path);
                    here.is_plain().then_some(here)?
                }
            };
            let mut edges = Edges::new();
            for _ in 0..asked.edges {
                let (edge, behind) = postcard::take_from_bytes::<(Answer, Next)>(rest).ok()?;
                rest = behind;
                edges.push(edge);
            }
            spot = Some(here.clone());
            nodes.push(Node {
                spot: here,
                question: asked.question,
                edges,
            });
        }
        let first = head.first;
        let trie = Self { nodes, first };
        trie.is_sound().then_some(trie)
    }
}

/// `spot`, by what it has not in common with `before`.
fn place<'a>(before: Option<&Spot>, spot: &'a Spot, volumes: &[&str]) -> Option<Place<'a>> {
    if before == Some(spot) {
        return Some(Place::Same);
    }
    let volume = volumes.iter().position(|volume| **volume == *spot.volume)?;
    let before = before.map_or("", |before| &before.path);
    let bytes = before.bytes().zip(spot.path.bytes()).take(MOST_SHARED);
    let mut shared = bytes.take_while(|(one, other)| one == other).count();
    while !spot.path.is_char_boundary(shared) {
        shared -= 1;
    }
    Some(Place::Other {
        volume: u32::try_from(volume).ok()?,
        shared: u8::try_from(shared).ok()?,
        rest: &spot.path[shared..],
    })
}

#[cfg(test)]
mod tests {
    use stepwell_contract::{Digest, Kind};

    use super::*;
    use crate::cache::trie::{Leaf, Observation};

    fn trie(places: &[(&str, &str)]) -> Trie {
        let observations = places.iter().map(|(volume, path)| Observation {
            spot: Spot::new(*volume, *path),
            question: Question::Kind,
            answer: Answer::Kind(Kind::Absent),
        });
        let leaf = Leaf {
            outcome: Digest::of(b"outcome"),
            at_ms: 1,
            took_ms: 2,
        };
        let mut trie = Trie::default();
        trie.insert(&observations.collect::<Vec<_>>(), leaf);
        trie
    }

    #[test]
    fn places_come_back_whatever_they_have_in_common() {
        let long = "d/".repeat(300) + "file";
        let trie = trie(&[
            ("w", ""),
            ("w", "a/one"),
            ("w", "a/two"),
            ("v", "a/two"),
            ("v", "a/tw"),
            ("v", "\u{e4}"),
            ("v", "\u{f6}"),
            ("v", &long),
            ("v", &format!("{long}s")),
        ]);
        assert_eq!(Trie::decode(&trie.encode().unwrap()), Some(trie));
    }

    #[test]
    fn a_place_that_is_asked_about_again_costs_a_byte() {
        let name = "a/name/of/some/length";
        let size = |trie: Trie| trie.encode().unwrap().len();
        let once = size(trie(&[("w", name)]));
        let mut twice = trie(&[("w", name)]);
        let mut node = twice.nodes[0].clone();
        node.edges.clear();
        node.question = Question::Stat;
        twice.nodes.push(node);
        assert_eq!(size(twice), once + 3);
    }

    #[test]
    fn attack_a_path_that_takes_over_more_than_there_is_and_one_that_takes_over_less() {
        let form = |shared, rest: &str| {
            let first = Some(Next::Node(0));
            let volumes = vec!["w"];
            let mut bytes = postcard::to_allocvec(&Head { first, volumes }).unwrap();
            let places = [(0, "\u{e4}b"), (shared, rest)];
            for (number, (shared, rest)) in places.into_iter().enumerate() {
                let asked = Asked {
                    place: Place::Other {
                        volume: 0,
                        shared,
                        rest,
                    },
                    question: Question::Kind,
                    edges: 1,
                };
                let next = match number {
                    0 => Next::Node(1),
                    _ => Next::Leaf(crate::cache::trie::shape::NOWHERE),
                };
                bytes.extend(postcard::to_allocvec(&asked).unwrap());
                bytes.extend(postcard::to_allocvec(&(Answer::Room, next)).unwrap());
            }
            bytes
        };
        assert!(Trie::decode(&form(3, "c")).is_some());
        assert!(Trie::decode(&form(2, "c")).is_some());
        for (shared, rest) in [(4, "c"), (200, "c"), (1, "c"), (3, "/../c"), (0, "/c")] {
            assert_eq!(Trie::decode(&form(shared, rest)), None, "{shared} {rest}");
        }
    }
}
