//! A trie's shape: how much of it is kept, and that one from elsewhere leads onward.

use std::collections::BTreeSet;

use stepwell_contract::{Digest, Observation};

use super::{Leaf, Next, Node, Trie};

/// How many outcomes one key keeps: those of as many branches as somebody changes between.
pub(super) const MOST_LEAVES: usize = 64;

/// How many questions one key keeps: a trace of a million is some hundred megabytes on disk.
pub(super) const MOST_NODES: usize = 2 << 20;

/// Stands for what is not known yet while a trace is added.
pub(super) const NOWHERE: Leaf = Leaf {
    outcome: Digest::from_bytes([0; 32]),
    at_ms: 0,
    took_ms: 0,
};

impl Trie {
    /// Whether it is more than is kept.
    pub(super) fn is_beyond(&self) -> bool {
        self.nodes.len() > MOST_NODES || self.leaves().nth(MOST_LEAVES).is_some()
    }

    /// Drops the oldest outcomes until there are no more than are kept, and what leads to none.
    pub(super) fn trim(&mut self) {
        let mut leaves: Vec<Leaf> = self.leaves().collect();
        leaves.sort_unstable_by_key(|leaf| (leaf.at_ms, leaf.outcome));
        let beyond = leaves.len().saturating_sub(MOST_LEAVES);
        let dropped: BTreeSet<_> = leaves[..beyond]
            .iter()
            .map(|leaf| (leaf.at_ms, leaf.outcome))
            .collect();
        self.retain(|leaf| !dropped.contains(&(leaf.at_ms, leaf.outcome)));
        let mut oldest = leaves[beyond..].iter();
        while self.nodes.len() > MOST_NODES {
            let Some(oldest) = oldest.next() else {
                *self = Self::default();
                return;
            };
            self.retain(|leaf| leaf != *oldest);
        }
    }

    /// Keeps the leaves that are `wanted` and what leads to them, in an order in which edges lead onward.
    pub fn retain(&mut self, wanted: impl Fn(Leaf) -> bool) {
        let leads = self.which_lead(&wanted);
        let keeps = |next: Next| match next {
            Next::Leaf(leaf) => leaf != NOWHERE && wanted(leaf),
            Next::Node(number) => leads.get(number as usize).copied().unwrap_or(false),
        };
        let Some(first) = self.first.filter(|next| keeps(*next)) else {
            *self = Self::default();
            return;
        };
        let mut old: Vec<Option<Node>> = std::mem::take(&mut self.nodes)
            .into_iter()
            .map(Some)
            .collect();
        let mut nodes: Vec<Node> = Vec::with_capacity(old.len());
        // Each with the edge that leads to it: where its new number goes.
        let mut open = vec![(first, None::<(usize, usize)>)];
        while let Some((next, from)) = open.pop() {
            let now = match next {
                Next::Leaf(leaf) => Next::Leaf(leaf),
                Next::Node(number) => {
                    let Some(mut node) = old.get_mut(number as usize).and_then(Option::take) else {
                        continue;
                    };
                    node.edges.retain(|(_, next)| keeps(*next));
                    let place = nodes.len();
                    for (edge, (_, next)) in node.edges.iter().enumerate().rev() {
                        open.push((*next, Some((place, edge))));
                    }
                    nodes.push(node);
                    Next::Node(u32::try_from(place).unwrap_or(u32::MAX))
                }
            };
            match from {
                None => self.first = Some(now),
                Some((node, edge)) => nodes[node].edges[edge].1 = now,
            }
        }
        self.nodes = nodes;
    }

    /// For each node, whether it leads to a wanted leaf.
    fn which_lead(&self, wanted: &impl Fn(Leaf) -> bool) -> Vec<bool> {
        let mut leads = vec![false; self.nodes.len()];
        // What a node leads to is behind it, but for nodes that were added in the middle: those are found from the front.
        let mut open: Vec<(usize, usize)> = Vec::new();
        if let Some(Next::Node(number)) = self.first {
            open.push((number as usize, 0));
        }
        let mut seen = vec![false; self.nodes.len()];
        while let Some((number, edge)) = open.pop() {
            let Some(node) = self.nodes.get(number) else {
                continue;
            };
            seen[number] = true;
            match node.edges.get(edge) {
                None => {
                    leads[number] = node.edges.iter().any(|(_, next)| match next {
                        Next::Leaf(leaf) => *leaf != NOWHERE && wanted(*leaf),
                        Next::Node(next) => leads.get(*next as usize).copied().unwrap_or(false),
                    });
                }
                Some((_, next)) => {
                    open.push((number, edge + 1));
                    if let Next::Node(next) = next
                        && seen.get(*next as usize) == Some(&false)
                    {
                        open.push((*next as usize, 0));
                    }
                }
            }
        }
        leads
    }

    /// Whether edges lead onward, each to a node of its own.
    pub(super) fn is_sound(&self) -> bool {
        let mut led = vec![false; self.nodes.len()];
        let mut lead = |next: Next, behind: Option<usize>| match next {
            Next::Leaf(_) => true,
            Next::Node(number) => {
                let number = number as usize;
                let onward = behind.is_none_or(|behind| number > behind);
                match led.get_mut(number) {
                    Some(led) => onward && !std::mem::replace(led, true),
                    None => false,
                }
            }
        };
        let begins = match self.first {
            None => self.nodes.is_empty(),
            Some(first) => lead(first, None),
        };
        let mut nodes = self.nodes.iter().enumerate();
        let leads = nodes.all(|(number, node)| {
            let mut edges = node.edges.iter();
            edges.all(|(_, next)| lead(*next, Some(number)))
        });
        begins && leads && led.iter().all(|led| *led)
    }

    /// The traces, each with what it led to: the one that was stored last comes last among those that part at one node.
    pub fn traces(&self) -> Vec<(Vec<Observation>, Leaf)> {
        let mut traces = Vec::new();
        let mut path: Vec<(usize, usize)> = Vec::new();
        let mut next = self.first;
        loop {
            match next {
                Some(Next::Node(number)) if (number as usize) < self.nodes.len() => {
                    path.push((number as usize, 0));
                }
                Some(Next::Leaf(leaf)) => {
                    let observations = path.iter().map(|(number, edge)| {
                        let node = &self.nodes[*number];
                        Observation {
                            spot: node.spot.clone(),
                            question: node.question,
                            answer: node.edges[*edge].0.clone(),
                        }
                    });
                    traces.push((observations.collect(), leaf));
                    self.step(&mut path);
                }
                _ => self.step(&mut path),
            }
            // The path stands at an edge that was not followed yet, or is empty.
            let Some((number, edge)) = path.last() else {
                return traces;
            };
            next = self.nodes[*number].edges.get(*edge).map(|(_, next)| *next);
        }
    }

    /// Moves `path` to the next edge; up, where a node has no more.
    fn step(&self, path: &mut Vec<(usize, usize)>) {
        while let Some((number, edge)) = path.last_mut() {
            *edge += 1;
            if *edge < self.nodes[*number].edges.len() {
                return;
            }
            path.pop();
        }
    }
}
