//! The traces of one static key, as a trie: a node asks one question, an edge is one answer to it, a leaf is an outcome.
//!
//! A step with a given key asks the same first thing every time; what it is told decides what it asks next. So all its traces
//! begin at one node and part where their answers part, and a look-up asks what the step itself would ask, in its order,
//! and no more. Two traces that ask different things after the same answers mean that something decides what the step does
//! that is no answer: the newer one is kept and the finding told.

mod ahead;
mod form;
mod shape;

use std::io;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use stepwell_contract::{Answer, Digest, Observation, Question, Spot};

/// What a trace led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// The outcome.
    pub outcome: Digest,
    /// When it was stored, in milliseconds since 1970.
    pub at_ms: u64,
    /// How long the step took, in milliseconds.
    pub took_ms: u64,
}

/// Answers questions. One of these asks one after the other, and may remember what it looked at last.
pub type Ask<'a> = Box<dyn FnMut(&Spot, Question) -> io::Result<Answer> + 'a>;

/// The traces of one static key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trie {
    /// A node's edges lead to nodes behind it alone, and every node but the first has one edge that leads to it.
    nodes: Vec<Node>,
    first: Option<Next>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    spot: Spot,
    question: Question,
    /// The one that was stored last comes last. Most nodes have one for ever.
    edges: Edges,
}

type Edges = SmallVec<[(Answer, Next); 1]>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Next {
    Node(u32),
    Leaf(Leaf),
}

/// How a look-up ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Walk {
    /// All that the step would ask was answered as once before.
    Hit(Leaf, usize),
    /// Something was not.
    Miss(Missed),
}

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// How many questions were answered as before.
    pub agreed: usize,
    /// The first one that was not; `None` where no trace is known.
    pub stuck: Option<Stuck>,
}

/// A question whose answer is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Of what.
    pub spot: Spot,
    /// What.
    pub question: Question,
    /// The answer that was stored last.
    pub was: Option<Answer>,
    /// The answer now, or why there is none.
    pub is: Result<Answer, String>,
}

/// Two runs of one key differed after the same answers: something decides what the step does that is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// They asked different things.
    Questions {
        /// After how many answers.
        after: usize,
        /// What the older one asked; `None` where it had ended.
        was: Option<(Spot, Question)>,
        /// What the newer one asked; `None` where it had ended.
        is: Option<(Spot, Question)>,
    },
    /// They asked the same and left something else behind.
    Outcomes {
        /// What the older one left.
        was: Digest,
        /// What the newer one left.
        is: Digest,
    },
}

impl Trie {
    /// Asks what the step would ask, until there is an outcome or an answer that is new.
    pub fn walk(&self, ask: &mut dyn FnMut(&Spot, Question) -> io::Result<Answer>) -> Walk {
        self.walk_from(self.first, 0, ask)
    }

    /// The same from `next` on, after `agreed` answers.
    fn walk_from(
        &self,
        mut next: Option<Next>,
        mut agreed: usize,
        ask: &mut dyn FnMut(&Spot, Question) -> io::Result<Answer>,
    ) -> Walk {
        loop {
            let number = match next {
                None => {
                    return Walk::Miss(Missed {
                        agreed,
                        stuck: None,
                    });
                }
                Some(Next::Leaf(leaf)) => return Walk::Hit(leaf, agreed),
                Some(Next::Node(number)) => number,
            };
            let Some(node) = self.nodes.get(number as usize) else {
                return Walk::Miss(Missed {
                    agreed,
                    stuck: None,
                });
            };
            match self.onward(number, ask(&node.spot, node.question), agreed) {
                Ok(onward) => next = Some(onward),
                Err(missed) => return Walk::Miss(*missed),
            }
            agreed += 1;
        }
    }

    /// Where the answer to what a node asks leads, which came after `agreed` others.
    fn onward(
        &self,
        node: u32,
        is: io::Result<Answer>,
        agreed: usize,
    ) -> Result<Next, Box<Missed>> {
        let Some(node) = self.nodes.get(node as usize) else {
            let stuck = None;
            return Err(Box::new(Missed { agreed, stuck }));
        };
        let same = match &is {
            Ok(answer) => node.edges.iter().find(|(known, _)| known == answer),
            Err(_) => None,
        };
        same.map(|(_, onward)| *onward).ok_or_else(|| {
            let stuck = Stuck {
                spot: node.spot.clone(),
                question: node.question,
                was: node.edges.last().map(|(answer, _)| answer.clone()),
                is: is.map_err(|error| error.to_string()),
            };
            Box::new(Missed {
                agreed,
                stuck: Some(stuck),
            })
        })
    }

    /// Adds a trace and what it led to. What asked something else after the same answers gives way.
    pub fn insert(&mut self, observations: &[Observation], leaf: Leaf) -> Option<Conflict> {
        if observations.len() > shape::MOST_NODES {
            return None;
        }
        if self.nodes.is_empty() {
            self.nodes.reserve_exact(observations.len());
        }
        let mut conflict = None;
        // Where the edge is that leads to what comes next; `None` for the beginning.
        let mut at: Option<(usize, usize)> = None;
        for (after, observation) in observations.iter().enumerate() {
            let known = match self.next(at) {
                Some(Next::Node(number)) => usize::try_from(number).ok(),
                _ => None,
            };
            let asks = |node: &Node| {
                node.spot == observation.spot && node.question == observation.question
            };
            let same = known.filter(|number| self.nodes.get(*number).is_some_and(asks));
            let number = match same {
                Some(number) => number,
                None => {
                    if conflict.is_none() && self.next(at).is_some() {
                        conflict = Some(self.conflict(at, after, Some(observation)));
                    }
                    let number = self.nodes.len();
                    let Ok(next) = u32::try_from(number) else {
                        return conflict;
                    };
                    self.nodes.push(Node {
                        spot: observation.spot.clone(),
                        question: observation.question,
                        edges: Edges::new(),
                    });
                    self.lead(at, Next::Node(next));
                    number
                }
            };
            let node = &mut self.nodes[number];
            let edges = &mut node.edges;
            let found = edges
                .iter()
                .position(|(known, _)| *known == observation.answer);
            match found {
                // The one that is used now is the last.
                Some(found) => {
                    let edge = edges.remove(found);
                    edges.push(edge);
                }
                None => {
                    let nowhere = Next::Leaf(shape::NOWHERE);
                    edges.push((observation.answer.clone(), nowhere));
                }
            }
            at = Some((number, node.edges.len() - 1));
        }
        if conflict.is_none() {
            conflict = match self.next(at) {
                Some(Next::Node(_)) => Some(self.conflict(at, observations.len(), None)),
                Some(Next::Leaf(older)) if older.outcome != leaf.outcome => {
                    let (was, is) = (older.outcome, leaf.outcome);
                    Some(Conflict::Outcomes { was, is })
                }
                _ => None,
            };
        }
        self.lead(at, Next::Leaf(leaf));
        // Without a conflict nothing has lost what leads to it.
        if conflict.is_some() || self.is_beyond() {
            self.trim();
        }
        conflict
    }

    /// The outcomes that it leads to.
    pub fn leaves(&self) -> impl Iterator<Item = Leaf> {
        let edges = self.nodes.iter().flat_map(|node| &node.edges);
        let all = edges.map(|(_, next)| *next).chain(self.first);
        all.filter_map(|next| match next {
            Next::Leaf(leaf) => Some(leaf),
            Next::Node(_) => None,
        })
    }

    /// What comes after an edge; `None` where nothing does yet.
    fn next(&self, at: Option<(usize, usize)>) -> Option<Next> {
        let next = match at {
            None => self.first,
            Some((node, edge)) => Some(self.nodes.get(node)?.edges.get(edge)?.1),
        };
        next.filter(|next| *next != Next::Leaf(shape::NOWHERE))
    }

    fn lead(&mut self, at: Option<(usize, usize)>, next: Next) {
        match at {
            None => self.first = Some(next),
            Some((node, edge)) => self.nodes[node].edges[edge].1 = next,
        }
    }

    fn conflict(
        &self,
        at: Option<(usize, usize)>,
        after: usize,
        is: Option<&Observation>,
    ) -> Conflict {
        let was = match self.next(at) {
            Some(Next::Node(number)) => self.nodes.get(number as usize),
            _ => None,
        };
        Conflict::Questions {
            after,
            was: was.map(|node| (node.spot.clone(), node.question)),
            is: is.map(|is| (is.spot.clone(), is.question)),
        }
    }
}

#[cfg(test)]
mod tests;
