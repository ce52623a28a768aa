//! What all pipelines of a run share: the commands that are to be done, the places, and the line for them.

use std::collections::{BTreeMap, VecDeque};

use super::command::{At, Command};

/// Where a task stands in the order of the documents: its place in its pipeline, after the place of that pipeline in the
/// one around it.
pub(super) type Rank = Vec<u32>;

/// What all pipelines of a run share.
#[derive(Debug)]
pub(super) struct Board {
    /// How many TaskRuns may run at once.
    places: usize,
    /// How many places are taken: by a TaskRun, or by a task whose instances are being made.
    taken: usize,
    /// The tasks that have an instance to start.
    line: BTreeMap<Rank, At>,
    /// What is to be done.
    pub(super) commands: VecDeque<Command>,
    /// Instances that are nested pipelines and have to stop.
    pub(super) nested_stops: Vec<(At, usize)>,
}

impl Board {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places,
            taken: 0,
            line: BTreeMap::new(),
            commands: VecDeque::new(),
            nested_stops: Vec::new(),
        }
    }

    pub(super) fn say(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    /// The first in the line, where there is a place for it.
    pub(super) fn next(&self) -> Option<At> {
        if self.taken < self.places {
            self.line.first_key_value().map(|(_, at)| *at)
        } else {
            None
        }
    }

    pub(super) fn take_place(&mut self) {
        self.taken += 1;
    }

    pub(super) fn free_place(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    pub(super) fn stand_in_line(&mut self, rank: Rank, at: At) {
        self.line.insert(rank, at);
    }

    pub(super) fn leave_line(&mut self, rank: &Rank) {
        self.line.remove(rank);
    }
}
